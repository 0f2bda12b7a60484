"""Renders schema differences as lines of a diff, for a terminal and for a `diff` code block on GitHub."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..core.schema.compare import Added, Altered, Change, Changes, Removed
from .terminal_text import visible

if TYPE_CHECKING:
    from ..core.schema.snapshot import SchemaObject

LONGEST_LINE = 400
_QUIET = frozenset({"owner", "comment"})
"""Attributes that are not shown for an added or removed object."""
_BARE = frozenset({"definition", "type", "privileges", "labels", "fields", "base", "subtype"})
"""Attributes that are shown without their names, because the value identifies the attribute."""


def change_lines(changes: Changes) -> list[str]:
    """One line per change, below the parent object. `+` marks the new state, and `-` the old state."""
    lines: list[str] = []
    heading = ""
    for change in changes:
        of = change.object.of
        if of and of != heading and not _is_about(changes, of):
            lines.append(f"  {_shown(of)}")
        heading = of or change.object.name
        lines += _lines(change, "    " if of else "  ")
    return lines


def _is_about(changes: Changes, name: str) -> bool:
    """Whether the object `name` itself changed. If so, the line about this object is the heading of its changes."""
    return any(not change.object.of and change.object.name == name for change in changes)


def _lines(change: Change, indent: str) -> Iterator[str]:
    match change:
        case Added(each):
            yield from _whole("+", indent, each)
        case Removed(each):
            yield from _whole("-", indent, each)
        case Altered():
            yield from _altered(change, indent)


def _whole(sign: str, indent: str, each: SchemaObject) -> Iterator[str]:
    said = [
        _said(name, value)
        for name, value in each.attributes.items()
        if name not in _QUIET and "\n" not in value.strip()
    ]
    yield f"{sign} {indent}{_title(each)}{': ' if said else ''}{_shown(', '.join(said))}"


def _said(attribute: str, value: str) -> str:
    if attribute in _BARE:
        return value
    name = attribute.replace("_", " ")
    return name if value == "yes" else f"{name} {value}"


def _altered(change: Altered, indent: str) -> Iterator[str]:
    for name, old, new in change.attributes:
        label = f"{indent}{_title(change.object)}: {name.replace('_', ' ')}"
        if "\n" in (old or "") + (new or ""):
            yield f"! {label}"
            yield from _by_line(old or "", new or "", f"{indent}  ")
            continue
        if old is not None:
            yield f"- {label} {_shown(old)}"
        if new is not None:
            yield f"+ {label} {_shown(new)}"


def _by_line(old: str, new: str, indent: str) -> Iterator[str]:
    diff = difflib.unified_diff(visible(old).split("\n"), visible(new).split("\n"), lineterm="", n=2)
    for line in list(diff)[2:]:
        if not line.startswith("@@"):
            yield f"{line[0]} {indent}{line[1:][:LONGEST_LINE]}"


def _title(each: SchemaObject) -> str:
    name = each.name.removeprefix(f"{each.of}.") if each.kind != "grant" else each.name
    return f"{each.kind} {_shown(name)}"


def _shown(text: str) -> str:
    line = " ".join(visible(text).split())
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…"
