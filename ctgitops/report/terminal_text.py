"""Formats text for a terminal. Aligns columns, and neutralises control characters and workflow commands."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from ..lazy import regex

_HIDDEN = regex(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_INVISIBLE = regex(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")

_NARROWEST = 8
"""Minimum width of a column in cells, even in a narrow terminal."""
# GitHub's runner reads `::` at the start of a log line, and `##[` anywhere, as a workflow command
_ORDER = regex(r"^(?=[^\S\n]*::)|(?<=##)(?=\[)", re.MULTILINE)


def visible(text: str) -> str:
    """Escapes text of one or more lines. Removes cursor movement, text direction changes and workflow commands."""
    plain = _HIDDEN.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n").replace("\t", "    "))
    return _ORDER.sub("\N{ZERO WIDTH SPACE}", plain)


def on_one_line(text: str) -> str:
    """Escapes text like `visible`, but returns one line."""
    return _ORDER.sub("\N{ZERO WIDTH SPACE}", _INVISIBLE.sub(" ", text))


def table(rows: Iterable[Sequence[str]], *, gap: int = 2, indent: int = 2, within: int | None = None) -> list[str]:
    """Formats rows as lines of left-aligned columns.

    `within` is the width of the terminal. A longer cell wraps onto more lines, and nothing is cut.
    """
    cells = [[on_one_line(cell) for cell in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    if within is not None:
        widths = _narrowed(widths, cells, within - indent - gap * (len(widths) - 1))
        cells = [line for row in cells for line in _folded(row, widths)]
    return [" " * indent + _line(row, widths, gap) for row in cells]


def _narrowed(widths: Sequence[int], cells: Sequence[Sequence[str]], room: int) -> list[int]:
    """Shrinks the widest column until all columns fit. Splits words only if the table would otherwise be too wide."""
    narrow = list(widths)
    words = [
        max((width(word) for cell in column for word in cell.split()), default=0) for column in zip(*cells, strict=True)
    ]
    for least in (words, [min(word, _NARROWEST) for word in words]):
        while sum(narrow) > room:
            wide = [(narrow[at], at) for at in range(len(narrow)) if narrow[at] > least[at]]
            if not wide:
                break
            narrow[max(wide)[1]] -= 1
    return narrow


def _folded(row: Sequence[str], widths: Sequence[int]) -> list[list[str]]:
    """Wraps a row's cells to the column widths. Returns the lines."""
    columns = [_wrapped(cell, wide) for cell, wide in zip(row, widths, strict=True)]
    return [
        [column[at] if at < len(column) else "" for column in columns]
        for at in range(max(map(len, columns), default=0))
    ]


def _wrapped(text: str, wide: int) -> list[str]:
    if width(text) <= wide:
        return [text]
    lines = [""]
    for word in text.split():
        rest = word
        if lines[-1] and width(lines[-1]) + 1 + width(rest) <= wide:
            lines[-1] += f" {rest}"
            continue
        lines += [""] if lines[-1] else []
        while width(rest) > wide:
            at = _fitting(rest, wide)
            lines[-1], rest = rest[:at], rest[at:]
            lines.append("")
        lines[-1] = rest
    return lines


def _fitting(word: str, wide: int) -> int:
    """How many characters of a word fit on the line, at least one. Prefers a break after an underscore."""
    at = next((n for n in range(1, len(word)) if width(word[: n + 1]) > wide), len(word))
    near = word.rfind("_", 0, at) + 1
    return near if near > at // 2 else at


def indented(text: str, by: int) -> list[str]:
    """Indents each line of a text."""
    return [f"{' ' * by}{line}" for line in visible(text).split("\n")]


def width(text: str) -> int:
    """The width of a text in a terminal, in cells."""
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
