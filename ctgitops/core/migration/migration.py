"""A migration: one numbered SQL file, with its rollback and verify queries. The module also defines seed files."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from ...errors import Place
from ...lazy import dataclass, regex
from ...sql.tokens import comment_lines
from ..fix import Lines
from .header import FLAG, ORDER, Header, Rollback
from .migration_name import parse_reference

if TYPE_CHECKING:
    from ...sql.script import Script
    from .schema_version import SchemaVersion
    from .tool_record import ToolRecord

BEFORE = regex(r"^--[ \t]*ctgitops:[ \t]*before\b[ \t]*(.*?)[ \t]*$", re.MULTILINE | re.IGNORECASE)
"""Matches the comment `ctgitops: before`, which names the migration before which this migration is applied."""
FLAGGED = re.compile(r"^--[ \t]*ctgitops:[ \t]*flag\b[ \t]*(.*?)[ \t]*$", re.MULTILINE | re.IGNORECASE)
"""Matches the comment `ctgitops: flag`, which has the same effect as the header field `Flag`."""

CONTRACT = re.compile(r"^--[ \t]*ctgitops:[ \t]*contract\b[ \t]*(.*?)[ \t]*$", re.MULTILINE | re.IGNORECASE)
"""Matches the comment `ctgitops: contract`, which names the expand of a contract."""


@dataclass(frozen=True)
class Migration:
    """One numbered step of the schema's history. `checksum` is computed over the whole file."""

    number: int
    name: str
    """The file name without `.sql`, such as `001_initial_schema`."""
    up: Script
    checksum: str
    down: Script | None = None
    verify: Script | None = None
    header: Header | None = None
    requires: tuple[int, ...] = ()
    """The dependencies from the plan file of another tool. Ignored if the migration has a header."""
    record: ToolRecord | None = None
    """What the ledger of the layout's tool records for this file. None with ctgitops's own layout."""

    @property
    def path(self) -> str:
        """The file's path relative to the repository's root."""
        return self.up.path

    @property
    def version(self) -> SchemaVersion | None:
        """The schema version after this migration. None if the file has no header."""
        return self.header.version if self.header else None

    @property
    def breaking(self) -> bool:
        """Whether the header declares a breaking change."""
        return self.header.breaking if self.header else False

    @property
    def rollback(self) -> Rollback:
        """The kind of rollback according to the header. Without a header, the existence of rollback SQL decides."""
        if self.header:
            return self.header.rollback
        return Rollback.AVAILABLE if self.has_rollback_sql else Rollback.NOT_AVAILABLE

    @property
    def has_rollback_sql(self) -> bool:
        """Whether the migration has a rollback file, or passes rollback SQL to `record_migration`."""
        return self.down is not None or self.up.passed_rollback is not None

    @property
    def dependencies(self) -> tuple[int, ...]:
        """The numbers of the migrations that this migration depends on."""
        return self.header.dependencies if self.header else self.requires

    @cached_property
    def before_line(self) -> re.Match[str] | None:
        """The comment `ctgitops: before` on a line of its own, outside strings. None without such a comment."""
        return next(comment_lines(BEFORE, self.up.sql), None)

    @cached_property
    def before(self) -> int | None:
        """The number that the comment `ctgitops: before` names. None without such a comment."""
        line = self.before_line
        named = parse_reference(line[1]) if line else None
        return named.number if named else None

    @cached_property
    def flag_line(self) -> re.Match[str] | None:
        """The comment `ctgitops: flag` on a line of its own, outside strings. None without such a comment."""
        return next(comment_lines(FLAGGED, self.up.sql), None)

    @cached_property
    def contract_lines(self) -> tuple[re.Match[str], ...]:
        """The comments `ctgitops: contract` on lines of their own, outside strings."""
        return tuple(comment_lines(CONTRACT, self.up.sql))

    @property
    def flag(self) -> str:
        """The flag that a manifest must set before the migration is applied. Empty if it needs no flag."""
        if self.header and self.header.flag:
            return self.header.flag
        return self.flag_line[1] if self.flag_line else ""

    @property
    def flag_place(self) -> Place:
        """The place of the flag's name."""
        if self.flag_line and not (self.header and self.header.flag):
            return self.up.place(self.flag_line.start())
        return self.place_of(FLAG)

    def place_of(self, field: str) -> Place:
        """The place of a header field. For a missing field, the place where the field belongs."""
        lines = self.header.lines.get(field) if self.header else None
        return Place(self.path, lines[0] if lines else ORDER.index(field) + 1)

    def saying(self, field: str, value: str) -> Lines | None:
        """The lines that replace a header field with a different value. None if the field is missing."""
        lines = self.header.lines.get(field) if self.header else None
        return Lines(self.path, *lines, (f"-- {field}: {value}",)) if lines else None


_REPEATABLE = re.compile(r"(?:.*/)?(?:repeatable/[^/]+|R__[^/]*)\.sql")


def is_repeatable(name: str) -> bool:
    """Whether a file without a number is a repeatable file of ctgitops or of Flyway, according to its path."""
    return bool(_REPEATABLE.fullmatch(name))


@dataclass(frozen=True)
class Seed:
    """A file that runs again whenever its text changes: data of an environment, or a repeatable file."""

    name: str
    """The path relative to the repository's root, such as `seeds/staging/010_people.sql`."""
    script: Script

    @property
    def repeatable(self) -> bool:
        """Whether the file defines schema objects, and not data of one environment."""
        return is_repeatable(self.name)

    @property
    def checksum(self) -> str:
        """The checksum of the file's text."""
        return self.script.checksum
