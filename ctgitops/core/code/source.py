"""The text of a source file without its comments, with the spans of its strings and brackets."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import field
from enum import StrEnum
from functools import cached_property

from ...lazy import dataclass

_STRING = r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
_LONG = r"\"\"\".*?(?:\"\"\"|\Z)|'''.*?(?:'''|\Z)"
_TEMPLATE = r"`(?:\\.|[^`\\])*`"
_HEREDOC = r"<<<?[~-]?['\"]?(?P<mark>[A-Z_]{2,})['\"]?[^\n]*\n(?P<body>.{0,10000}?)\n[ \t]*(?P=mark)\b"
_SLASH = r"(?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))"
_DASH = r"(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z)|\{#.{0,2000}?#\})"
_HASH = r"(?P<comment>(?<![$\w])#[^\n]*)"
_TAG = r"(?P<comment><!--.*?(?:-->|\Z)|\{#.{0,2000}?#\}|<%#.{0,2000}?%>|\{\{--.{0,2000}?--\}\}|^[ \t]*-#[^\n]*)"


class SourceKind(StrEnum):
    """How a file is parsed."""

    CODE = "code"
    MARKUP = "markup"
    """Text with placeholders, such as an HTML template."""
    SQL = "sql"
    DATA = "data"
    """JSON and YAML: a key never means a column, but a string may contain SQL."""
    STYLE = "style"
    """Style sheets, which contain no column names."""


@dataclass(frozen=True)
class _Family:
    kind: SourceKind
    tokens: re.Pattern[str]


def _family(kind: SourceKind, *tokens: str) -> _Family:
    return _Family(kind, re.compile("|".join(tokens) or r"(?!)", re.DOTALL | re.MULTILINE))


_SLASHES = _family(SourceKind.CODE, _SLASH, r"\"\"\".*?(?:\"\"\"|\Z)", _HEREDOC, _STRING, _TEMPLATE)
_HASHES = _family(SourceKind.CODE, _HASH, _LONG, _HEREDOC, _STRING, _TEMPLATE)
_SUFFIXES = (
    ("py pyi rb rake gemspec sh bash zsh ex exs r pl tf toml", _HASHES),
    ("yml yaml", _family(SourceKind.DATA, _HASH, _STRING)),
    ("json json5 jsonc", _family(SourceKind.DATA, _STRING)),
    ("sql psql pgsql ddl dml", _family(SourceKind.SQL, _DASH)),
    (
        "html htm xml erb ejs hbs mustache haml slim jinja jinja2 j2 liquid twig tmpl gohtml",
        _family(SourceKind.MARKUP, _TAG),
    ),
    ("css scss sass less styl", _family(SourceKind.STYLE)),
    (
        "ts tsx js jsx mjs cjs mts cts go java kt kts scala rs cs php swift dart groovy vue svelte prisma c cc cpp h"
        " hpp m proto",
        _SLASHES,
    ),
)
_FAMILIES = {suffix: family for suffixes, family in _SUFFIXES for suffix in suffixes.split()}
_UNKNOWN = _family(SourceKind.CODE, _STRING, _TEMPLATE)
_BRACKETS = re.compile(r"[()\[\]{}]")
_WIDEST = 1000
"""Maximum number of characters that are read on each side of a name in a line. Longer lines are usually generated."""
_CLOSES = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True)
class Source:
    """The text of a file, with spaces in place of the comments. All offsets are the same as in the file."""

    kind: SourceKind
    text: str
    """The text without comments."""
    strings: tuple[tuple[int, int], ...]
    """The spans of the contents of the file's string literals."""
    suffix: str = ""
    _starts: list[int] = field(default_factory=list, repr=False)

    @cached_property
    def bare(self) -> str:
        """The text without comments and without the contents of string literals."""
        return without(self.text, self.strings)

    @cached_property
    def brackets(self) -> Brackets:
        """The brackets outside string literals."""
        return Brackets.of(self.bare)

    def string_at(self, position: int) -> tuple[int, int] | None:
        """The span of the string literal that contains the offset. None outside a string."""
        number = bisect_right(self._starts, position) - 1
        if number >= 0 and position < self.strings[number][1]:
            return self.strings[number]
        return None

    def line(self, position: int) -> int:
        """The number of the line that contains the offset, counted from 1."""
        return self.text.count("\n", 0, position) + 1

    def lines_with(self, words: re.Pattern[str], more: int = 0) -> Iterator[tuple[int, int]]:
        """The spans of lines that contain a match, with `more` lines before and after. The spans do not overlap."""
        end = -1  # the end of the last span
        for match in words.finditer(self.text):
            if match.start() <= end:
                continue
            start, stop = match.start(), match.end() - 1
            for _ in range(more + 1):
                start = self.text.rfind("\n", 0, max(start, 0))
                stop = self.text.find("\n", stop + 1) if stop < len(self.text) else stop
                stop = len(self.text) if stop < 0 else stop
            start, end = max(start, end), stop
            yield max(start + 1, match.start() - _WIDEST), min(end, match.end() + _WIDEST)

    def line_start(self, position: int) -> int:
        """The offset at which the line starts."""
        return self.text.rfind("\n", 0, position) + 1


@dataclass(frozen=True)
class Brackets:
    """The matching brackets of a text, by offset."""

    opens: list[int]
    closes: dict[int, int]
    """Maps the offset of each opening bracket to the offset of its closing bracket."""
    openings: dict[int, int]
    """Maps the offset of each closing bracket to the offset of its opening bracket."""
    parents: dict[int, int]
    """Maps each opening bracket's offset to the enclosing bracket's offset, or to -1 without an enclosing bracket."""

    @staticmethod
    def of(bare: str) -> Brackets:
        """Finds the matching brackets. Ignores unmatched brackets."""
        found = Brackets([], {}, {}, {})
        stack: list[int] = []
        for match in _BRACKETS.finditer(bare):
            at = match.start()
            if match[0] not in _CLOSES:
                found.opens.append(at)
                found.parents[at] = stack[-1] if stack else -1
                stack.append(at)
            elif stack and bare[stack[-1]] == _CLOSES[match[0]]:
                begun = stack.pop()
                found.closes[begun], found.openings[at] = at, begun
        return found

    def around(self, position: int) -> int:
        """The offset of the innermost opening bracket around an offset. -1 without such a bracket."""
        number = bisect_right(self.opens, position - 1) - 1
        at = self.opens[number] if number >= 0 else -1
        while at >= 0 and self.closes.get(at, position) < position:
            at = self.parents[at]
        return at


def source_of(path: str, text: str) -> Source:
    """Parses a file's text. The file name's extension decides how."""
    family, suffix = _family_of(path)
    strings: list[tuple[int, int]] = []
    comments: list[tuple[int, int]] = []
    for match in family.tokens.finditer(text):
        if match.lastgroup == "comment" or _is_docstring(text, match):
            comments.append(match.span())
        else:
            strings.append(_content(match))
    return Source(family.kind, without(text, comments), tuple(strings), suffix, [start for start, _ in strings])


def is_code(path: str) -> bool:
    """Whether a file's name shows that a person wrote the file, and that the file contains code, a template or SQL."""
    family, suffix = _family_of(path)
    return suffix in _FAMILIES and family.kind in {SourceKind.CODE, SourceKind.MARKUP, SourceKind.SQL}


def _family_of(path: str) -> tuple[_Family, str]:
    name = path.rsplit("/", 1)[-1].lower()
    parts = name.split(".")[1:]
    if "sql" in parts:
        return _FAMILIES["sql"], "sql"
    if "blade" in parts:
        return _FAMILIES["html"], "html"
    suffix = parts[-1] if parts else ""
    return (_FAMILIES["rb"], "rb") if name in {"rakefile", "gemfile"} else (_FAMILIES.get(suffix, _UNKNOWN), suffix)


def _is_docstring(text: str, match: re.Match[str]) -> bool:
    """Whether a string is a Python docstring: the first statement of a block or of the file."""
    if not match[0].startswith(('"""', "'''")):
        return False
    before = text[: match.start()].rstrip(" \t")
    return not before.strip() or (before.endswith("\n") and before.rstrip().endswith(":"))


def _content(match: re.Match[str]) -> tuple[int, int]:
    if "body" in match.re.groupindex and match["body"] is not None:
        return match.span("body")
    quotes = 3 if match[0].startswith(('"""', "'''")) else 1
    return match.start() + quotes, match.end() - quotes


def without(text: str, spans: list[tuple[int, int]] | tuple[tuple[int, int], ...]) -> str:
    """The text with these spans replaced by spaces. Line breaks are kept."""
    parts: list[str] = []
    last = 0
    for start, end in spans:
        parts += [text[last:start], re.sub(r"[^\n]", " ", text[start:end])]
        last = end
    return "".join([*parts, text[last:]])
