"""Finds statements that destroy data, such as DROP TABLE and DELETE, in parse trees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum

from ..lazy import dataclass
from .nodes import Node, commands, dropped_names, quoted_name, relation


class DestructionKind(StrEnum):
    """How data is destroyed."""

    TABLE = "drops table"
    SCHEMA = "drops schema"
    COLUMN = "drops column"
    VIEW = "drops materialized view"
    VALUES = "overwrites the values of column"
    RETYPED = "changes the type of column"
    EMPTIED = "empties table"
    DELETED = "deletes rows of"
    OVERWRITTEN = "overwrites rows of"
    UNREADABLE = "does what nobody can read from its text"


@dataclass(frozen=True)
class Destroyed:
    """The data that one statement destroys. Names are quoted, and have a schema if the statement gives one."""

    how: DestructionKind
    name: str
    """The table or schema. For a statement that cannot be analysed, the kind of the statement."""
    column: str = ""
    only_some: bool = False
    """Whether the statement has a WHERE clause, and therefore destroys only some rows."""


def destroyed(kind: str, node: Node) -> Iterator[Destroyed]:
    """The data that `node` and the statements in its WITH clause destroy. Excludes effects of functions."""
    for part in with_its_parts(kind, node):
        yield from destroyed_alone(part.kind, part.node)


def destroyed_alone(kind: str, node: Node) -> Iterator[Destroyed]:
    """The data that `node` itself destroys. Leaves out the statements in its WITH clause."""
    if judge := _JUDGES.get(kind):
        yield from judge(node)


@dataclass(frozen=True)
class Part:
    """A statement, or a statement in its WITH clause."""

    kind: str
    node: Node
    name: str = ""
    """The name that WITH gives to its result. Empty for the whole statement."""


def with_its_parts(kind: str, node: Node) -> Iterator[Part]:
    """The statement itself and the statements in its WITH clauses, at any depth, in the order of their text."""
    left = [Part(kind, node)]
    while left:
        part = left.pop()
        yield part
        for item in reversed(part.node.get("withClause", {}).get("ctes", ())):
            cte = item.get("CommonTableExpr", {})
            query = (cte.get("ctequery") or {}).items()
            left += [Part(inner, below, cte.get("ctename", "")) for inner, below in query]


def made(kind: str, node: Node) -> Iterator[tuple[str, str]]:
    """The tables and columns that `node` creates, as pairs of table and column. For a table, the column is empty."""
    if kind in {"CreateStmt", "CreateTableAsStmt"}:
        yield relation(node.get("relation") or node.get("into", {}).get("rel", {})), ""
    for command in commands(kind, node):
        if command.get("subtype") == "AT_AddColumn":
            column = command.get("def", {}).get("ColumnDef", {}).get("colname", "")
            yield relation(node.get("relation", {})), quoted_name(column)


def _drop(node: Node) -> Iterator[Destroyed]:
    what = node.get("removeType", "").removeprefix("OBJECT_")
    if what in {"TABLE", "FOREIGN_TABLE"}:
        yield from (Destroyed(DestructionKind.TABLE, quoted_name(*names)) for names in dropped_names(node))
    elif node.get("behavior") == "DROP_CASCADE" and what == "SCHEMA":
        yield from (Destroyed(DestructionKind.SCHEMA, quoted_name(*names)) for names in dropped_names(node))
    elif node.get("behavior") == "DROP_CASCADE" and what in {"TYPE", "DOMAIN", "EXTENSION"}:
        yield Destroyed(DestructionKind.UNREADABLE, f"DROP {what} … CASCADE")


def _alter(node: Node) -> Iterator[Destroyed]:
    for command in commands("AlterTableStmt", node):
        if command.get("subtype") == "AT_DropColumn":
            yield Destroyed(
                DestructionKind.COLUMN, relation(node.get("relation", {})), quoted_name(command.get("name"))
            )


def _truncate(node: Node) -> Iterator[Destroyed]:
    for item in node.get("relations", ()):
        yield Destroyed(DestructionKind.EMPTIED, relation(item.get("RangeVar", {})))


def _rows(how: DestructionKind) -> Callable[[Node], Iterator[Destroyed]]:
    def judge(node: Node) -> Iterator[Destroyed]:
        yield Destroyed(how, relation(node.get("relation", {})), only_some="whereClause" in node)

    return judge


def _unseen(words: str) -> Callable[[Node], Iterator[Destroyed]]:
    def judge(_: Node) -> Iterator[Destroyed]:
        yield Destroyed(DestructionKind.UNREADABLE, words)

    return judge


_JUDGES: dict[str, Callable[[Node], Iterator[Destroyed]]] = {
    "DropStmt": _drop,
    "AlterTableStmt": _alter,
    "TruncateStmt": _truncate,
    "DeleteStmt": _rows(DestructionKind.DELETED),
    "UpdateStmt": _rows(DestructionKind.OVERWRITTEN),
    "MergeStmt": _rows(DestructionKind.OVERWRITTEN),
    "DoStmt": _unseen("a DO block"),
    "CallStmt": _unseen("CALL"),
    "DropOwnedStmt": _unseen("DROP OWNED"),
}
