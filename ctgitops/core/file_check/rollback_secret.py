"""Reports passwords in SQL files. Rejects passwords in rollback SQL, because the ledger would redact them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...errors import Place
from ...sql.parse import SqlSyntaxError
from ...sql.redact import holds_secret, is_redacted
from ...sql.traits import RECORDS_ANYHOW
from ..problem import Problem

if TYPE_CHECKING:
    from ...sql.script import Script

_HINT = (
    "remove the password, for example with `ALTER ROLE … PASSWORD NULL`, or write `Rollback: Manual - …` in the header"
)


def password_problems(script: Script) -> Iterator[Problem]:
    """A warning for a password in a file. Everyone who can read the repository sees the password."""
    if holds_secret(script.sql) and not is_redacted(script.sql):
        what = "the file contains a password, which stays in the history of the repository"
        hint = "set it outside of migrations, for example with `\\password` in psql; if it is in use, change it"
        yield Problem("password-in-file", what, _place(script), hint, blocks=False)


def rollback_problems(up: Script, down: Script | None) -> Iterator[Problem]:
    """A problem for each password in rollback SQL, in a rollback file or in a call of record_migration."""
    why = "rollback runs the SQL from the ledger, which stores no passwords"
    if down and holds_secret(down.sql):
        yield Problem("rollback-password", f"the rollback SQL contains a password: {why}", _place(down), _HINT)
    elif down is None and _records_secret(up):
        what = f"the rollback SQL passed to record_migration contains a password: {why}"
        yield Problem("rollback-password", what, _place(up), _HINT)


def _records_secret(script: Script) -> bool:
    if not holds_secret(script.sql):
        return False
    try:
        return any(
            statement.traits & RECORDS_ANYHOW and holds_secret(script.text_of(statement))
            for statement in script.statements
        )
    except SqlSyntaxError:
        return False  # another problem reports it


def _place(script: Script) -> Place:
    """The position of the first password in a script."""
    lines = zip(script.sql.split("\n"), script.shown.split("\n"), strict=False)
    at = next((n for n, (is_there, shown) in enumerate(lines) if is_there != shown), 0)
    return Place(script.path, script.first_line + at)
