"""Compares SQL expressions that are equal although PostgreSQL deparses them differently.

A dump contains expressions as PostgreSQL deparsed them. After a restore, PostgreSQL deparses the same expressions
differently. For example, `a IN ('x', 'y')` on a varchar is `(ARRAY['x'::varchar, 'y'::varchar])::text[]` before, and
`ARRAY[('x'::varchar)::text, …]` after. `AND` loses parentheses, and a literal whose type PostgreSQL inferred gets an
explicit cast. Some major versions write table names before column names, and other versions omit them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
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
_BY_READING = re.compile(rf"{_TEXT}|{_CAST}|[()\s]")
_BY_BOTH = re.compile(rf"""{_TEXT}|{_CAST}|(?:"[^"]*"|\w+)\.|[()\s]""")
_BY_MAJOR = re.compile(rf"""{_TEXT}|(?:"[^"]*"|\w+)\.|[()\s]""")


def alike_once_read(a: SchemaObject, b: SchemaObject) -> bool:
    """Whether both objects are equal. Ignores parentheses and casts in expressions, which a restore can change."""
    return _alike(a, b, _BY_READING)


def alike_between_majors(a: SchemaObject, b: SchemaObject) -> bool:
    """Whether both objects are equal. Ignores parentheses in expressions, and table names before column names."""
    return _alike(a, b, _BY_MAJOR)


def aligned_between_majors(a: SchemaObject, b: SchemaObject) -> SchemaObject:
    """`a` with the text of `b` for each attribute that two major versions only print differently."""
    printed = {name: b.attributes[name] for name in a.attributes if name in b.attributes and _same_text(name, a, b)}
    return replace(a, attributes={**a.attributes, **printed})


def _same_text(name: str, a: SchemaObject, b: SchemaObject) -> bool:
    return _without(_BY_MAJOR, {name: a.attributes[name]}) == _without(_BY_MAJOR, {name: b.attributes[name]})


def alike_in_both(a: SchemaObject, b: SchemaObject) -> bool:
    """Whether both objects are equal. Ignores what a restore or another major version can change."""
    return _alike(a, b, _BY_BOTH)


def _alike(a: SchemaObject, b: SchemaObject, pattern: re.Pattern[str]) -> bool:
    return (a.key, a.of) == (b.key, b.of) and _without(pattern, a.attributes) == _without(pattern, b.attributes)


def _without(pattern: re.Pattern[str], attributes: Mapping[str, str]) -> dict[str, str]:
    return {
        name: pattern.sub(lambda match: match["text"] or "", value) if _is_expression(name, value) else value
        for name, value in attributes.items()
    }


def _is_expression(name: str, value: str) -> bool:
    return name in _EXPRESSIONS or (name == "body" and _SQL_BODY.match(value) is not None)
