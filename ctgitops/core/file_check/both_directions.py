"""Reports a file that also contains its rollback, below a heading such as `-- Rollback:` or `-- migrate down`.

Some teams and small tools write both into one file. PostgreSQL treats the heading as a comment and would run the whole
file. The file would create a table and then drop it, even if the table existed before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...lazy import dataclass, regex
from ...sql.tokens import comment_lines
from ..migration.migration_name import rollback_path
from ..problem import Problem

if TYPE_CHECKING:
    from ...sql.name_changes import ChangedName
    from ...sql.parse import Statement
    from ...sql.script import Script

_FLAGS = re.MULTILINE | re.IGNORECASE
_LEAD = r"^[ \t]*(?:--|/\*)[^\w\n]*(?:migrat(?:e|ion)[^\w\n]+)?"
_TAIL = r"(?:[ \t]+(?:migration|script|section|sql|part|steps?))?[^\w\n]*$"
_UP = regex(rf"{_LEAD}(?:up(?:grade)?|apply|forwards?|do|deploy){_TAIL}", _FLAGS)
_DOWN = regex(rf"{_LEAD}(?:down(?:grade)?|roll[ -]?back|revert|undo|backwards?|reverse){_TAIL}", _FLAGS)


@dataclass(frozen=True)
class _Heading:
    """A comment on a line of its own that names a direction."""

    offset: int
    end: int
    line: str


def both_directions(script: Script) -> Iterator[Problem]:
    """A problem if the file contains rollback SQL that would run right after the migration. Raises SqlSyntaxError."""
    down = _heading(_DOWN, script.sql)
    if down is None:
        return
    below = [each for each in script.statements if script.start_of(each) > down.offset]
    reason = _dropped(script, down, below) or _paired(script, down, below)
    if not reason:
        return
    what = f"{reason}, and apply runs the whole file"
    place = script.place(down.offset)
    yield Problem("section", what, place, _hint(script.path, place.line))


def _hint(path: str, line: int | None) -> str:
    if not path.startswith("migrations/") or ".down." in path:
        return f"keep the SQL of one direction: remove the lines above line {line}, or the lines below line {line}"
    return f"move the SQL below line {line} into {rollback_path(path)}, and delete line {line}"


def _heading(pattern: re.Pattern[str], sql: str) -> _Heading | None:
    match = next(comment_lines(pattern, sql), None)
    return _Heading(match.start(), match.end(), match[0].strip()) if match else None


def _dropped(script: Script, down: _Heading, below: list[Statement]) -> str:
    """The reason if the SQL below the heading drops what the SQL above the heading creates. Otherwise empty."""
    created = {each_name for each in script.statements if each not in below for each_name in each.creates}
    dropped = [each_name for each in below for each_name in each.removes if each_name in created]
    names = ", ".join(_named(each_name) for each_name in dropped[:3])
    return f"the SQL below `{down.line}` drops {names}, which the SQL above that line creates" if names else ""


def _named(each_name: ChangedName) -> str:
    return f"column {each_name.table}.{each_name.column}" if each_name.column else f"table {each_name.table}"


def _paired(script: Script, down: _Heading, below: list[Statement]) -> str:
    """The reason if `down` follows a heading such as `-- up` and directly precedes SQL. Otherwise empty."""
    up = _heading(_UP, script.sql)
    directly = below and not script.sql[down.end : script.start_of(below[0])].strip("*/ \t\r\n")
    return f"the file has both `{up.line}` and `{down.line}`" if up and directly and up.offset < down.offset else ""
