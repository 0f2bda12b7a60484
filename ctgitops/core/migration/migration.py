"""A migration: one numbered SQL file, with its rollback and its verify queries. Also a seed file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from ...errors import Place
from ...sql.script import Script
from ...sql.tokens import comment_lines
from ..fix import Lines
from .header import FIELDS, Header, Rollback
from .migration_name import parse_reference
from .schema_version import SchemaVersion

BEFORE = re.compile(r"^--[ \t]*ctgitops:[ \t]*before\b[ \t]*(.*?)[ \t]*$", re.MULTILINE | re.IGNORECASE)
"""The comment in a migration that names another one, before which it is applied."""


@dataclass(frozen=True)
class Migration:
    """One numbered step of the schema's history. `checksum` identifies the text of the whole file."""

    number: int
    name: str
    """The file's name without `.sql`: `001_initial_schema`."""
    up: Script
    checksum: str
    down: Script | None = None
    verify: Script | None = None
    header: Header | None = None

    @property
    def path(self) -> str:
        """Its file, relative to the repository's root."""
        return self.up.path

    @property
    def version(self) -> SchemaVersion | None:
        """The schema version that a database has after it; None where the file has no header."""
        return self.header.version if self.header else None

    @property
    def breaking(self) -> bool:
        """Whether its header declares a breaking change."""
        return self.header.breaking if self.header else False

    @property
    def rollback(self) -> Rollback:
        """How it can be rolled back; without a header, whether it has a rollback file."""
        if self.header:
            return self.header.rollback
        return Rollback.AVAILABLE if self.down else Rollback.NOT_AVAILABLE

    @property
    def dependencies(self) -> tuple[int, ...]:
        """Numbers of the migrations that must be applied earlier."""
        return self.header.dependencies if self.header else ()

    @cached_property
    def before_line(self) -> re.Match[str] | None:
        """Its line `ctgitops: before`, which is a comment of its own and not in a string."""
        return next(comment_lines(BEFORE, self.up.sql), None)

    @cached_property
    def before(self) -> int | None:
        """Number of the migration before which it is applied if both are pending; None: its own number decides."""
        line = self.before_line
        named = parse_reference(line[1]) if line else None
        return named.number if named else None

    def place_of(self, field: str) -> Place:
        """The place of a header field, or the place where it is missing."""
        lines = self.header.lines.get(field) if self.header else None
        return Place(self.path, lines[0] if lines else FIELDS.index(field) + 1)

    def saying(self, field: str, value: str) -> Lines | None:
        """Replacement lines that give a header field another value."""
        lines = self.header.lines.get(field) if self.header else None
        return Lines(self.path, *lines, (f"-- {field}: {value}",)) if lines else None


@dataclass(frozen=True)
class Seed:
    """A data file of one environment, run again after each change of the file."""

    name: str
    """Its path relative to the repository's root: `seeds/staging/010_people.sql`."""
    script: Script

    @property
    def checksum(self) -> str:
        """Identifies its text."""
        return self.script.checksum
