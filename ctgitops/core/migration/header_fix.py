"""Corrects header values that have only one possible meaning, such as `v1.4` for `1.4.0`. Never guesses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from ...lazy import regex
from .migration_name import parse_reference, without_ending

_VERSION = regex(r"[vV]?\.?\s*(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?")
_YES = {"true", "y", "yes!", "breaking"}
_NO = {"false", "n", "none", "not"}
_DATES = ("%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y")
"""Unambiguous date formats. A date such as 01/02/2026 is ambiguous: the month is January or February."""
_BETWEEN = regex(r"[\s,;&]+|\band\b")
_RULE = regex(r"--\s*")


def version(value: str) -> str:
    """Corrects `v1.4` to `1.4.0`. Empty if the value is ambiguous."""
    match = _VERSION.fullmatch(value)
    return f"{int(match[1])}.{int(match[2])}.{int(match[3] or 0)}" if match else ""


def breaking(value: str) -> str:
    """Corrects `true` to `Yes`. Empty if the value is ambiguous."""
    word = value.lower().strip(" .,")
    return "Yes" if word in _YES else "No" if word in _NO else ""


def created(value: str) -> str:
    """Corrects `31.01.2026` to `2026-01-31`. Empty if the value is ambiguous."""
    for form in _DATES:
        try:
            found: date = datetime.strptime(value.strip(), form)
        except ValueError:
            continue
        return f"{found:%Y-%m-%d}"
    return ""


def dependencies(value: str) -> str:
    """Corrects `[001 and 003_x.sql]` to `001, 003`. Empty if the value is ambiguous."""
    parts = [part for part in _BETWEEN.split(value.strip("[]() .")) if part]
    found = [parse_reference(without_ending(part)) for part in parts]
    return ", ".join(name.digits for name in found if name) if parts and all(found) else ""


def reordered(lines: Sequence[str], spans: Sequence[tuple[str, int, int]], order: Sequence[str]) -> tuple[str, ...]:
    """The header's lines in the required order. Empty if other text is between the fields.

    `spans` has the first and last line of each field. `lines` is the whole text, whose first line has the number 1.
    """
    first, last = spans[0][1], max(end for _, _, end in spans)
    inside = {number for _, begin, end in spans for number in range(begin, end + 1)}
    between = [lines[number - 1] for number in range(first, last + 1) if number not in inside]
    names = [name for name, _, _ in spans]
    if len(set(names)) != len(names) or not set(names) <= set(order) or not all(map(_RULE.fullmatch, between)):
        return ()
    made: list[str] = []
    for name, begin, end in sorted(spans, key=lambda span: order.index(span[0])):
        if name == "Dependencies" and between:
            made.append("--")
        made += lines[begin - 1 : end]
    return tuple(made)
