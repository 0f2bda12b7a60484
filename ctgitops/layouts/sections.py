"""Divides a file at directive lines into an up script and a down script. Tools write directives as SQL comments."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..core.problem import Problem
from ..errors import Place
from ..lazy import dataclass
from ..sql.script import Script
from ..sql.tokens import comment_lines
from .tool import Divided

NO_TRANSACTION = "-- ctgitops: no transaction"
NEVER = "(?!)"
"""A pattern that matches nothing."""


@dataclass(frozen=True)
class Directives:
    """The directive lines of a tool. Each pattern matches a whole line that starts with `--`, and ignores case."""

    title: str
    up: str = NEVER
    down: str = NEVER
    up_required: bool = False
    """Whether the tool refuses a file without the directive `up`. If not, the text before `down` is the up script."""
    outside: str = NEVER
    """The directive that disables the transaction."""
    ignored: str = NEVER
    """Directives without a meaning for PostgreSQL, such as statement delimiters."""
    refused: str = NEVER
    """Directives whose effect ctgitops does not support."""

    def divide(self, text: str, path: str) -> Divided:
        """Divides a file. Directive lines become comments or ctgitops's own directive. Line numbers stay the same."""
        ups, downs = self._lines(self.up, text), self._lines(self.down, text)
        problems = [*self._misplaced(text, path, ups, downs), *self._refused(text, path)]
        up_from, down_from = (ups[0].start() if ups else 0), (downs[0].start() if downs else len(text))
        outside = bool(self._lines(self.outside, text))
        if up_from <= down_from:
            up, down = text[:down_from], text[down_from:]
        else:
            up, down = text[up_from:], text[down_from:up_from]
        first = 1 if up_from <= down_from else text.count("\n", 0, up_from) + 1
        up_script = Script(self._translated(up, outside=outside), path, first)
        down_line = text.count("\n", 0, down_from) + 1
        down_script = Script(self._translated(down, outside=outside), path, down_line) if has_sql(down) else None
        return Divided(up_script, down_script, tuple(problems))

    def _lines(self, pattern: str, text: str) -> list[re.Match[str]]:
        return list(comment_lines(_line(pattern), text))

    def _translated(self, text: str, *, outside: bool) -> str:
        """The text with plain comments in place of its directive lines.

        If `outside` is true, replaces the first of these lines with the directive that disables the transaction.
        """
        every = "|".join(f"(?:{part})" for part in (self.up, self.down, self.outside, self.ignored))
        lines = self._lines(every, text)
        for at, match in reversed(list(enumerate(lines))):
            line = NO_TRANSACTION if outside and at == 0 else "--"
            text = text[: match.start()] + line + text[match.end() :]
        return text

    def _misplaced(
        self, text: str, path: str, ups: list[re.Match[str]], downs: list[re.Match[str]]
    ) -> Iterator[Problem]:
        if self.up_required and not ups:
            hint = "write the directive above the SQL to apply"
            yield Problem("section", f"{self.title} requires its directive for the up section", Place(path, 1), hint)
        elif self.up_required and has_sql(text[: min(m.start() for m in (*ups[:1], *downs[:1]))]):
            what = f"{self.title} does not run the SQL above the first section"
            yield Problem("section", what, Place(path, 1), "move the SQL below the directive of its section")
        for second in (*ups[1:], *downs[1:]):
            line = text.count("\n", 0, second.start()) + 1
            what = f"a second section `{second[0].strip()}`"
            yield Problem("section", what, Place(path, line), "keep one section of each kind")

    def _refused(self, text: str, path: str) -> Iterator[Problem]:
        for match in self._lines(self.refused, text):
            line = text.count("\n", 0, match.start()) + 1
            what = f"`{match[0].strip()[:80]}` is a directive of {self.title} that ctgitops does not support"
            yield Problem("other-tool", what, Place(path, line), "write the resulting SQL into the file instead")


def has_sql(text: str) -> bool:
    """Whether a text contains a line that is neither empty nor a comment."""
    return any(line.strip() and not line.lstrip().startswith("--") for line in text.split("\n"))


def _line(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"^[ \t]*(?:{pattern})[ \t]*$", re.MULTILINE | re.IGNORECASE)
