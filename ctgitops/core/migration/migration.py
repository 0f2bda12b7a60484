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
"""The line of a migration that names another one, which it goes before."""


@dataclass(frozen=True)
class Migration:
    """One numbered step of the schema's history. `checksum` is the identity of the file's whole text."""

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
        """The schema version that a database has with it; None where the file has no header."""
        return self.header.version if self.header else None

    @property
    def breaking(self) -> bool:
        """Whether it says that it breaks what used the schema before."""
        return self.header.breaking if self.header else False

    @property
    def rollback(self) -> Rollback:
        """How it can be undone; without a header, what the files beside it say."""
        if self.header:
            return self.header.rollback
        return Rollback.AVAILABLE if self.down else Rollback.NOT_AVAILABLE

    @property
    def dependencies(self) -> tuple[int, ...]:
        """Numbers of the migrations that must be applied before it."""
        return self.header.dependencies if self.header else ()

    @cached_property
    def before_line(self) -> re.Match[str] | None:
        """Its line `ctgitops: before`, which is a comment of its own and not in a string."""
        return next(comment_lines(BEFORE, self.up.sql), None)

    @cached_property
    def before(self) -> int | None:
        """Number of the migration that it goes before wherever that one is pending too; None: it goes by its number."""
        line = self.before_line
        named = parse_reference(line[1]) if line else None
        return named.number if named else None

    def place_of(self, field: str) -> Place:
        """Where a field of its header stands, or should."""
        lines = self.header.lines.get(field) if self.header else None
        return Place(self.path, lines[0] if lines else FIELDS.index(field) + 1)

    def saying(self, field: str, value: str) -> Lines | None:
        """Another value for a field of its header."""
        lines = self.header.lines.get(field) if self.header else None
        return Lines(self.path, *lines, (f"-- {field}: {value}",)) if lines else None


@dataclass(frozen=True)
class Seed:
    """A file of one environment's data, run again whenever it changes."""

    name: str
    """Its path relative to the repository's root: `seeds/staging/010_people.sql`."""
    script: Script

    @property
    def checksum(self) -> str:
        """Identity of its text."""
        return self.script.checksum
