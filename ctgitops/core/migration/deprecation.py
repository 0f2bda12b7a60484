"""Deprecations: tables and columns that a migration declares to be removed after a version or a day. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from ...errors import Place
from ...lazy import dataclass, regex
from ...sql.tokens import comment_lines
from ..problem import Problem
from .schema_version import SchemaVersion

if TYPE_CHECKING:
    from ...sql.script import Script
    from .migration import Migration

HINT_DEPRECATES = (
    "a table or column with a version or a day, as in `orders.note (remove after 1.8.0)`; separate by commas"
)
_LINE = re.compile(
    r"^--[ \t]*(?:ctgitops:[ \t]*deprecates\b|Deprecates[ \t]*:)[ \t]*(.*?)[ \t]*$", re.MULTILINE | re.IGNORECASE
)
"""Matches the header field `Deprecates`, and the comment `ctgitops: deprecates`, which has the same effect."""
_ONE = regex(r"([\w$]+(?:\.[\w$]+){0,2})[ \t]*\([ \t]*remove after[ \t]+([\d.-]+)[ \t]*\)", re.IGNORECASE)
_VERSION = re.compile(r"^--[ \t]*Version[ \t]*:[ \t]*(\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Deprecation:
    """One deprecated table or column."""

    object: str
    """The name in lower case: `table`, `schema.table`, `table.column` or `schema.table.column`."""
    after: SchemaVersion | date
    """The last version with the object, or the last day on which a migration must not drop it."""
    place: Place

    def refusal(self, version: SchemaVersion | None, today: date) -> str:
        """Why a migration with the version `version` must not drop the object today. Empty if it may."""
        if isinstance(self.after, date):
            return "" if today > self.after else f"is to be removed after {self.after}"
        if version is None:
            return f"is to be removed after {self.after}, and the migration has no version"
        return "" if version > self.after else f"is to be removed after {self.after}"


def deprecations_in(script: Script) -> tuple[Deprecation, ...]:
    """The deprecations in a file. Leaves out those that are not valid."""
    return tuple(found for _, found in _read(script) if found)


def version_in(script: Script) -> SchemaVersion | None:
    """The schema version in the header of a file. None without a valid one."""
    found = _VERSION.search(script.sql)
    return SchemaVersion.parse(found[1]) if found else None


def deprecation_problems(migrations: tuple[Migration, ...]) -> Iterator[Problem]:
    """A problem for each deprecation that is not valid."""
    for migration in migrations:
        for place, found in _read(migration.up):
            if found is None:
                yield Problem("deprecates", "the deprecation is not valid", place, HINT_DEPRECATES)


def _read(script: Script) -> Iterator[tuple[Place, Deprecation | None]]:
    for line in comment_lines(_LINE, script.sql):
        place = script.place(line.start())
        for part in line[1].split(","):
            yield place, _parsed(part.strip(), place)


def _parsed(text: str, place: Place) -> Deprecation | None:
    match = _ONE.fullmatch(text)
    if not match:
        return None
    after: SchemaVersion | date | None = SchemaVersion.parse(match[2])
    if after is None:
        try:
            after = date.fromisoformat(match[2])
        except ValueError:
            return None
    return Deprecation(match[1].lower(), after, place)
