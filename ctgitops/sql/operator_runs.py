"""Protects the parser from long runs of operator characters, for which PostgreSQL's scanner takes quadratic time.

In a nested comment, the scanner's rule for `/*` (`xcstart` in scan.l) matches all operator characters that follow, and
then gives back all but two. The scanner's rule for operators does the same at each `+` or `-`. A scan of 800 kB of
`/*/*/*…` took minutes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from ..lazy import regex
from .tokens import Kind, Token, tokens

LONGEST = 1_000
"""The longest run of operator characters that the parser gets unchecked. PostgreSQL's operators have at most 63."""
_OPERATOR = "~!@#^&|`?+-*/%<>="
_RUN = regex(rf"[{re.escape(_OPERATOR)}]{{{LONGEST}}}")
_EDGE = regex(r"/\*|\*/")
_IN_A_LINE = regex(rb"[^\r\n]")


class LongRunError(ValueError):
    """A long run of operator characters outside comments and strings. `offset` is in characters, from 0."""

    def __init__(self, offset: int) -> None:
        super().__init__("operator too long")
        self.offset = offset


def scannable(sql: str) -> bytes:
    """`sql` in UTF-8, in which spaces replace block comments with long runs. The scanner then takes linear time.

    Each byte keeps its offset. Raises LongRunError for a long run outside comments and strings.
    """
    return b"".join(_blank(sql, token) for token in _checked(sql)) if _RUN.search(sql) else sql.encode()


def _checked(sql: str) -> Iterator[Token]:
    run = 0
    for token in tokens(sql):
        run = run + 1 if token.kind is Kind.OTHER and sql[token.start] in _OPERATOR else 0
        if run == LONGEST:
            raise LongRunError(token.end - LONGEST)
        yield token


def _blank(sql: str, token: Token) -> bytes:
    text = sql[token.start : token.end]
    if token.kind is not Kind.COMMENT or not text.startswith("/*"):
        return text.encode()
    edges = Counter(_EDGE.findall(text))
    end = b"*/" if edges["/*"] == edges["*/"] else b""
    return b"/*" + _IN_A_LINE.sub(b" ", text[2 : len(text) - len(end)].encode()) + end
