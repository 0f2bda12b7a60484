"""Walks parse trees and reads names from them. A tree may be thousands of levels deep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Node = dict[str, Any]


def walk(node: Any) -> Iterator[tuple[str, Node]]:
    """Every node in a tree, with its type. Not recursive, because an expression can be hundreds of levels deep."""
    left = [("", node)]
    while left:
        key, each = left.pop()
        if isinstance(each, dict):
            if key[:1].isupper():
                yield key, each
            left += reversed(each.items())
        elif isinstance(each, list):
            left += [("", item) for item in reversed(each)]


def quoted_name(*parts: str | None) -> str:
    """A qualified name in SQL, with each part quoted. Missing parts are left out."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts if part)


def relation(node: Node) -> str:
    """The quoted name of a RangeVar, qualified if the statement qualifies it."""
    return quoted_name(node.get("schemaname"), node.get("relname"))


def commands(kind: str, node: Node) -> Iterator[Node]:
    """The subcommands of an ALTER TABLE; none for any other statement."""
    if kind == "AlterTableStmt":
        for item in node.get("cmds", ()):
            yield item.get("AlterTableCmd", {})


def parts_of(items: Sequence[Node]) -> tuple[str, ...]:
    """The parts of a qualified name."""
    return tuple(item.get("String", {}).get("sval", "") for item in items)


def options_of(items: Sequence[Node]) -> dict[str, Node]:
    """The values of a list of DefElem options, by name."""
    elements = [item.get("DefElem", {}) for item in items]
    return {element.get("defname", ""): element.get("arg", {}) for element in elements}


def text_of(node: Node) -> str:
    """The value of a string constant; empty for any other expression."""
    text: str = node.get("A_Const", {}).get("sval", {}).get("sval", "")
    return text


def option(items: Sequence[Node], name: str) -> Node | None:
    """The DefElem called `name` in a list of options; None if it is missing."""
    elements = (item.get("DefElem", {}) for item in items)
    return next((each for each in elements if each.get("defname") == name), None)


def switched_on(items: Sequence[Node], name: str) -> bool:
    """Whether a boolean option is present and on: `(FULL)`, `(FULL true)`, `(FULL 1)`."""
    found = option(items, name)
    if found is None or "arg" not in found:
        return found is not None
    boolean, number, text = (found["arg"].get(kind, {}) for kind in ("Boolean", "Integer", "String"))
    word = "".join(parts_of(found["arg"].get("TypeName", {}).get("names", []))) or text.get("sval", "")
    return bool(boolean.get("boolval") or number.get("ival")) or word.lower() in {"true", "on", "yes"}


def dropped_names(node: Node) -> Iterator[tuple[str, ...]]:
    """The names in a DROP, each as its parts."""
    for item in node.get("objects", ()):
        if "List" in item:
            yield parts_of(item["List"].get("items", []))
        elif "TypeName" in item:
            yield parts_of(item["TypeName"].get("names", []))
        elif "String" in item:
            yield parts_of([item])
        elif "ObjectWithArgs" in item:
            yield parts_of(item["ObjectWithArgs"].get("objname", []))
