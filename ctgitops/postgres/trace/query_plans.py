"""Reads query plans from the messages of auto_explain, a module that the sandbox's superuser enables.

auto_explain also reports the queries of DO blocks, functions and triggers. A migration cannot disable the module, and
the tracer recognises forged messages by their source file and drops them. But a migration can suppress messages.
Therefore, a scanned relation without a plan counts as unknown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...core.impact.query import Node

if TYPE_CHECKING:
    from ..connection.connect import Connection

LONGEST_PLAN = 200_000
MOST_TEXT = 5_000_000
"""Maximum length of all plans of a statement, in characters."""
LOST = "duration: not kept"
"""The text that replaces a plan beyond the limit MOST_TEXT."""
_PLAN = re.compile(r"duration: [\d.]+ ms  plan:\n(?P<plan>\{.*\})", re.DOTALL)
_SYSTEM = frozenset({"pg_catalog", "information_schema", "pg_toast", "ctgitops"})
# The query must work with any search path that a migration set
_NAMES = """
select c.oid::pg_catalog.int8, n.nspname operator(pg_catalog.||) '.' operator(pg_catalog.||) c.relname
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
where c.relkind operator(pg_catalog.=) any ('{r,p,m,f}') and (c.oid operator(pg_catalog.=) any (%s::pg_catalog.oid[])
or (n.nspname operator(pg_catalog.||) '.' operator(pg_catalog.||) c.relname) operator(pg_catalog.=) any (%s))
"""


@dataclass(frozen=True)
class TracedPlan:
    """A query that ran, with its plan."""

    sql: str
    plan: Node
    """The root node. Relation names are `schema.table`, unquoted."""

    @property
    def names(self) -> frozenset[str]:
        """The relations that the query reads or changes."""
        return frozenset(node.relation for node in self.plan.walk() if node.relation)

    @property
    def reads(self) -> frozenset[str]:
        """The relations that the query reads."""
        return frozenset(node.relation for node in self.plan.walk() if node.relation and not node.operation)


def is_plan(message: str) -> bool:
    """Whether a message is a plan that is not too long."""
    return message.startswith("duration: ") and len(message) <= LONGEST_PLAN


def plans_in(messages: Iterable[str]) -> tuple[TracedPlan, ...]:
    """The plans in the messages."""
    return tuple(_plans(messages))


def _plans(messages: Iterable[str]) -> Iterator[TracedPlan]:
    for message in messages:
        if found := _PLAN.fullmatch(message):
            try:
                whole = json.loads(found["plan"])
                yield TracedPlan(str(whole["Query Text"]).strip(), _node(whole["Plan"]))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                continue


def resolved(plan: Node, names: Mapping[str, tuple[str, bool]]) -> Node:
    """The plan with renamed relations. `names` maps each name in the plan to the new name and the value of `fresh`.

    For a relation that is not in `names`, `fresh` is true.
    """
    name, fresh = names.get(plan.relation, (plan.relation, bool(plan.relation)))
    targets = tuple(names.get(each, (each, True))[0] for each in plan.targets)
    children = tuple(resolved(each, names) for each in plan.children)
    return replace(plan, relation=name, targets=targets, fresh=fresh, children=children)


def oids_of(connection: Connection, names: Iterable[str], oids: Iterable[int]) -> dict[int, str]:
    """Maps OIDs to the names of tables in this session. The tables have an OID in `oids` or a name in `names`."""
    found = connection.execute(_NAMES.encode(), [list(oids), list(names)]).fetchall()
    return {int(str(oid)): str(name) for oid, name in found}


def _node(node: dict[str, Any], beside: str = "") -> Node:
    kind, schema = str(node["Node Type"]), str(node.get("Schema", ""))
    parent, below = node.get("Parent Relationship", ""), node.get("Plans", [])
    hashed = f"hashed {node.get('Subplan Name', '')}" in beside or "hashed" in str(node.get("Subplan Name", ""))
    tests = " ".join(str(value) for key, value in node.items() if key in {"Filter", "Output", "Join Filter"})
    children = tuple(_child(each, kind, tests) for each in below)
    name = node.get("Relation Name", "")
    return Node(
        kind,
        f"{schema}.{name}" if name and schema not in _SYSTEM else "",
        float(node.get("Plan Rows", 0)),
        str(node.get("Operation", "")),
        str(node.get("Index Cond", node.get("Recheck Cond", ""))),
        str(node.get("Filter", "")),
        repeated=parent == "SubPlan" and not hashed,
        once=parent == "InitPlan" or (parent == "SubPlan" and hashed),
        targets=tuple(f"{each.get('Schema', '')}.{each['Relation Name']}" for each in node.get("Target Tables", ())),
        plain=node.get("Strategy") == "Plain" or (kind == "Nested Loop" and _crosses(node, children)),
        children=children,
    )


def _child(node: dict[str, Any], parent: str, tests: str) -> Node:
    child = _node(node, tests)
    inner = parent == "Nested Loop" and node.get("Parent Relationship") == "Inner"
    return replace(child, repeated=child.repeated or inner)


def _crosses(node: dict[str, Any], children: tuple[Node, ...]) -> bool:
    inner = [each for child in children if child.repeated for each in child.walk()]
    return "Join Filter" not in node and not any(each.condition or each.filter for each in inner)
