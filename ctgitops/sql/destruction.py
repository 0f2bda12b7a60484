"""Finds the data that a migration's SQL destroys. Includes DO blocks, truncating casts and materialized views."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..lazy import dataclass
from .block_statements import Run, runs_of
from .column_type import ColumnType, type_in
from .data_loss import Destroyed, DestructionKind, destroyed_alone, with_its_parts
from .guard import guarded
from .nodes import Node, commands, dropped_names, parts_of, quoted_name, relation, walk
from .tautology import always_true

if TYPE_CHECKING:
    from .parse import Tree

_UNKNOWN = ColumnType("")
_UNREAD = {"DoStmt", "CallStmt", "DropOwnedStmt"}
"""Statements whose schema changes are visible only in the trial. Their effects on rows are unknown."""


@dataclass(frozen=True)
class Retyped(Destroyed):
    """The values of a column whose type changes. Whether the change destroys them depends on the old type."""

    new: ColumnType = _UNKNOWN
    explicit: bool = False
    """Whether USING casts the column. The cast then truncates a long value instead of failing."""
    computed: bool = False
    """Whether USING computes the new values with an expression that is not only a cast."""


@dataclass(frozen=True)
class Renamed:
    """A table or column that gets another name. Names are quoted."""

    table: str
    column: str
    new: str


@guarded("the destroyed data")
def destruction(tree: Tree) -> tuple[Destroyed | Renamed, ...]:
    """The data that one statement of a migration destroys, and the names that the statement changes, in order.

    Includes the statements in its WITH clause. An UPDATE of only some rows counts if it sets a column to NULL. An
    UPDATE does not count if the new value depends on the old value. Rows that a DELETE in a WITH clause passes to an
    INSERT are moved, so this DELETE does not count either.
    """
    return tuple(found for run in runs_of(tree) for part in _parts(run) if not part.moves for found in _of(part))


@guarded("the tables from which it deletes rows")
def deletions(tree: Tree) -> frozenset[str]:
    """The tables from which a statement's text deletes rows, including rows that the statement moves elsewhere."""
    parts = (part for run in runs_of(tree) for part in _parts(run))
    found = (each for part in parts for each in _of(part) if isinstance(each, Destroyed))
    return frozenset(each.name for each in found if each.how is DestructionKind.DELETED)


@dataclass(frozen=True)
class _Part:
    kind: str
    node: Node
    moves: bool
    """Whether an INSERT of the same statement reads the rows that it deletes."""


def _parts(run: Run) -> Iterator[_Part]:
    parts = tuple(with_its_parts(run.kind, run.node))
    inserts = [part.node for part in parts if part.kind == "InsertStmt"]
    kept = {
        node.get("relname") for each in inserts for kind, node in walk(each.get("selectStmt")) if kind == "RangeVar"
    }
    for part in parts:
        yield _Part(part.kind, part.node, part.kind == "DeleteStmt" and part.name in kept)


def _of(part: _Part) -> Iterator[Destroyed | Renamed]:
    kind, node = part.kind, part.node
    if kind == "RenameStmt":
        yield from _renamed(node)
    elif kind == "DropStmt" and node.get("removeType") == "OBJECT_MATVIEW":
        yield from (Destroyed(DestructionKind.VIEW, quoted_name(*names)) for names in dropped_names(node))
    elif kind == "MergeStmt":
        yield from _merged(node)
    elif kind == "UpdateStmt":
        whole = "fromClause" not in node and _always(node.get("whereClause"))
        yield from _overwritten(relation(node.get("relation", {})), node, whole=whole)
    elif kind not in _UNREAD:
        yield from _lost(kind, node)
    yield from (_retyped(node, each) for each in commands(kind, node) if each.get("subtype") == "AT_AlterColumnType")


def _lost(kind: str, node: Node) -> Iterator[Destroyed]:
    for each in destroyed_alone(kind, node):
        yield replace(each, only_some=each.only_some and not _always(node.get("whereClause")))


def _merged(node: Node) -> Iterator[Destroyed]:
    """What the actions of a MERGE destroy in the rows that the actions apply to."""
    table, always = relation(node.get("relation", {})), _always(node.get("joinCondition"))
    for item in node.get("mergeWhenClauses", ()):
        action = item.get("MergeWhenClause", {})
        if action.get("commandType") == "CMD_DELETE":
            yield Destroyed(DestructionKind.DELETED, table, only_some=True)
        elif action.get("commandType") == "CMD_UPDATE":
            yield from _overwritten(table, action, whole=always and _always(action.get("condition")))


def _overwritten(table: str, node: Node, *, whole: bool) -> Iterator[Destroyed]:
    """The columns whose old values an UPDATE destroys, because the UPDATE sets them to NULL.

    If the UPDATE changes the `whole` table, also includes columns whose new value does not depend on the old value.
    """
    for item in node.get("targetList", ()):
        target = item.get("ResTarget", {})
        column, value = target.get("name", ""), _assigned(target.get("val", {}))
        read = {parts_of(ref.get("fields", ()))[-1:] for kind, ref in walk(value) if kind == "ColumnRef"}
        lost = _is_null(value) or (whole and (column,) not in read)
        if lost and "indirection" not in target:
            yield Destroyed(DestructionKind.VALUES, table, quoted_name(column), only_some=True)


def _assigned(value: Node) -> Node:
    """The value for one column. `SET (a, b) = (1, 2)` has the values in a list."""
    several = value.get("MultiAssignRef", {})
    values = several.get("source", {}).get("RowExpr", {}).get("args", ())
    return dict(values[several["colno"] - 1]) if values else value


def _is_null(value: Node) -> bool:
    """Whether an expression is NULL, possibly with a cast."""
    while "TypeCast" in value:
        value = value["TypeCast"].get("arg", {})
    return bool(value.get("A_Const", {}).get("isnull"))


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
    """Whether a WHERE condition is missing, or is true for every row."""
    return condition is None or always_true(condition)
