"""Finds the data that the SQL of a migration destroys, including DO blocks, truncating casts and materialized views."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from .block_statements import Run, runs_of
from .column_type import ColumnType, type_in
from .data_loss import Destroyed, DestructionKind, destroyed
from .guard import guarded
from .nodes import Node, commands, dropped_names, parts_of, quoted_name, relation, walk
from .parse import Tree
from .tautology import always_true

_UNKNOWN = ColumnType("")
_UNREAD = {"DoStmt", "CallStmt", "DropOwnedStmt"}
"""Statements whose schema changes are visible only in the trial, and whose effects on rows are unknown."""


@dataclass(frozen=True)
class Retyped(Destroyed):
    """The values of a column whose type changes. The old type decides whether the change destroys them."""

    new: ColumnType = _UNKNOWN
    explicit: bool = False
    """Whether USING casts the column, which truncates instead of failing."""
    computed: bool = False
    """Whether USING computes the new values by another expression than a cast."""


@dataclass(frozen=True)
class Renamed:
    """A table or column that gets another name. Names are quoted."""

    table: str
    column: str
    new: str


@guarded("the destroyed data")
def destruction(tree: Tree) -> tuple[Destroyed | Renamed, ...]:
    """The data that one statement of a migration destroys, and the names that it changes, in order.

    An UPDATE does not count if it changes only some rows, or if the new value depends on the old value. Rows that a
    DELETE in a WITH passes to an INSERT are moved, so that DELETE does not count either.
    """
    return tuple(each for run in runs_of(tree) for each in _of(run))


def _of(run: Run) -> Iterator[Destroyed | Renamed]:
    kind, node = run.kind, run.node
    if kind == "RenameStmt":
        yield from _renamed(node)
    elif kind == "DropStmt" and node.get("removeType") == "OBJECT_MATVIEW":
        yield from (Destroyed(DestructionKind.VIEW, quoted_name(*names)) for names in dropped_names(node))
    elif kind == "MergeStmt" and "CMD_DELETE" in str(node.get("mergeWhenClauses")):
        yield Destroyed(DestructionKind.DELETED, relation(node.get("relation", {})), only_some=True)
    elif kind == "UpdateStmt" and "fromClause" not in node and _always(node.get("whereClause")):
        yield from _overwritten(node)
    elif kind not in _UNREAD:
        yield from _lost(kind, node)
    yield from (_retyped(node, each) for each in commands(kind, node) if each.get("subtype") == "AT_AlterColumnType")


def _lost(kind: str, node: Node) -> Iterator[Destroyed]:
    for each in destroyed(kind, node):
        if each.how is not DestructionKind.DELETED:
            yield from () if each.how is DestructionKind.OVERWRITTEN else (each,)
        elif kind != "InsertStmt":
            yield replace(each, only_some=each.only_some and not _always(node.get("whereClause")))


def _overwritten(node: Node) -> Iterator[Destroyed]:
    """The columns that an UPDATE of all rows sets to a value that does not depend on the old value."""
    for item in node.get("targetList", ()):
        target = item.get("ResTarget", {})
        column = target.get("name", "")
        read = {
            parts_of(ref.get("fields", ()))[-1:] for kind, ref in walk(target.get("val", {})) if kind == "ColumnRef"
        }
        if (column,) not in read and "indirection" not in target:
            yield Destroyed(
                DestructionKind.VALUES, relation(node.get("relation", {})), quoted_name(column), only_some=True
            )


def _renamed(node: Node) -> Iterator[Renamed]:
    kind, table, new = node.get("renameType"), node.get("relation", {}), node.get("newname", "")
    if kind == "OBJECT_COLUMN":
        yield Renamed(relation(table), quoted_name(node.get("subname", "")), quoted_name(new))
    elif kind in {"OBJECT_TABLE", "OBJECT_MATVIEW"}:
        yield Renamed(relation(table), "", quoted_name(table.get("schemaname"), new))


def _retyped(node: Node, command: Node) -> Retyped:
    definition, name = command.get("def", {}).get("ColumnDef", {}), command.get("name", "")
    using: Any = definition.get("raw_default") or {}
    plain = using
    while "TypeCast" in plain:
        plain = plain["TypeCast"].get("arg", {})
    column = parts_of(plain.get("ColumnRef", {}).get("fields", ()))[-1:] == (name,)
    return Retyped(
        DestructionKind.RETYPED,
        relation(node.get("relation", {})),
        quoted_name(name),
        new=type_in(definition.get("typeName", {})),
        explicit=bool(using),
        computed=bool(using) and not column,
    )


def _always(condition: Node | None) -> bool:
    """Whether a WHERE is missing or true for every row."""
    return condition is None or always_true(condition)
