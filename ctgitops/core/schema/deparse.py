"""Compares SQL expressions that are equal although PostgreSQL deparses them differently.

A dump contains expressions as PostgreSQL deparsed them. After a restore, PostgreSQL deparses the same expressions
differently. For example, `a IN ('x', 'y')` on a varchar is `(ARRAY['x'::varchar, 'y'::varchar])::text[]` before, and
`ARRAY[('x'::varchar)::text, …]` after. `AND` loses parentheses, and a literal whose type PostgreSQL inferred gets an
explicit cast. Some major versions write table names before column names, and other versions omit them. PostgreSQL 14
writes `true AS bool` in a subquery.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .snapshot import SchemaObject

_EXPRESSIONS = frozenset(
    {"definition", "default", "generated", "using", "with_check", "partition_bound", "tables", "arguments"}
)
_SQL_BODY = re.compile(r"BEGIN ATOMIC\b|RETURN ")
_CAST = (
    r"""::(?:(?:"[^"]*"|\w+)\.)?(?P<type>"[^"]*"|\w+)(?:\s(?:varying|precision)\b)?(?:\(\d+(?:,-?\d+)?\))?"""
    r"""(?:\swith(?:out)?\stime\szone)?(?:\[\])*"""
    r"""(?:\sAS\s(?:(?P=type)|"?(?:varchar|bpchar|int[248]|float[48]|bool|timestamptz|timetz|varbit)"?)(?![\w"]))?"""
)
"""Matches a cast, and the column name that the cast can add. In a UNION of a CTE, `'2'` becomes `'2'::text AS text`."""
_TEXT = r"""(?P<text>'[^']*(?:''[^']*)*')"""
_QUALIFIER = r"""(?:"[^"]*"|\w+)\."""
_BOOL = r"""(?:(?<=\btrue)|(?<=\bfalse))\sAS\sbool\b"""
"""Matches the column name that PostgreSQL 14 gives to `true` in a subquery. Later versions print no name."""
_BY_READING = re.compile(rf"{_TEXT}|{_CAST}|[()\s]")
_BY_BOTH = re.compile(rf"{_TEXT}|{_CAST}|{_BOOL}|{_QUALIFIER}|[()\s]")
_BY_MAJOR = re.compile(rf"{_TEXT}|{_BOOL}|{_QUALIFIER}|[()\s]")


def alike_once_read(a: SchemaObject, b: SchemaObject) -> bool:
    """Whether both objects are equal. Ignores parentheses and casts in expressions, which a restore can change."""
    return _alike(a, b, _BY_READING)


def alike_between_majors(a: SchemaObject, b: SchemaObject) -> bool:
    """Whether both objects are equal. Ignores parentheses in expressions, and table names before column names."""
    return _alike(a, b, _BY_MAJOR)


def printed_between_majors(a: SchemaObject, b: SchemaObject) -> tuple[str, ...]:
    """The attributes whose texts differ only in what two major versions print differently."""
    return _printed(a, b, _BY_MAJOR)


def printed_once_read(a: SchemaObject, b: SchemaObject, *, majors: bool) -> tuple[str, ...]:
    """The attributes whose texts differ only in what a restore, or with `majors` another major version, can change."""
    return _printed(a, b, _BY_BOTH if majors else _BY_READING)


def _printed(a: SchemaObject, b: SchemaObject, pattern: re.Pattern[str]) -> tuple[str, ...]:
    both = [name for name, value in a.attributes.items() if b.attributes.get(name, value) != value]
    texts = [_without(pattern, {name: each.attributes[name] for name in both}) for each in (a, b)]
    return tuple(name for name in both if texts[0][name] == texts[1][name])


def _alike(a: SchemaObject, b: SchemaObject, pattern: re.Pattern[str]) -> bool:
    return (a.key, a.of) == (b.key, b.of) and _without(pattern, a.attributes) == _without(pattern, b.attributes)


def _without(pattern: re.Pattern[str], attributes: Mapping[str, str]) -> dict[str, str]:
    return {
        name: pattern.sub(lambda match: match["text"] or "", value) if _is_expression(name, value) else value
        for name, value in attributes.items()
    }


def _is_expression(name: str, value: str) -> bool:
    return name in _EXPRESSIONS or (name == "body" and _SQL_BODY.match(value) is not None)
