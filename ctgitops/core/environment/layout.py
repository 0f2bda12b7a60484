"""The layout of a repository's migrations: their folder, and the tool whose file names and directives they use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from ...lazy import dataclass


class LayoutName(StrEnum):
    """A value of `layout` in the policy: the tool whose file names and directives the migrations use."""

    CTGITOPS = "ctgitops"
    ATLAS = "atlas"
    DBMATE = "dbmate"
    DIESEL = "diesel"
    DRIZZLE = "drizzle"
    FLYWAY = "flyway"
    GOLANG_MIGRATE = "golang-migrate"
    GOOSE = "goose"
    GRAPHILE_MIGRATE = "graphile-migrate"
    HASURA = "hasura"
    LIQUIBASE_SQL = "liquibase-sql"
    NODE_PG_MIGRATE = "node-pg-migrate"
    PRISMA = "prisma"
    REFINERY = "refinery"
    SQITCH = "sqitch"
    SQLX = "sqlx"
    SUPABASE = "supabase"
    TERN = "tern"


@dataclass(frozen=True)
class Layout:
    """The layout and the folder of the migrations."""

    name: LayoutName = LayoutName.CTGITOPS
    folder: str = "migrations"
    """The folder's path relative to the repository's root."""
    placeholders: Mapping[str, str] = field(default_factory=dict)
    """Maps the names of the tool's placeholders, such as `schema` for `${schema}`, to values."""
    version_parts: int = 1
    """The maximum number of parts in a version number. Only Flyway's versions have several parts."""

    @property
    def is_own(self) -> bool:
        """Whether the files have the names and headers of ctgitops."""
        return self.name is LayoutName.CTGITOPS

    @property
    def prefix(self) -> str:
        """The beginning of the paths of all files in the folder. Empty for the repository's root."""
        return "" if self.folder == "." else f"{self.folder}/"

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders that contain SQL or the policy. Manifests can name additional folders with seed files."""
        return tuple(dict.fromkeys((self.folder, "migrations", "seeds")))

    def file_of(self, migration: str) -> str:
        """A migration's file, as text for messages. With another tool's layout, a description instead of a path."""
        return f"{self.prefix}{migration}.sql" if self.is_own else f"the file of {migration} in {self.folder}/"

    def pathspec(self, migration: str) -> str:
        """The pathspec that selects all files of a migration in git."""
        if self.is_own:
            return f"{self.prefix}{migration}.*"
        return f"{self.prefix}*{migration.partition('_')[2]}*"
