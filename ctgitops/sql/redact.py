"""Redacts passwords in SQL before the SQL is shown or stored. Pure.

Hides the value after PASSWORD in statements about roles. Hides secret options of foreign servers and user mappings.
Hides passwords in connection strings and URLs anywhere in the text. Keeps all line breaks.
"""

from __future__ import annotations

from functools import lru_cache

from .guard import Guard
from .parse import SqlSyntaxError, statements
from .password_search import MARK, Found, Search, hide_in_text, may_hold

LEAST = 3
"""Minimum length of a secret that is hidden in server messages. A shorter one would match inside many words."""

PASSES = 4
"""Maximum number of passes. One pass is not enough, because hiding text can move the strings of invalid SQL."""


def redact(sql: str) -> str:
    """`sql` with `***` in place of every password. `sql` may be invalid."""
    return _searched(sql)[0]


def secrets_in(sql: str) -> frozenset[str]:
    """The passwords that `redact` hides, each as written and without escapes."""
    return frozenset(_searched(sql)[1].secrets)


def holds_secret(sql: str) -> bool:
    """Whether the SQL contains a password outside comments. The text that is stored then differs from the SQL."""
    return _searched(sql)[1].in_code


def is_redacted(sql: str) -> bool:
    """Whether `***` already replaces a password in the text, which must then not be run."""
    return _searched(sql)[1].redacted


def redact_message(text: str, known: frozenset[str] = frozenset()) -> str:
    """Redacts a message of a server or parser, which may quote SQL. `known` contains the passwords in that SQL."""
    for secret in sorted((s for s in known if len(s) >= LEAST), key=len, reverse=True):
        text = text.replace(secret, "***")
    return Guard().value("the passwords", lambda: hide_in_text(text, Found()) if may_hold(text) else text, MARK)


@lru_cache(maxsize=64)
def _searched(sql: str) -> tuple[str, Found]:
    found = Guard().value("the passwords", lambda: _search(sql), None)
    return found or _all_hidden(sql)


def _all_hidden(sql: str) -> tuple[str, Found]:
    """The result if a search fails. All lines are hidden, and the text counts as redacted."""
    lines = [line.strip() for line in sql.split("\n")]
    secrets = {line for line in lines if len(line) >= LEAST}
    return "\n".join(MARK if line else "" for line in lines), Found(secrets, in_code=True, redacted=True)


def _search(sql: str) -> tuple[str, Found]:
    found = Found()
    if not may_hold(sql):
        return sql, found
    shown = Search(sql, found).redacted()
    return (shown, found) if _parses(sql) else (_redact_invalid(shown, found), found)


def _redact_invalid(sql: str, found: Found) -> str:
    """Hides everything in invalid SQL that looks like a password. An extra quote would swap strings and code."""
    again, rest = sql, Found()
    for _ in range(PASSES):
        before, again = again, Search(hide_in_text(again, rest), rest).redacted()
        if again == before:
            break
    found.secrets |= rest.secrets - {MARK}
    found.in_code = found.in_code or bool(found.secrets)
    return again


def _parses(sql: str) -> bool:
    try:
        statements(sql)
    except SqlSyntaxError:
        return False
    return True
