"""Finds the rollback SQL that a migration passes to `record_migration` instead of having a rollback file."""

from __future__ import annotations

from collections.abc import Iterator

from .block_statements import runs_of
from .guard import guarded
from .nodes import Node, parts_of, text_of, walk
from .parse import trees

_FUNCTION, _PARAMETER, _POSITION = "record_migration", "rollback_sql", 5


@guarded("the rollback SQL passed to record_migration")
def passed_rollback(sql: str) -> str | None:
    """The rollback SQL that `sql` passes: empty if not a constant, None if none is passed. Raises SqlSyntaxError."""
    if _FUNCTION not in sql.lower():
        return None
    runs = (run for tree in trees(sql) for run in runs_of(tree))
    passed = [_constant(value) or "" for run in runs for value in _passed(run.kind, run.node)]
    return passed[-1] if passed else None


def _passed(kind: str, node: Node) -> Iterator[Node]:
    for each, call in walk({kind: node}):
        if each != "FuncCall" or parts_of(call.get("funcname", ()))[-1:] != (_FUNCTION,):
            continue
        for position, argument in enumerate(call.get("args", ())):
            named = argument.get("NamedArgExpr", {})
            value = named.get("arg", {}) if named else argument
            if (named.get("name") == _PARAMETER if named else position == _POSITION) and not _empty(value):
                yield value


def _constant(value: Node) -> str | None:
    """The text of a string constant, of its cast, or of constants joined by ||. None for another expression."""
    joined, cast = value.get("A_Expr", {}), value.get("TypeCast", {})
    if cast:
        return _constant(cast.get("arg", {}))
    if parts_of(joined.get("name", ())) == ("||",):
        sides = [_constant(joined.get(side, {})) for side in ("lexpr", "rexpr")]
        return None if None in sides else "".join(filter(None, sides))
    return text_of(value) if "A_Const" in value else None


def _empty(value: Node) -> bool:
    """Whether a value is NULL or an empty string."""
    constant = value.get("A_Const")
    return constant is not None and not text_of(value)
