"""Finds what an interrupted statement outside a transaction can leave behind, such as an INVALID index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from .nodes import Node, commands, dropped_names, quoted_name, relation, switched_on


class Leaving(StrEnum):
    """What to check, to find out whether an interrupted statement was completed."""

    INDEX = "index"
    """CREATE INDEX CONCURRENTLY: the index, INVALID."""
    DROPPED_INDEX = "dropped index"
    """DROP INDEX CONCURRENTLY: the index, still there and INVALID."""
    REINDEXED = "reindexed"
    """REINDEX CONCURRENTLY: indexes `…_ccnew` and `…_ccold`, INVALID."""
    DETACHED = "detached"
    """DETACH PARTITION … CONCURRENTLY: a partition whose detaching is pending."""
    CREATED = "created"
    """CREATE DATABASE and similar: everything, or nothing."""
    DROPPED = "dropped"
    """DROP DATABASE and similar: nothing, or everything."""
    NOTHING = "nothing"
    """VACUUM and similar, which can run again."""
    ANYTHING = "anything"
    """A procedure that commits: unknown."""


@dataclass(frozen=True)
class Leaves:
    """The remains of one interrupted statement. Names are quoted, and qualified if the statement qualifies them."""

    what: Leaving
    name: str = ""
    """The index, database, …; for REINDEX its target; empty for an index whose name PostgreSQL chooses."""
    table: str = ""
    """For an index, its table; for a partition, the table from which it is detached."""
    catalogue: str = ""
    """For a created or dropped object, the catalogue that lists it; for REINDEX, the type of its target."""


def leaves(kind: str, node: Node) -> Leaves:
    """The possible remains of `node`, a statement that PostgreSQL does not allow inside a transaction."""
    judge = _JUDGES.get(kind)
    return (judge(node) if judge else None) or Leaves(Leaving.NOTHING)


def _index(node: Node) -> Leaves | None:
    # an index is in the schema of its table, which the search path decides for an unqualified name
    return Leaves(Leaving.INDEX, quoted_name(node.get("idxname")), relation(node.get("relation", {})))


def _drop(node: Node) -> Leaves | None:
    return Leaves(Leaving.DROPPED_INDEX, quoted_name(*next(dropped_names(node), ())))


def _reindex(node: Node) -> Leaves | None:
    if not switched_on(node.get("params", ()), "concurrently"):
        return None
    name = relation(node["relation"]) if "relation" in node else quoted_name(node.get("name"))
    return Leaves(Leaving.REINDEXED, name, catalogue=node.get("kind", "").removeprefix("REINDEX_OBJECT_").lower())


def _detach(node: Node) -> Leaves | None:
    for command in commands("AlterTableStmt", node):
        partition = command.get("def", {}).get("PartitionCmd")
        if partition:
            return Leaves(Leaving.DETACHED, relation(partition.get("name", {})), relation(node.get("relation", {})))
    return None


def _anything(_node: Node) -> Leaves | None:
    return Leaves(Leaving.ANYTHING)


def _object(what: Leaving, key: str, catalogue: str) -> Callable[[Node], Leaves]:
    return lambda node: Leaves(what, node.get(key, ""), catalogue=catalogue)


_JUDGES: dict[str, Callable[[Node], Leaves | None]] = {
    "IndexStmt": _index,
    "DropStmt": _drop,
    "ReindexStmt": _reindex,
    "AlterTableStmt": _detach,
    "CallStmt": _anything,
    "DoStmt": _anything,
    "CreatedbStmt": _object(Leaving.CREATED, "dbname", "database"),
    "DropdbStmt": _object(Leaving.DROPPED, "dbname", "database"),
    "CreateTableSpaceStmt": _object(Leaving.CREATED, "tablespacename", "tablespace"),
    "DropTableSpaceStmt": _object(Leaving.DROPPED, "tablespacename", "tablespace"),
    "CreateSubscriptionStmt": _object(Leaving.CREATED, "subname", "subscription"),
    "DropSubscriptionStmt": _object(Leaving.DROPPED, "subname", "subscription"),
}
