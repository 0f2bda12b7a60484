"""Finds the possible leftovers of an interrupted statement outside a transaction, such as an INVALID index."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from ..lazy import dataclass
from .nodes import Node, commands, dropped_names, quoted_name, relation, switched_on


class LeftoverKind(StrEnum):
    """The kind of leftover, by which a run finds out whether an interrupted statement was completed."""

    INDEX = "index"
    """CREATE INDEX CONCURRENTLY: the index exists and is INVALID."""
    DROPPED_INDEX = "dropped index"
    """DROP INDEX CONCURRENTLY: the index still exists and is INVALID."""
    REINDEXED = "reindexed"
    """REINDEX CONCURRENTLY: INVALID indexes named `…_ccnew` and `…_ccold`."""
    DETACHED = "detached"
    """DETACH PARTITION … CONCURRENTLY: a partition whose detachment is pending."""
    CREATED = "created"
    """CREATE DATABASE and similar: the object exists if the statement was completed."""
    DROPPED = "dropped"
    """DROP DATABASE and similar: the object does not exist if the statement was completed."""
    NOTHING = "nothing"
    """VACUUM and similar: the statement has no leftovers, and can run again."""
    ANYTHING = "anything"
    """A procedure that commits: the leftovers are unknown."""


@dataclass(frozen=True)
class Leftovers:
    """The possible leftovers of one statement. Names are quoted, and have a schema if the statement gives one."""

    what: LeftoverKind
    name: str = ""
    """The name of the index, database or other object. For REINDEX, the name of the object to reindex.

    Empty for an index whose name PostgreSQL chooses.
    """
    table: str = ""
    """For an index, its table. For a partition, the table from which it is detached."""
    catalogue: str = ""
    """For a created or dropped object, its system catalog. For REINDEX, the type of the object to reindex."""


def leftovers_of(kind: str, node: Node) -> Leftovers:
    """The possible leftovers of `node`, a statement that PostgreSQL does not allow inside a transaction block."""
    judge = _JUDGES.get(kind)
    return (judge(node) if judge else None) or Leftovers(LeftoverKind.NOTHING)


def _index(node: Node) -> Leftovers | None:
    # An index is in the schema of its table, which depends on the search path if the name is unqualified
    return Leftovers(LeftoverKind.INDEX, quoted_name(node.get("idxname")), relation(node.get("relation", {})))


def _drop(node: Node) -> Leftovers | None:
    return Leftovers(LeftoverKind.DROPPED_INDEX, quoted_name(*next(dropped_names(node), ())))


def _reindex(node: Node) -> Leftovers | None:
    if not switched_on(node.get("params", ()), "concurrently"):
        return None
    name = relation(node["relation"]) if "relation" in node else quoted_name(node.get("name"))
    return Leftovers(
        LeftoverKind.REINDEXED, name, catalogue=node.get("kind", "").removeprefix("REINDEX_OBJECT_").lower()
    )


def _detach(node: Node) -> Leftovers | None:
    for command in commands("AlterTableStmt", node):
        partition = command.get("def", {}).get("PartitionCmd")
        if partition:
            return Leftovers(
                LeftoverKind.DETACHED, relation(partition.get("name", {})), relation(node.get("relation", {}))
            )
    return None


def _anything(_node: Node) -> Leftovers | None:
    return Leftovers(LeftoverKind.ANYTHING)


def _object(what: LeftoverKind, key: str, catalogue: str) -> Callable[[Node], Leftovers]:
    return lambda node: Leftovers(what, node.get(key, ""), catalogue=catalogue)


_JUDGES: dict[str, Callable[[Node], Leftovers | None]] = {
    "IndexStmt": _index,
    "DropStmt": _drop,
    "ReindexStmt": _reindex,
    "AlterTableStmt": _detach,
    "CallStmt": _anything,
    "DoStmt": _anything,
    "CreatedbStmt": _object(LeftoverKind.CREATED, "dbname", "database"),
    "DropdbStmt": _object(LeftoverKind.DROPPED, "dbname", "database"),
    "CreateTableSpaceStmt": _object(LeftoverKind.CREATED, "tablespacename", "tablespace"),
    "DropTableSpaceStmt": _object(LeftoverKind.DROPPED, "tablespacename", "tablespace"),
    "CreateSubscriptionStmt": _object(LeftoverKind.CREATED, "subname", "subscription"),
    "DropSubscriptionStmt": _object(LeftoverKind.DROPPED, "subname", "subscription"),
}
