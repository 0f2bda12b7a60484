"""Explains why a script cannot be parsed or analysed: a psql command, an invisible character, a conflict marker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ...errors import Place
from ...lazy import regex
from ...sql.invisible import PASTED, Invisible, invisible_in, named, pasted_in, spelled
from ...sql.parse import SqlSyntaxError, statements
from ...sql.redact import redact_message
from ..problem import Problem
from .conflict_marker import is_marker, marker_problem
from .syntax_hint import syntax_hint

if TYPE_CHECKING:
    from ...sql.guard import Failure
    from ...sql.script import Script

_META = regex(r"\\(!|\?|[A-Za-z_]+|\S)")
_PLACEHOLDER = regex(
    r"\$\{[^}\n]{1,100}\}|\{\{[^}\n]{1,100}\}\}|\{%[^%\n]{1,100}%\}|:(?:'\w{1,60}'|\"\w{1,60}\"|[A-Za-z_]\w{0,60})"
)
_CONNECT = (
    "remove the line: ctgitops connects to the database in the manifest; make the dump with `pg_dump` without "
    "`--create`, not with `pg_dumpall`"
)
_META_HINTS = {
    "c": _CONNECT,
    "connect": _CONNECT,
    "i": "replace the line with the SQL of that file",
    "restrict": "delete the lines `\\restrict` and `\\unrestrict`: only psql needs them",
    "unrestrict": "delete the lines `\\restrict` and `\\unrestrict`: only psql needs them",
    "copy": "use INSERT INTO … VALUES instead",
    "gexec": "write the statements that the previous query generates, or EXECUTE them in a DO block",
    "set": "remove the line, and replace the variable with its value",
}
_META_HINTS |= {"ir": _META_HINTS["i"], "include": _META_HINTS["i"], "include_relative": _META_HINTS["i"]}
_REPORT = "report this failure as a bug of ctgitops"
_NO_EFFECT = frozenset({"echo", "timing", "pset", "encoding", "q", "quit", "o", "out", "x", "t", "a", "qecho", "warn"})


def syntax_problem(script: Script, error: SqlSyntaxError) -> Problem:
    """The problem for a script that the parser rejects. Its place is the likely cause."""
    return (
        _conflict(script, error.offset)
        or _hidden(script, error.offset)
        or _copied(script, error.offset)
        or _meta_command(script, error.offset)
        or _placeholder(script, error.offset)
        or _pasted(script, error.offset)
        or _plain(script, error)
    )


def client_copy(script: Script, offset: int) -> Problem:
    """The problem for a COPY whose data is in the file."""
    what = "COPY … FROM STDIN with the data in the file works only in a client such as psql"
    hint = (
        "use INSERT INTO … VALUES instead: `pg_dump --inserts` writes such statements, `--schema-only` omits the data"
    )
    return Problem("client-copy", what, script.place(offset), hint)


def invisible_problems(script: Script) -> Iterator[Problem]:
    """A warning for each invisible character in a script that can be parsed."""
    for found in invisible_in(script.sql):
        place = script.place(found.offset)
        if found.is_control and not found.in_code:
            what = f"{found.named} makes the text appear in a different order than PostgreSQL reads it"
            hint = "delete the character, or, if it is data, write it as an escape in an E'…' string"
            yield Problem("invisible-character", what, place, hint, blocks=False)
        else:
            yield replace(_invisible(script, found), blocks=False)
    for character, offset in pasted_in(script.sql):
        what = f"{named(character)} is in the SQL, and PostgreSQL reads it as part of a name"
        hint = f"write `{PASTED[character]}` instead"
        yield Problem("invisible-character", what, script.place(offset), hint, blocks=False)


def _hidden(script: Script, offset: int) -> Problem | None:
    found = [each for each in invisible_in(script.sql) if each.in_code]
    near = next((each for each in found if each.offset >= offset), found[-1] if found else None)
    return _invisible(script, near) if near else None


def _invisible(script: Script, found: Invisible) -> Problem:
    place = script.place(found.offset)
    what = f"{found.named} is in the SQL, and PostgreSQL reads it as part of a name"
    hint = "write a space instead" if found.is_space else "delete it"
    return Problem("invisible-character", what, place, hint, spelled(_line(script, place)))


def _line(script: Script, place: Place) -> str:
    return script.shown.split("\n")[(place.line or 1) - script.first_line]


def _conflict(script: Script, offset: int) -> Problem | None:
    place = script.place(offset)
    line = _line(script, place)
    return marker_problem(line, Place(place.path, place.line, 1)) if is_marker(line) else None


def _copied(script: Script, offset: int) -> Problem | None:
    """The problem for data after COPY … FROM STDIN."""
    for end in (offset, script.sql.rfind(";", 0, offset) + 1):
        try:
            found = statements(script.sql[:end])
        except SqlSyntaxError:
            continue
        if found and found[-1].copies_through_client:
            return client_copy(script, offset)
    return None


def _meta_command(script: Script, offset: int) -> Problem | None:
    match = _META.match(script.sql, offset)
    if match is None:
        return None
    place = script.place(offset)
    general = "write the equivalent SQL, or remove the line"
    hint = _META_HINTS.get(
        match[1], "remove the line, which has an effect only in psql" if match[1] in _NO_EFFECT else general
    )
    return Problem("psql-command", f"`{_line(script, place).strip()}` is a psql command, not SQL", place, hint)


def _placeholder(script: Script, offset: int) -> Problem | None:
    match = _PLACEHOLDER.match(script.sql, offset)
    if match is None:
        return None
    whose = "a psql variable" if match[0][0] == ":" else "a placeholder of another tool, such as Flyway or Jinja"
    what = f"`{match[0]}` is {whose}, which ctgitops does not replace"
    return Problem("placeholder", what, script.place(offset), "replace the placeholder with the value")


def _pasted(script: Script, offset: int) -> Problem | None:
    found = list(pasted_in(script.sql))
    near = next((each for each in found if each[1] >= offset), found[-1] if found else None)
    if near is None:
        return None
    what = f"{named(near[0])} is not valid in SQL outside strings and quoted names"
    return Problem("syntax-error", what, script.place(near[1]), f"write `{PASTED[near[0]]}` instead")


def _plain(script: Script, error: SqlSyntaxError) -> Problem:
    place = script.place(error.offset)
    line = _line(script, place)
    original = script.sql.split("\n")[(place.line or 1) - script.first_line]
    detail = f"{line}\n{' ' * ((place.column or 1) - 1)}^" if line == original else line
    # If a string or a comment has no end, the parser's message repeats the rest of the file
    message = error.message.split(" at or near ")[0] if error.message.startswith("unterminated") else error.message
    what = redact_message(message, script.secrets)
    return Problem("syntax-error", what, place, syntax_hint(script.sql, error), detail)


def statement_failures(script: Script) -> Iterator[Problem]:
    """A problem for each statement whose analysis failed.

    If ctgitops then does not know how to run the statement, the problem blocks the plan. Otherwise, the plan can be
    applied, but the command `plan` fails.
    """
    for statement in script.statements:
        if not statement.not_analysed:
            continue
        what = f"this {statement.kind} was not analysed; unknown: {', '.join(map(str, statement.not_analysed))}"
        hint = f"{_REPORT}, and review the statement by hand"
        place = script.place(script.start_of(statement))
        yield Problem("not-analysed", what, place, hint, blocks=statement.undecided, fails=True)


def file_failures(script: Script, failures: Iterable[Failure]) -> Iterator[Problem]:
    """A problem for each failed analysis of a whole file. The plan is blocked: it is unknown how to run the file."""
    for failure in failures:
        what = f"the file was not analysed; unknown: {failure}"
        hint = f"{_REPORT}; to continue, split the file or simplify its statements"
        yield Problem("not-analysed", what, Place(script.path, script.first_line), hint)
