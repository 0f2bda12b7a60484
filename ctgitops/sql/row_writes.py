"""The rows that a statement writes according to its text: tables, columns, and where the values come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..lazy import dataclass
from .block_statements import runs_of
from .data_loss import with_its_parts
from .guard import guarded
from .nodes import Node, parts_of, quoted_name, relation, walk

if TYPE_CHECKING:
    from .parse import Tree

_TEXT = {"text", "varchar", "json", "jsonb", "bpchar"}
"""Types for which a cast of existing values is assumed to succeed, as most such casts do."""


@dataclass(frozen=True)
class RowWrite:
    """Rows of one table that a statement inserts, updates or deletes. Names are quoted."""

    table: str
    event: str
    """`INSERT`, `UPDATE` or `DELETE`."""
    columns: frozenset[str] | None = None
    """The columns to which the statement writes a value other than NULL. None for all columns."""
    nullable: frozenset[str] | None = frozenset()
    """The columns to which the statement may write NULL. None for all columns."""
    constant: bool = False
    """Whether the text of an INSERT contains all its rows."""
    skips_duplicates: bool = False
    """Whether an INSERT has ON CONFLICT."""
    casts: tuple[str, ...] = ()
    """The types to which the statement casts values of columns."""


@guarded("the rows that it writes")
def row_writes(tree: Tree) -> tuple[RowWrite, ...]:
    """The rows that one statement writes. Includes MERGE, WITH clauses, and DO blocks as far as their text shows."""
    parts = (part for run in runs_of(tree) for part in with_its_parts(run.kind, run.node))
    return tuple(write for part in parts for write in _of(part.kind, part.node))


def _of(kind: str, node: Node) -> Iterator[RowWrite]:
    table = relation(node.get("relation", {}))
    match kind:
        case "DeleteStmt":
            yield RowWrite(table, "DELETE")
        case "UpdateStmt":
            yield _updated(table, node)
        case "InsertStmt":
            yield from _inserted(table, node)
        case "MergeStmt":
            for item in node.get("mergeWhenClauses", ()):
                yield from _merged(table, item.get("MergeWhenClause", {}))
        case _:
            pass


def _merged(table: str, action: Node) -> Iterator[RowWrite]:
    match action.get("commandType"):
        case "CMD_DELETE":
            yield RowWrite(table, "DELETE")
        case "CMD_UPDATE":
            yield _updated(table, action)
        case "CMD_INSERT":
            columns = _targets(action.get("targetList", [])) or None
            yield RowWrite(table, "INSERT", columns, columns, casts=_casts(action))
        case _:
            pass


def _updated(table: str, node: Node) -> RowWrite:
    values = {
        quoted_name(target.get("name", "")): target.get("val", {})
        for item in node.get("targetList", ())
        if (target := item.get("ResTarget", {}))
    }
    columns = frozenset(name for name, value in values.items() if not _is_null(value))
    nullable = frozenset(
        name for name, value in values.items() if not (_never_null(value) or _columns_in(value) == {name})
    )
    return RowWrite(table, "UPDATE", columns, nullable, casts=_casts(node.get("targetList")))


def _inserted(table: str, node: Node) -> Iterator[RowWrite]:
    columns = _targets(node.get("cols", ())) or None
    source = node.get("selectStmt", {}).get("SelectStmt", {})
    constant = not source or "valuesLists" in source or not any(kind == "RangeVar" for kind, _ in walk(source))
    conflict = node.get("onConflictClause", {})
    nullable = frozenset() if constant else columns
    casts = () if constant else _casts(source.get("targetList"))
    yield RowWrite(table, "INSERT", columns, nullable, constant, bool(conflict), casts)
    if conflict.get("targetList"):
        yield _updated(table, conflict)


def _targets(items: list[Node]) -> frozenset[str]:
    return frozenset(quoted_name(item.get("ResTarget", {}).get("name", "")) for item in items)


def _casts(node: object) -> tuple[str, ...]:
    casts = (cast for kind, cast in walk(node) if kind == "TypeCast")
    those = (cast for cast in casts if any(kind == "ColumnRef" for kind, _ in walk(cast.get("arg", {}))))
    names = ("".join(parts_of(cast.get("typeName", {}).get("names", []))[-1:]) for cast in those)
    return tuple(dict.fromkeys(name for name in names if name not in _TEXT))


def _columns_in(value: Node) -> frozenset[str]:
    """The columns of an expression. Assumes that a function of a column returns NULL only if the column is NULL."""
    refs = (parts_of(ref.get("fields", ()))[-1:] for kind, ref in walk(value) if kind == "ColumnRef")
    return frozenset(quoted_name(*names) for names in refs)


def _is_null(value: Node) -> bool:
    """Whether an expression is NULL, possibly with a cast."""
    while "TypeCast" in value:
        value = value["TypeCast"].get("arg", {})
    return bool(value.get("A_Const", {}).get("isnull"))


def _never_null(value: Node) -> bool:
    """Whether an expression is a constant other than NULL, or a COALESCE that contains such a constant."""
    while "TypeCast" in value:
        value = value["TypeCast"].get("arg", {})
    if args := value.get("CoalesceExpr", {}).get("args"):
        return _never_null(args[-1])
    return "SetToDefault" in value or ("A_Const" in value and not _is_null(value))
