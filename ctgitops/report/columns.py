"""Formats text for a terminal: aligns columns, and neutralises control characters and workflow commands."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+")

# GitHub's runner takes a line of a log that begins with `::`, and `##[` anywhere, for an order to itself
_ORDER = re.compile(r"^(?=[^\S\n]*::)|(?<=##)(?=\[)", re.MULTILINE)


def visible(text: str) -> str:
    """Text of several lines that neither moves the cursor nor turns lines around nor orders the runner about."""
    plain = _HIDDEN.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n").replace("\t", "    "))
    return _ORDER.sub("\N{ZERO WIDTH SPACE}", plain)


def on_one_line(text: str) -> str:
    """The same for a text that must stay in its line."""
    return _ORDER.sub("\N{ZERO WIDTH SPACE}", _INVISIBLE.sub(" ", text))


def table(rows: Iterable[Sequence[str]], *, gap: int = 2, indent: int = 2) -> list[str]:
    """Lines of left-aligned columns; the last column is as wide as it needs."""
    cells = [[on_one_line(cell) for cell in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    return [" " * indent + _line(row, widths, gap) for row in cells]


def indented(text: str, by: int) -> list[str]:
    """Each line of a text, pushed to the right."""
    return [f"{' ' * by}{line}" for line in visible(text).split("\n")]


def width(text: str) -> int:
    """How many cells of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Cf", "Mn"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _line(row: Sequence[str], widths: Sequence[int], gap: int) -> str:
    padded = (cell + " " * (wide - width(cell)) for cell, wide in zip(row, widths, strict=True))
    return (" " * gap).join(padded).rstrip()
