"""Variables in code, and whether each holds a table, its rows or its repository."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING

from ...lazy import dataclass
from .spelling import Spelling, any_of

if TYPE_CHECKING:
    from .call_chain import Handles
    from .source import Source

_FAR = 6000
"""Maximum number of characters between the declaration of a variable and its use."""
_LOWER = re.compile(r"[a-z_]\w*")


@dataclass(frozen=True)
class Variables:
    """The declarations of variables in a file."""

    source: Source
    spelling: Spelling
    handles: Handles
    _places: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def is_row(self, name: str, at: int) -> bool | None:
        """Whether a variable holds the table or one of its rows. None if the declaration does not show this."""
        if name in self.spelling.classes or not _LOWER.fullmatch(name):
            return name in self.spelling.variables
        declared = self._declaration(name, at)
        if declared is None:
            return None
        if re.search(rf"\b{any_of(self.spelling.classes)}\b", declared) or self.handles.ours.search(declared):
            return True
        if re.search(rf"(?:\bin|\bof|range|:)\s+[@$]?(?:\w+\.)?{any_of(self.spelling.tables)}\b", declared):
            return True
        if re.search(rf"[@$]?\b{any_of(self.spelling.tables)}[.\w?!&]*[.(]\w+\W", declared):
            return True
        another = self.handles.any.search(declared) or re.search(
            r"\b(?!String|Option|List|Promise)[A-Z][a-z]\w+", declared
        )
        return False if another and name not in self.spelling.variables else None

    def _declaration(self, name: str, at: int) -> str | None:
        """The last declaration of a variable before its use. If there is none, a `for … in` directly after the use."""
        if name not in self._places:
            self._places[name] = list(self._declarations(name))
        places = self._places[name]
        end = self.source.text.find("\n", at)
        number = bisect_left(places, (end if end >= 0 else len(self.source.text), 0)) - 1
        again = re.compile(rf"(?<==)\s*(?:await\s+)?{re.escape(name)}\b")  # `query = query.where(…)` declares nothing
        while number >= 0 and again.match(self.source.text, places[number][1]):
            number -= 1
        if number < 0 or places[number][0] < at - _FAR:
            behind = re.compile(rf"\bfor\s+{re.escape(name)}\s+in\b").search(self.source.text, at, at + 300)
            return self._line(behind.span(), name) if behind else None
        return self._line(places[number], name)

    def _declarations(self, name: str) -> Iterator[tuple[int, int]]:
        """The spans of a variable's declarations. Searches only lines with its name, because the pattern is slow."""
        text, declaring, end = self.source.text, _declaring(name), 0
        at = text.find(name)
        while at >= 0:
            start, end = max(end, self.source.line_start(at)), text.find("\n", at)
            end = len(text) if end < 0 else end
            yield from (each.span() for each in declaring.finditer(text, start, end + 1))
            at = text.find(name, end)

    def _line(self, place: tuple[int, int], name: str) -> str:
        """The variable and its type, from its declaration. If the declaration has no type, returns the whole line."""
        text = self.source.text
        start = self.source.line_start(place[0])
        stop = text.find("\n", place[1])
        line = text[start : stop if stop >= 0 else len(text)]
        if line.rstrip().endswith(("(", "await", "=", "db", "supabase", "supabaseAdmin", "sb")):
            line = text[start : start + len(line) + 200]
        word = re.escape(name)
        typed = re.search(
            rf"\b[A-Z]\w*(?:<[^<>]*>)?\s+{word}\b|\b{word}\s*:?\s*[&*\[\]]*(?:\w+\.)*[A-Z]\w*(?:<\w+>)?", line
        )
        return typed[0] if typed else line


def _declaring(name: str) -> re.Pattern[str]:
    word = re.escape(name)
    return re.compile(
        rf"\b[A-Z]\w*(?:<[^<>\n]*>)?\s+{word}\b(?!\s*\()"
        rf"|(?<![\w.]){word}\s+[*\[\]]*(?:\w+\.)?[A-Z]\w*"
        rf"|(?<![\w.\"']){word}\??\s*:\s*[&\[\]]*(?:\w+\.)*(?:list\[|List<|Array<|Repository<)?[A-Z]\w*"
        rf"|(?:\b(?:const|let|var|val)\s+[\[{{(]?\s*|(?<![\w.])){word}\b[\w, \])}}]*\s*:?=(?![=>])"
        rf"|\bfor\s*\(?\s*(?:const|let|var|val|_,)?\s*\[?[\w, ]*\b{word}\b\]?\s*(?:in|of|:=\s*range|:)\s"
        rf"|\|[\w, ]*\b{word}\b[\w, ]*\|"
        rf"|\(\s*\(?{word}(?:,\s*\w+)?\)?\s*=>"
        rf"|\blambda\s+{word}\b|\{{\s*{word}\s*->"
    )
