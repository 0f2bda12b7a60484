"""The text of a file as sent to the server.

The text lacks a BEGIN and COMMIT around the file, and the \\restrict lines of pg_dump. Spaces replace these parts, so
all other text keeps its line and column.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..lazy import dataclass, regex
from .parse import SqlSyntaxError, Statement, statements
from .tokens import first_word

_RESTRICT = regex(r"\\(?:un)?restrict[ \t]+[A-Za-z0-9]+[ \t]*(?=\n|\Z)")
"""Matches the "restrict" lines of pg_dump since August 2025. Between them, psql accepts no meta-commands."""
_MOST = 8
"""Maximum number of \\restrict lines in a dump. A file with more lines is not a dump."""
_BEGINS = frozenset({"BEGIN", "START TRANSACTION"})
_DEFAULTS = "default_transaction_"
"""Prefix of the settings that BEGIN reads. In a file they have no effect, because apply has already run BEGIN."""


@dataclass(frozen=True)
class Sent:
    """The text that is sent to the server, and its statements."""

    text: str
    statements: tuple[Statement, ...]


def read(sql: str, *, in_transaction: bool) -> Sent:
    """The text to send for `sql`. With `in_transaction`, the text lacks its own BEGIN and COMMIT.

    Raises SqlSyntaxError.
    """
    text, found = _without_restrict(sql)
    pair = outer_pair(found) if in_transaction else ()
    for statement in pair:
        text = _blank(text, statement.start, statement.end)
    return Sent(text, tuple(each for each in found if each not in pair) if pair else found)


def outer_pair(found: Sequence[Statement]) -> tuple[Statement, ...]:
    """The BEGIN and COMMIT around the whole file, if they equal those of apply. Otherwise empty.

    Session settings may precede BEGIN, because they have the same effect inside the transaction.
    """
    controls = [n for n, statement in enumerate(found) if statement.transaction_control]
    if len(controls) != 2 or controls[1] != len(found) - 1:
        return ()
    begin, commit = found[controls[0]], found[-1]
    kinds = begin.transaction_control in _BEGINS and commit.transaction_control == "COMMIT"
    plain = not (begin.transaction_options or commit.transaction_options)
    before = all(_may_stand_before(statement) for statement in found[: controls[0]])
    whole = not any(statement.refused_in_transaction for statement in found)
    return (begin, commit) if kinds and plain and before and whole else ()


def _may_stand_before(statement: Statement) -> bool:
    return bool(statement.sets) and not any(name.startswith(_DEFAULTS) for name in statement.sets)


def _without_restrict(sql: str) -> tuple[str, tuple[Statement, ...]]:
    text = sql
    for _ in range(_MOST):
        try:
            return text, statements(text)
        except SqlSyntaxError as error:
            found = _RESTRICT.match(text, error.offset)
            if found is None or text[error.offset - 1 : error.offset] not in {"", "\n"}:
                raise
            text = _blank(text, found.start(), found.end())
    return text, statements(text)


def _blank(text: str, start: int, end: int) -> str:
    """`text` with spaces in place of `start` to `end`. Keeps comments at the beginning, and line ends."""
    at = first_word(text, start, end)
    return text[:at] + re.sub(r"[^\n]", " ", text[at:end]) + text[end:]
