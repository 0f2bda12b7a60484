"""What is known of the queries of one statement: their plans, the tables that they fill, and what stays unknown."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ...core.impact.query import Node
from ..catalog.relations import Relation
from ..connection.connect import Connection
from .query_plans import LOST, Planned, oids_of, plans_in, resolved

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
"""Statements that may read a table as a query does, which is not work of DDL."""
MANY = 5000
"""Plans from which a statement counts as a loop; more messages may be lost."""
_BRANCHES = re.compile(r"\b(if|case|loop|exception)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Ran:
    """A statement that runs: its type, its line in the file, and its SQL."""

    kind: str
    line: int
    sql: str
    batch: int = 0
    """Rows of each transaction, for a statement that runs in batches."""


@dataclass(frozen=True)
class Queried:
    """The queries of a statement, and the tables that they name or that it may have created."""

    plans: tuple[Planned, ...] = ()
    names: Mapping[int, str] = field(default_factory=dict)
    """By OID, the name without quotes at that moment."""
    branches: bool = False
    """Whether the result of a query may decide what else it runs, as in a block with IF or a function."""

    def plans_of(self, known: Mapping[int, Relation], first: frozenset[int]) -> tuple[Node, ...]:
        """The plans, with the names that relations have outside of the transaction."""
        real = {
            name: (known[oid].name, oid not in first) if oid in known else (name, True)
            for oid, name in self.names.items()
        }
        return tuple(resolved(each.plan, real) for each in self.plans)

    def filled(self, known: Mapping[int, Relation]) -> tuple[str, ...]:
        """The tables that it created, if it ran a query that read tables."""
        reads = any(each.reads for each in self.plans)
        return tuple(name for oid, name in self.names.items() if reads and oid not in known)

    def unmeasured(self, read: Collection[int], known: Mapping[int, Relation]) -> tuple[str, ...]:
        """Relations that it read without a plan, or in a plan that decides about others. `read` are those scanned."""
        planned = frozenset[str]().union(*(each.reads for each in self.plans))
        explained = {oid for oid, name in self.names.items() if name in planned and oid in known}
        missing = {oid for oid in read if oid in known and oid not in explained}
        return tuple(sorted(known[oid].name for oid in missing | (explained if self.branches else set())))


def queried(connection: Connection, ran: Ran, said: Sequence[str], new: Collection[int]) -> Queried:
    """The queries that auto_explain reported for a statement; `new` are relations on which it took a first lock."""
    if ran.kind not in QUERIES or not (plans := plans_in(said)):
        return Queried()
    plans = plans[:1] if ran.batch else plans  # each batch has the same
    names = frozenset[str]().union(*(each.names for each in plans))
    found = oids_of(connection, names, new) if names else {}
    return Queried(plans, found, _branches(ran, plans) or LOST in said or len(said) >= MANY)


def _branches(ran: Ran, plans: Sequence[Planned]) -> bool:
    if ran.batch:
        return False
    if ran.kind == "DoStmt":
        return bool(_BRANCHES.search(ran.sql))
    return any(each.sql != ran.sql.strip() for each in plans if each.reads)
