"""Finds enum values that a file adds and then uses. PostgreSQL does not allow this in one transaction."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..lazy import dataclass, regex
from .nodes import Node, parts_of, walk

ADDS = regex(r"\bvalue\b", re.IGNORECASE)
"""Matches every statement that adds an enum value. The trees of other statements are not searched."""


@dataclass(frozen=True)
class EnumUse:
    """A use of an enum value in the transaction that adds it."""

    type: str
    value: str
    statement: int
    """The index, from 0, of the statement that uses the value."""
    place: int
    """The offset of the value in the text, in bytes. -1 if the parse tree has no offset."""


def enum_uses(statements: list[tuple[str, Node]]) -> Iterator[EnumUse]:
    """The first use of each added value, including values of types that the file itself creates."""
    added: dict[str, str] = {}
    for index, (kind, node) in enumerate(statements):
        for value, place in _literals(node):
            if value in added:
                yield EnumUse(added.pop(value), value, index, place)
        if kind == "AlterEnumStmt" and not node.get("oldVal"):
            added[node.get("newVal", "")] = _name(node)


def _name(node: Node) -> str:
    return ".".join(parts_of(node.get("typeName", ())))


def _literals(node: Node) -> Iterator[tuple[str, int]]:
    for kind, constant in walk(node):
        if kind == "A_Const" and "sval" in constant:
            yield constant["sval"].get("sval", ""), constant.get("location", -1)
