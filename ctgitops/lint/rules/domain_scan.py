"""Reports ALTER DOMAIN that scans every table with a column of the domain."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ..added_columns import target
from ..nodes import name_of
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called
from ..types import Type


def check(case: Case) -> Iterator[Hit]:
    """Reports ADD CONSTRAINT without NOT VALID, SET NOT NULL, and VALIDATE."""
    node, subtype = case.node, case.node.get("subtype")
    if subtype not in {"C", "O", "V"} or (subtype == "C" and target(node).get("skip_validation")):
        return
    schema, bare = name_of(node.get("typeName", []))
    domain = case.catalog.domain(Type(bare, schema=schema))
    if subtype == "O" and domain and domain.not_null:
        return
    users = case.catalog.users_of((schema or (case.catalog.path[0] if case.catalog.path else ""), bare))
    names = [called(table) for table in users if not table.new and case.has_rows(table)]
    if names or not (users or case.catalog.complete):
        yield Hit(f"writes to {', '.join(names) or 'each table with such a column'} wait until every row is checked")


RULE = Rule(
    id="domain-scan",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterDomainStmt",),
    why="A constraint of a domain is proved on every column of that type, under a SHARE lock on each of their tables; "
    "VALIDATE takes that lock too.",
    instead="ADD CONSTRAINT … NOT VALID holds new values to it; a CHECK on each table can prove the old ones while "
    "writes go on",
    check=check,
    lock=LockMode.SHARE,
    blocks=True,
    given="create domain email as text;\ncreate table people (id bigint primary key, address email);",
    bad="alter domain email add constraint has_at check (value like '%@%');",
    good="alter domain email add constraint has_at check (value like '%@%') not valid;",
)
