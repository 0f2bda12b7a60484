"""Computes the dynamic SQL that a PL/pgSQL block can run, as far as it consists of constants."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import product

from ..sql.nodes import Node, parts_of
from ..sql.parse import SqlSyntaxError, trees
from .nodes import identifier

UNKNOWN = "…"
"""Stands where a name is known only when the block runs; PostgreSQL takes it for an identifier."""
_MOST = 50
_DEEPEST = 8
_PLACE = re.compile(r"%(?:(\d+)\$)?-?\d*([sIL%])")
Values = Mapping[str, tuple[str, ...]]


def texts(expression: str, values: Values, depth: int = 0) -> tuple[str, ...]:
    """What an expression can be, with UNKNOWN in the place of what nobody can know before it runs."""
    try:
        node = trees(f"select {expression}")[0].node
    except SqlSyntaxError:
        return (UNKNOWN,)
    targets = node.get("targetList", ())
    if len(targets) != 1 or depth > _DEEPEST:
        return (UNKNOWN,)
    return _texts(targets[0]["ResTarget"].get("val", {}), values, depth)[:_MOST]


def _texts(node: Node, values: Values, depth: int) -> tuple[str, ...]:
    for kind, inner in node.items():
        if kind in {"TypeCast", "CollateClause"}:
            return _texts(inner.get("arg", {}), values, depth)
        if read := _KINDS.get(kind):
            return read(inner, values, depth) or (UNKNOWN,)
    return (UNKNOWN,)


def _constant(node: Node, _values: Values, _depth: int) -> tuple[str, ...]:
    return tuple(str(node[key].get(key, 0 if key == "ival" else "")) for key in ("sval", "ival", "fval") if key in node)


def _array(node: Node, values: Values, depth: int) -> tuple[str, ...]:
    return tuple(text for each in node.get("elements", ()) for text in _texts(each, values, depth))


def _variable(node: Node, values: Values, depth: int) -> tuple[str, ...]:
    named = values.get(".".join(parts_of(node.get("fields", []))), ())
    return tuple(text for each in named for text in texts(each, values, depth + 1))


def _joined(node: Node, values: Values, depth: int) -> tuple[str, ...]:
    if parts_of(node.get("name", [])) != ("||",):
        return ()
    both = (_texts(node.get(side, {}), values, depth) for side in ("lexpr", "rexpr"))
    return tuple("".join(pair) for pair in product(*both))[:_MOST]


def _called(call: Node, values: Values, depth: int) -> tuple[str, ...]:
    name = parts_of(call.get("funcname", []))[-1:]
    arguments = [_texts(each, values, depth) for each in call.get("args", ())]
    if name == ("quote_ident",) and len(arguments) == 1:
        return tuple(identifier(each) for each in arguments[0])
    if name == ("quote_literal",) and len(arguments) == 1:
        return tuple(_literal(each) for each in arguments[0])
    if name in {("format",), ("concat",)} and arguments:
        made = (_formatted(*each) if name == ("format",) else "".join(each) for each in product(*arguments))
        return tuple(text for text, _ in zip(made, range(_MOST), strict=False))
    return ()


def _formatted(text: str, *arguments: str) -> str:
    following = iter(arguments)

    def put(place: re.Match[str]) -> str:
        number, how = place.groups()
        if how == "%":
            return "%"
        if number:
            value = arguments[int(number) - 1] if 0 < int(number) <= len(arguments) else UNKNOWN
        else:
            value = next(following, UNKNOWN)
        return identifier(value) if how == "I" else _literal(value) if how == "L" else value

    return _PLACE.sub(put, text)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_KINDS: dict[str, Callable[[Node, Values, int], tuple[str, ...]]] = {
    "A_Const": _constant,
    "A_ArrayExpr": _array,
    "ColumnRef": _variable,
    "A_Expr": _joined,
    "FuncCall": _called,
}
