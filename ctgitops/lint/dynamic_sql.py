"""Computes the dynamic SQL that a PL/pgSQL block can run, if the SQL consists of constants."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import field
from itertools import product

from ..lazy import dataclass, regex
from ..sql.nodes import Node, identifier, parts_of
from ..sql.parse import SqlSyntaxError, parse_expression

UNKNOWN = "…"
"""Stands for a name that is known only at run time. PostgreSQL parses this text as an identifier."""
_MOST = 50
_DEEPEST = 8
_PLACE = regex(r"%(?:(\d+)\$)?-?\d*([sIL%])")
Values = Mapping[str, tuple[str, ...]]


def texts(expression: str, values: Values) -> tuple[str, ...]:
    """The possible values of an expression. UNKNOWN replaces each part that is known only at run time."""
    return _Scope(values).texts(expression, 0)


@dataclass(frozen=True)
class _Scope:
    """A block's variables, and a cache of results. Without the cache, `s := s || s` would take exponential time."""

    values: Values
    found: dict[tuple[str, int], tuple[str, ...]] = field(default_factory=dict)

    def texts(self, expression: str, depth: int) -> tuple[str, ...]:
        """The possible values of an expression. `depth` counts the variables on the way to this expression."""
        if (expression, depth) not in self.found:
            self.found[expression, depth] = self._read(expression, depth) if depth <= _DEEPEST else (UNKNOWN,)
        return self.found[expression, depth]

    def _read(self, expression: str, depth: int) -> tuple[str, ...]:
        try:
            return _texts(parse_expression(expression), self, depth)[:_MOST]
        except SqlSyntaxError:
            return (UNKNOWN,)


def _texts(node: Node, scope: _Scope, depth: int) -> tuple[str, ...]:
    for kind, inner in node.items():
        if kind in {"TypeCast", "CollateClause"}:
            return _texts(inner.get("arg", {}), scope, depth)
        if read := _KINDS.get(kind):
            return read(inner, scope, depth)[:_MOST] or (UNKNOWN,)
    return (UNKNOWN,)


def _constant(node: Node, _scope: _Scope, _depth: int) -> tuple[str, ...]:
    return tuple(str(node[key].get(key, 0 if key == "ival" else "")) for key in ("sval", "ival", "fval") if key in node)


def _array(node: Node, scope: _Scope, depth: int) -> tuple[str, ...]:
    return tuple(text for each in node.get("elements", ()) for text in _texts(each, scope, depth))


def _variable(node: Node, scope: _Scope, depth: int) -> tuple[str, ...]:
    named = scope.values.get(".".join(parts_of(node.get("fields", []))), ())
    return tuple(text for each in named for text in scope.texts(each, depth + 1))


def _joined(node: Node, scope: _Scope, depth: int) -> tuple[str, ...]:
    if parts_of(node.get("name", [])) != ("||",):
        return ()
    both = (_texts(node.get(side, {}), scope, depth) for side in ("lexpr", "rexpr"))
    return tuple("".join(pair) for pair in product(*both))[:_MOST]


def _called(call: Node, scope: _Scope, depth: int) -> tuple[str, ...]:
    name = parts_of(call.get("funcname", []))[-1:]
    arguments = [_texts(each, scope, depth) for each in call.get("args", ())]
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


_KINDS: dict[str, Callable[[Node, _Scope, int], tuple[str, ...]]] = {
    "A_Const": _constant,
    "A_ArrayExpr": _array,
    "ColumnRef": _variable,
    "A_Expr": _joined,
    "FuncCall": _called,
}
