"""Splits SQL into tokens as PostgreSQL's scanner does. Never fails: an unterminated token ends with the text.

The parser stops at the first syntax error. Code that must read invalid SQL, such as the search for passwords, therefore
uses this module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple

from ..lazy import regex


class Kind(Enum):
    """The kind of a token."""

    WORD = auto()
    NAME = auto()
    """A name in double quotes."""
    STRING = auto()
    """A string constant of any kind: '…', E'…', U&'…', $tag$…$tag$."""
    COMMENT = auto()
    BLANK = auto()
    OTHER = auto()


class Token(NamedTuple):
    """The token `sql[start:end]`. For a string or quoted name, `sql[inside:until]` is the text between the quotes."""

    kind: Kind
    start: int
    end: int
    inside: int
    until: int


_TOKEN = regex(
    r"""(?P<BLANK>\s++)
    |(?P<COMMENT>--[^\r\n]*+)
    |(?P<block>/\*)
    |(?P<escaped>[eE]'(?P<in_escaped>(?:[^'\\]++|''|\\.)*+)'?)
    |(?P<STRING>(?:[bBxXnN]|[uU]&)?'(?P<in_string>[^']*+(?:''[^']*+)*+)'?)
    |(?P<NAME>(?:[uU]&)?"(?P<in_name>[^"]*+(?:""[^"]*+)*+)"?)
    |(?P<dollar>\$(?:[^\W\d]\w*+)?\$)
    |(?P<WORD>[^\W\d][\w$]*+)
    |(?P<OTHER>\d[\w.]*+|.)""",
    re.DOTALL | re.VERBOSE,
)
_COMMENT_EDGE = regex(r"/\*|\*/")
_INSIDE = {"escaped": "in_escaped", "STRING": "in_string", "NAME": "in_name"}


def tokens(sql: str) -> Iterator[Token]:
    """All tokens of the text, in order."""
    at = 0
    while match := _TOKEN.match(sql, at):
        token = _token(sql, match)
        yield token
        at = token.end


def first_word(sql: str, start: int, end: int) -> int:
    """The offset of the first token in a range that is neither space nor a comment. `end` if there is no such token."""
    words = (token.start for token in tokens(sql[start:end]) if token.kind not in {Kind.BLANK, Kind.COMMENT})
    return start + next(words, end - start)


def code_words(sql: str) -> frozenset[str]:
    """The words and quoted names of the code, also in the bodies of functions. Words without quotes in lower case.

    Leaves out comments, and strings in single quotes.
    """
    return frozenset(_code_words(sql))


def _code_words(sql: str) -> Iterator[str]:
    for token in tokens(sql):
        text = sql[token.inside : token.until]
        if token.kind is Kind.WORD:
            yield sql[token.start : token.end].lower()
        elif token.kind is Kind.NAME:
            yield text.replace('""', '"')
        elif token.kind is Kind.STRING and sql[token.start] == "$":
            yield from _code_words(text)


def comment_lines(pattern: re.Pattern[str], sql: str) -> Iterator[re.Match[str]]:
    """The matches of a pattern that are whole comments. Ignores lines in strings and in other comments."""
    found = list(pattern.finditer(sql))
    starts = {token.start for token in tokens(sql) if token.kind is Kind.COMMENT} if found else set()
    return (match for match in found if match.end() - len(match[0].lstrip()) in starts)


def _token(sql: str, match: re.Match[str]) -> Token:
    start, end = match.span()
    group = str(match.lastgroup)  # the name of the outermost group
    if group == "block":
        return Token(Kind.COMMENT, start, *([_comment_end(sql, end)] * 3))
    if group == "dollar":
        until = sql.find(match[0], end)
        return Token(Kind.STRING, start, until + len(match[0]), end, until) if until >= 0 else _endless(sql, start, end)
    kind = Kind.STRING if group == "escaped" else Kind[group]
    return Token(kind, start, end, *match.span(_INSIDE.get(group, 0)))


def _endless(sql: str, start: int, inside: int) -> Token:
    return Token(Kind.STRING, start, len(sql), inside, len(sql))


def _comment_end(sql: str, at: int) -> int:
    """The end of a comment whose opening mark ends at `at`. Comments nest."""
    depth = 1
    for edge in _COMMENT_EDGE.finditer(sql, at):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return edge.end()
    return len(sql)
