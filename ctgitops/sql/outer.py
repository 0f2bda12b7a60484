"""The text of a file that is sent: without the transaction around the file, and without pg_dump's \\restrict lines.

What is left out becomes spaces, so that every line and column stays where it is in the file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .parse import SqlSyntaxError, Statement, statements
from .tokens import first_word

_RESTRICT = re.compile(r"\\(?:un)?restrict[ \t]+[A-Za-z0-9]+[ \t]*(?=\n|\Z)")
"""pg_dump since August 2025 writes one of each, for psql: between them it runs no command of its own."""
_MOST = 8
"""More lines of \\restrict than this are not from a dump."""
_BEGINS = frozenset({"BEGIN", "START TRANSACTION"})
_DEFAULTS = "default_transaction_"
"""Settings that the next BEGIN reads: before the file's BEGIN they would not reach the transaction of apply."""


@dataclass(frozen=True)
class Sent:
    """What is sent of a file, and its statements."""

    text: str
    statements: tuple[Statement, ...]


def read(sql: str, *, in_transaction: bool) -> Sent:
    """What is sent of `sql`, a file that runs `in_transaction` as far as its comments say. Raises SqlSyntaxError."""
    text, found = _without_restrict(sql)
    pair = outer_pair(found) if in_transaction else ()
    for statement in pair:
        text = _blank(text, statement.start, statement.end)
    return Sent(text, tuple(each for each in found if each not in pair) if pair else found)


def outer_pair(found: Sequence[Statement]) -> tuple[Statement, ...]:
    """BEGIN and COMMIT around a whole file, as apply runs it anyway; empty for any other use of them.

    Settings for the session may stand before BEGIN: inside the transaction they mean the same.
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
    """The text with spaces there; comments in it, and line ends, stay."""
    at = first_word(text, start, end)
    return text[:at] + re.sub(r"[^\n]", " ", text[at:end]) + text[end:]
