"""Parses the format of dbmate, which has `-- migrate:up` and `-- migrate:down` in one file.

A section begins with its marker. The ledger therefore also stores the options in the marker.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..core.problem import Problem
from ..errors import Place
from ..lazy import regex
from ..sql.script import Script
from ..sql.tokens import comment_lines

_MARKER = regex(r"^--[ \t]*migrate:(up|down)\b[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_RESEMBLES = regex(
    r"^[ \t]*--[ \t]*migrate[ \t]*:?[ \t]*(?:up|down)[ \t]*(?:transaction:\w+)?[^\w\n]*$", re.MULTILINE | re.IGNORECASE
)
"""Matches a mistyped marker. dbmate and ctgitops read such a line as a comment, and would run the SQL below it."""
_OPTIONS = {"transaction:true", "transaction:false"}


def scripts_of(text: str, path: str) -> tuple[Script, Script | None, tuple[Problem, ...]]:
    """The up and down scripts of a migration file. The down script is None if the file has no down section."""
    markers = list(_MARKER.finditer(text))
    if not markers:
        return Script(text, path), None, tuple(_mistyped(text, path))
    ends = [*(marker.start() for marker in markers[1:]), len(text)]
    sections = {m[1]: _section(text, m, end, path) for m, end in zip(reversed(markers), reversed(ends), strict=True)}
    up = sections.get("up", Script("", path))
    down = sections.get("down")
    return up, down if down and _says_something(down.sql) else None, tuple(_problems(text, markers, path))


def without_markers(text: str) -> str:
    """Replaces section markers with empty comments. Line numbers and the header stay unchanged."""
    return _MARKER.sub("--", text)


def _section(text: str, marker: re.Match[str], end: int, path: str) -> Script:
    return Script(text[marker.start() : end], path, _line(text, marker.start()))


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def _says_something(text: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith("--") for line in text.split("\n"))


def _problems(text: str, markers: list[re.Match[str]], path: str) -> Iterator[Problem]:
    first = markers[0]
    if _says_something(text[: first.start()]):
        hint = f"move the SQL below `-- migrate:{first[1]}`"
        yield Problem("section", "SQL above the first section would not run", Place(path, 1), hint)
    yield from _mistyped(text, path)
    directions = [marker[1] for marker in markers]
    if "up" not in directions:
        hint = "write a line `-- migrate:up` above the SQL to apply"
        yield Problem("section", "there is no section `-- migrate:up`", Place(path, _line(text, first.start())), hint)
    for index, marker in enumerate(markers):
        place = Place(path, _line(text, marker.start()))
        if marker[1] in directions[:index]:
            hint = "keep one section of each kind, or split the file into migrations"
            yield Problem("section", f"a second section `-- migrate:{marker[1]}`", place, hint)
        for option in marker[2].split():
            if option not in _OPTIONS:
                what = f"option `{option}` of `-- migrate:{marker[1]}` is not supported"
                yield Problem("section", what, place, "supported: `transaction:false`")


def _mistyped(text: str, path: str) -> Iterator[Problem]:
    for match in comment_lines(_RESEMBLES, text):
        if not _MARKER.match(text, match.start()):
            direction = "down" if "down" in match[0].lower() else "up"
            what = f"`{match[0].strip()}` looks like a dbmate marker, but is only a comment: the SQL below would run"
            hint = f"write `-- migrate:{direction}` at the beginning of the line"
            yield Problem("section", what, Place(path, _line(text, match.start())), hint)
