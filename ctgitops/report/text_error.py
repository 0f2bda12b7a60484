"""Renders an error for a terminal: what happened, where, the statement, the database's state, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ApplyError, CtgitopsError
from .terminal_text import indented, on_one_line, visible

if TYPE_CHECKING:
    from ..core.view.preview import NotPlanned

SHOWN = 12
"""Maximum number of lines of a statement to show, around the line of the error."""


def error_text(error: CtgitopsError) -> str:
    """Formats one error."""
    lines = [f"error[{error.code}]: {on_one_line(error.what)}{_sqlstate(error)}"]
    if error.place:
        lines.append(f"  --> {on_one_line(str(error.place))}")
    if isinstance(error, ApplyError):
        lines += _statement(error)
    lines += [f"  {line}" for line in visible(error.detail).split("\n") if line.strip()]
    if error.state:
        lines.append(f"  state: {on_one_line(error.state)}")
    if error.hint:
        lines.append(f"  help: {on_one_line(error.hint)}")
    return "\n".join(lines) + "\n"


def unseen_lines(result: NotPlanned, words: str) -> list[str]:
    """Formats an environment that could not be read, and its error. `words` says what is therefore unknown."""
    return [f"{result.environment.name}: {words}", *indented(error_text(result.error).rstrip("\n"), 2)]


def _sqlstate(error: CtgitopsError) -> str:
    return f" (SQLSTATE {error.sqlstate})" if isinstance(error, ApplyError) and error.sqlstate else ""


def _statement(error: ApplyError) -> list[str]:
    if not error.statement:
        return []
    first = _first_line(error)
    at = error.place.line if error.place else None
    if first is None or at is None:
        return indented("\n".join(error.statement.split("\n")[:SHOWN]), 6)
    return _with_gutter(error, first, at)


def _first_line(error: ApplyError) -> int | None:
    """The line of the file on which the statement starts. None if it is unknown."""
    if error.statement_line is not None:
        return error.statement_line
    single = "\n" not in error.statement.strip("\n")
    if error.place and (single or error.place.column is None):
        return error.place.line
    return None


def _with_gutter(error: ApplyError, first: int, at: int) -> list[str]:
    numbered = list(enumerate(error.statement.split("\n"), start=first))
    around = [(n, line) for n, line in numbered if at - SHOWN // 2 <= n < at + SHOWN // 2] or numbered[:SHOWN]
    wide = len(str(around[-1][0]))
    lines = [f"{'':{wide}} |"]
    column = error.place.column if error.place else None
    for number, line in around:
        lines.append(f"{number:{wide}} | {visible(line)}".rstrip())
        if number == at and column:
            before = visible(line[: column - 1])
            lines.append(f"{'':{wide}} | {' ' * len(before)}^")
    return lines
