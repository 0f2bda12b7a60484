"""The queries of one statement: their plans, the tables that they fill, and the relations whose reads are unknown."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .query_plans import LOST, TracedPlan, oids_of, plans_in, resolved

if TYPE_CHECKING:
    from ...core.impact.query import Node
    from ..catalog.relations import Relation
    from ..connection.connect import Connection

QUERIES = frozenset(
    {
        "SelectStmt",
        "InsertStmt",
        "UpdateStmt",
        "DeleteStmt",
        "MergeStmt",
        "CopyStmt",
        "ExecuteStmt",
        "FetchStmt",
        "ExplainStmt",
    }
    | {"DoStmt", "CallStmt", "CreateTableAsStmt", "RefreshMatViewStmt"}
)
"""Parse node types of statements that may run a query. A scan during such a statement can come from the query."""
MANY = 5000
"""The number of plans from which a statement counts as a loop. Further messages may be lost."""
_BRANCHES = re.compile(r"\b(if|case|loop|exception)\b", re.IGNORECASE)


@dataclass(frozen=True)
class TracedStatement:
    """A statement: its parse node type, its line in the file, and its SQL."""

    kind: str
    line: int
    sql: str
    batch: int = 0
    """Rows per transaction if the statement runs in batches. Otherwise 0."""


@dataclass(frozen=True)
class TracedQueries:
    """The queries of a statement, and the tables that the queries name or may have created."""

    plans: tuple[TracedPlan, ...] = ()
    names: Mapping[int, str] = field(default_factory=dict)
    """Maps OIDs to the unquoted name that each relation had directly after the statement."""
    branches: bool = False
    """Whether a query's result may decide which statements run, as for IF in a DO block, and for functions."""

    def plans_of(self, known: Mapping[int, Relation], first: frozenset[int]) -> tuple[Node, ...]:
        """The plans. A relation that the transaction renamed has its earlier name."""
        real = {
            name: (known[oid].name, oid not in first) if oid in known else (name, True)
            for oid, name in self.names.items()
        }
        return tuple(resolved(each.plan, real) for each in self.plans)

    def filled(self, known: Mapping[int, Relation]) -> tuple[str, ...]:
        """The tables that the statement created. Empty unless one of the statement's queries read a table."""
        reads = any(each.reads for each in self.plans)
        return tuple(name for oid, name in self.names.items() if reads and oid not in known)

    def unmeasured(self, read: Collection[int], known: Mapping[int, Relation]) -> tuple[str, ...]:
        """The relations in `read` that no query plan reads. With `branches`, also the relations that plans read."""
        planned = frozenset[str]().union(*(each.reads for each in self.plans))
        explained = {oid for oid, name in self.names.items() if name in planned and oid in known}
        missing = {oid for oid in read if oid in known and oid not in explained}
        return tuple(sorted(known[oid].name for oid in missing | (explained if self.branches else set())))


def queried(connection: Connection, ran: TracedStatement, said: Sequence[str], new: Collection[int]) -> TracedQueries:
    """The queries that auto_explain reported for a statement.

    `new` contains the OIDs of the relations that no earlier statement had locked.
    """
    if ran.kind not in QUERIES or not (plans := plans_in(said)):
        return TracedQueries()
    plans = plans[:1] if ran.batch else plans  # all batches have the same plan
    if ran.kind == "RefreshMatViewStmt":
        # CONCURRENTLY also writes the rows that differ; no other session can change or lock rows of the view
        plans = tuple(each for each in plans if not each.plan.operation or each.plan.relation.startswith("pg_temp"))
        return TracedQueries(plans, oids_of(connection, frozenset[str]().union(*(p.names for p in plans)), new))
    names = frozenset[str]().union(*(each.names for each in plans))
    found = oids_of(connection, names, new) if names else {}
    return TracedQueries(plans, found, _branches(ran, plans) or LOST in said or len(said) >= MANY)


def _branches(ran: TracedStatement, plans: Sequence[TracedPlan]) -> bool:
    if ran.batch:
        return False
    if ran.kind == "DoStmt":
        return bool(_BRANCHES.search(ran.sql))
    return any(each.sql != ran.sql.strip() for each in plans if each.reads)
