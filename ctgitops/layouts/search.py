"""Finds folders with migrations in a repository: the layout of each folder, and how certain the match is. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import islice

from ..core.environment.layout import LayoutName
from ..lazy import dataclass
from .liquibase_sql import FORMATTED
from .registry import tool_of
from .tool import Folder

_MIGRATIONS = re.compile(r"migrat|(?:^|/)(?:changes|revisions|upgrades|flyway)(?:/|$)", re.IGNORECASE)
_OTHER_DATABASE = re.compile(
    r"(?:^|[/_.-])(?:mysql|mariadb|sqlite3?|mssql|sqlserver|oracle|clickhouse|cassandra|d1|turso|libsql|h2|hsqldb|derby"
    r"|db2|duckdb|snowflake|bigquery|redshift|spanner)(?:[/_.-]|$)",
    re.I,
)
_NOT_THE_PROJECT = re.compile(
    r"(?:^|/)(?:tests?|testdata|fixtures?|__tests__|examples?|samples?|e2e|spec|mocks?)(?:/|$)", re.I
)
_NUMBERED = re.compile(r"(?P<number>[0-9]+)[_-][^/]*\.sql", re.IGNORECASE)
_FOLDER = re.compile(r"(?P<number>[0-9][0-9-]*)_[^/]*")
_FLYWAY = re.compile(r"V[0-9]+(?:[._][0-9]+)*__[^/]*\.sql")
_DATED = re.compile(r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9]{6}|00000000000000)_")
_CHANGELOG = re.compile(r"[^/]*changelog[^/]*\.(?:xml|ya?ml|json)", re.IGNORECASE)
_COMMITTED = re.compile(r"[0-9]{6}(?:-[^/]*)?\.sql")
_MARKS = (
    (LayoutName.GOOSE, re.compile(r"^\s*--\s*\+goose\s+up", re.MULTILINE | re.IGNORECASE)),
    (LayoutName.DBMATE, re.compile(r"^--\s*migrate:up", re.MULTILINE)),
    (LayoutName.TERN, re.compile(r"^---- create above / drop below ----", re.MULTILINE)),
    (LayoutName.NODE_PG_MIGRATE, re.compile(r"^\s*--[\s-]*up\s+migration", re.MULTILINE | re.IGNORECASE)),
)
_ENGINE = re.compile(
    r"""(?:provider|"dialect"|engine)\s*[=:]\s*"?(mysql|mariadb|sqlite|sqlserver|mongodb|turso|singlestore|snowflake"""
    r"""|oracle|firebird|vertica|exasol|clickhouse)""",
    re.IGNORECASE,
)
_SAMPLE = 5
"""The number of files per folder in which directives are searched."""
_CODE = (
    ("Alembic", re.compile(r"(?:.*/)?versions/[^/]+\.py"), "`alembic upgrade head --sql` prints the SQL"),
    ("Django", re.compile(r"(?:.*/)?migrations/[0-9]{4}_[^/]*\.py"), "`python manage.py sqlmigrate` prints the SQL"),
    ("Rails", re.compile(r"(?:.*/)?db/migrate/[0-9]{14}_[^/]*\.rb"), "set `config.active_record.schema_format = :sql`"),
    (
        "Liquibase",
        re.compile(r"(?:.*/)?[^/]*changelog[^/]*\.(?:xml|ya?ml|json)"),
        "`liquibase update-sql` prints the SQL",
    ),
    (
        "Knex, TypeORM, Sequelize or another library",
        re.compile(r"(?:.*/)?migrations?/[0-9]+[-_][^/]*\.[cm]?[jt]s"),
        "let the library print its SQL, and store the SQL as migrations",
    ),
    ("Ecto", re.compile(r"(?:.*/)?priv/repo/migrations/[0-9]{14}_[^/]*\.exs"), "`mix ecto.dump` writes structure.sql"),
)


@dataclass(frozen=True)
class FoundLayout:
    """A folder with migrations, and the evidence for its layout."""

    layout: LayoutName
    folder: str
    """The path relative to the root that was searched."""
    migrations: int
    """The number of migrations in the folder."""
    last: int
    """The highest number in the folder."""
    evidence: str
    """The fact that decides the layout, in words."""
    sure: bool = True
    """Whether the evidence leaves no doubt that these are migrations of this tool for PostgreSQL."""
    version_parts: int = 1
    distinct: bool = True
    """Whether no two migrations in the folder and its sub-folders have the same number."""

    def __str__(self) -> str:
        plural = "" if self.migrations == 1 else "s"
        where = "the root" if self.folder == "." else f"{self.folder}/"
        return f"{where}: {self.migrations} migration{plural} of {self.title} ({self.evidence})"

    @property
    def title(self) -> str:
        """The tool's name."""
        return "ctgitops" if self.layout is LayoutName.CTGITOPS else tool_of(self.layout).title


@dataclass(frozen=True)
class FoundCode:
    """Migrations that are code, which ctgitops cannot read, and how their tool prints SQL."""

    tool: str
    example: str
    files: int
    hint: str


def found_layouts(paths: tuple[str, ...], text_of: Callable[[str], str]) -> tuple[FoundLayout, ...]:
    """The folders with SQL migrations among `paths`. The surest folders are first, and then the largest."""
    search = _Search(paths, text_of)
    found = [each for folder in sorted(search.folders) for each in search.in_folder(folder)]
    found += [each for parent in _parents_of_parts(found) for each in search.of_parts(*parent)]
    inner = {each.folder for each in found}
    outermost = [each for each in found if not any(_inside(each.folder, other) for other in inner - {each.folder})]
    return tuple(sorted(outermost, key=lambda each: (not each.sure, -each.migrations, each.folder)))


def found_code(paths: tuple[str, ...]) -> tuple[FoundCode, ...]:
    """The migrations among `paths` that are code, not SQL."""
    found = []
    for tool, pattern, hint in _CODE:
        matching = [path for path in paths if pattern.fullmatch(path) and not path.endswith("__init__.py")]
        if matching:
            found.append(FoundCode(tool, matching[0], len(matching), hint))
    return tuple(found)


def _inside(folder: str, other: str) -> bool:
    return folder.startswith(f"{other}/")


def _parents_of_parts(found: list[FoundLayout]) -> Iterator[tuple[LayoutName, str]]:
    """The folders whose sub-folders divide one history, as with Flyway's `db/migration/v1` and `db/migration/v2`."""
    families = defaultdict(list)
    for each in found:
        if each.layout in _IN_SUBFOLDERS and "/" in each.folder:
            families[each.layout, each.folder.rpartition("/")[0]].append(each)
    for (layout, parent), parts in families.items():
        if len(parts) > 1 and all(each.sure for each in parts) and _MIGRATIONS.search(parent):
            yield layout, parent


class _Search:
    """The files of a repository, by folder."""

    def __init__(self, paths: tuple[str, ...], text_of: Callable[[str], str]) -> None:
        self._text_of = text_of
        self._paths = frozenset(paths)
        self.folders: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            folder, _, name = path.rpartition("/")
            self.folders[folder].append(name)
            parent, _, inner = folder.rpartition("/")
            if inner and name in {"up.sql", "migration.sql"}:
                self.folders[parent].append(f"{inner}/{name}")
            elif inner == "committed":
                self.folders.setdefault(parent, [])

    def in_folder(self, folder: str) -> Iterator[FoundLayout]:
        """The layout of one folder, if it contains migrations."""
        names = sorted(self.folders[folder])
        for detect in (self._by_control_file, self._by_names):
            if found := detect(folder, names):
                layout, evidence = found
                yield from self._counted(layout, folder, evidence)
                return

    def of_parts(self, layout: LayoutName, folder: str) -> Iterator[FoundLayout]:
        """The layout of a folder whose migrations are in its sub-folders, if no two of them have the same number."""
        for found in self._counted(layout, folder, "in several sub-folders"):
            if found.distinct:
                yield found

    def _by_control_file(self, folder: str, names: list[str]) -> tuple[LayoutName, str] | None:
        """The layout of a folder with a file that only one tool writes. None without such a file."""
        return next(self._control_files(f"{folder}/" if folder else "", names), None)

    def _control_files(self, at: str, names: list[str]) -> Iterator[tuple[LayoutName, str]]:
        if self._is_liquibase(at, names):
            yield LayoutName.LIQUIBASE_SQL, "`--liquibase formatted sql`"
        if "sqitch.plan" in names:
            yield LayoutName.SQITCH, "sqitch.plan"
        if "atlas.sum" in names and not self._of_another_tool(at, names):
            yield LayoutName.ATLAS, "atlas.sum"
        if '"postgresql"' in self._text(f"{at}meta/_journal.json"):
            yield LayoutName.DRIZZLE, "meta/_journal.json"
        if re.search(r'"(?:postgresql|cockroachdb)"', self._text(f"{at}migration_lock.toml")):
            yield LayoutName.PRISMA, "migration_lock.toml"
        committed = [name for name in self.folders.get(f"{at}committed", ()) if _COMMITTED.fullmatch(name)]
        if committed and self._text(f"{at}committed/{committed[0]}").startswith("--! "):
            yield LayoutName.GRAPHILE_MIGRATE, "committed/"
        if at.endswith("supabase/migrations/") and any(_NUMBERED.fullmatch(name) for name in names):
            yield LayoutName.SUPABASE, "supabase/"

    def _is_liquibase(self, at: str, names: list[str]) -> bool:
        """Whether a folder has formatted SQL, or a changelog that includes formatted SQL of its sub-folders."""
        files = [f"{at}{name}" for name in names if name.endswith(".sql") and "/" not in name]
        if not files and any(_CHANGELOG.fullmatch(name) for name in names):
            files = sorted(path for path in self._paths if path.startswith(at) and path.endswith(".sql"))
        return bool(files) and FORMATTED.match(self._text(files[0])) is not None

    def _of_another_tool(self, at: str, names: list[str]) -> bool:
        """Whether Atlas only creates the files, in the format of another tool, as with `?format=golang-migrate`."""
        files = [name for name in names if name.endswith(".sql")]
        if any(name.endswith(".up.sql") or _FLYWAY.fullmatch(name) for name in files):
            return True
        return bool(files) and any(pattern.search(self._text(f"{at}{files[0]}")) for _, pattern in _MARKS)

    def _text(self, path: str) -> str:
        return self._text_of(path) if path in self._paths else ""

    def _by_names(self, folder: str, names: list[str]) -> tuple[LayoutName, str] | None:
        if any(_FLYWAY.fullmatch(name) for name in names):
            return self._flyway_or_refinery(folder)
        folders = [name for name in names if name.endswith("/up.sql") and _FOLDER.fullmatch(name[:-7])]
        if folders:
            dated = _DATED.match(folders[0]) is not None or "diesel.toml" in self._near(folder)
            return (LayoutName.DIESEL, folders[0]) if dated else (LayoutName.HASURA, folders[0])
        if any(name.endswith("/migration.sql") and _FOLDER.fullmatch(name[:-14]) for name in names):
            return LayoutName.PRISMA, "folders with migration.sql"
        numbered = [name for name in names if _NUMBERED.fullmatch(name)]
        return self._by_directives(folder, numbered) if numbered else None

    def _flyway_or_refinery(self, folder: str) -> tuple[LayoutName, str]:
        if where := self._named_in("refinery", folder, "Cargo.toml"):
            return LayoutName.REFINERY, f"{where} names refinery"
        return LayoutName.FLYWAY, "names such as V1__name.sql"

    def _by_directives(self, folder: str, numbered: list[str]) -> tuple[LayoutName, str] | None:
        at = f"{folder}/" if folder else ""
        step = max(1, len(numbered) // _SAMPLE)
        texts = [self._text_of(at + name) for name in islice(numbered, 0, None, step)]
        for layout, pattern in _MARKS:
            for text in texts:
                if mark := pattern.search(text):
                    return layout, f"`{mark[0].strip()}`"
        both = any(re.search(r"\.up\.sql$", name) for name in numbered)
        if where := self._named_in("sqlx", folder, "Cargo.toml"):
            return LayoutName.SQLX, f"{where} names sqlx"
        if where := self._named_in("node-pg-migrate", folder, "package.json"):
            return LayoutName.NODE_PG_MIGRATE, f"{where} names node-pg-migrate"
        if both:
            return LayoutName.GOLANG_MIGRATE, "names such as 1_name.up.sql"
        return LayoutName.CTGITOPS, "names such as 001_name.sql"

    def _near(self, folder: str) -> frozenset[str]:
        """The names of the files in a folder and in the folders above it."""
        parts = folder.split("/") if folder else []
        above = ["/".join(parts[:end]) for end in range(len(parts) + 1)]
        return frozenset(name for each in above for name in self.folders.get(each, ()))

    def _named_in(self, word: str, folder: str, name: str) -> str:
        """The path of the file called `name` that contains a word. Empty if none does.

        Reads the files in and above the folder first, and then all files of this name, because the migrations can
        belong to a package beside the folder.
        """
        parts = folder.split("/") if folder else []
        above = ["/".join([*parts[:end], name]) for end in range(len(parts) + 1)]
        for paths in (above, sorted(path for path in self._paths if path.rpartition("/")[2] == name)):
            found = next((path for path in paths if word in self._text(path)), "")
            if found:
                return found
        return ""

    def _counted(self, layout: LayoutName, folder: str, evidence: str) -> Iterator[FoundLayout]:
        prefix = f"{folder}/" if folder else ""
        inside = tuple(path.removeprefix(prefix) for path in sorted(self._paths) if path.startswith(prefix))
        parts = max((len(re.split(r"[._]", m[1])) for path in inside if (m := _VERSION.match(path))), default=1)
        parts = parts if layout is LayoutName.FLYWAY else 1
        numbers = _numbers(layout, Folder(folder, inside, self._control(layout, prefix, inside), parts))
        if numbers:
            doubt = not _MIGRATIONS.search(folder) and layout in _BY_NAME_ALONE
            sure = not doubt and not _OTHER_DATABASE.search(folder) and not _NOT_THE_PROJECT.search(folder)
            if other := self._other_engine(prefix):
                evidence, sure = f"{evidence}, for {other}", False
            distinct = len(numbers) == len(set(numbers))
            yield FoundLayout(layout, folder or ".", len(numbers), max(numbers), evidence, sure, parts, distinct)

    def _other_engine(self, prefix: str) -> str:
        """The database system that a control file names instead of PostgreSQL. Empty if none does."""
        for name in ("migration_lock.toml", "meta/_journal.json", "sqitch.conf"):
            if match := _ENGINE.search(self._text(prefix + name)):
                return match[1].lower()
        return ""

    def _control(self, layout: LayoutName, prefix: str, inside: tuple[str, ...]) -> dict[str, str]:
        if layout is LayoutName.CTGITOPS:
            return {}
        reads = tool_of(layout).reads
        return {path: self._text_of(prefix + path) for path in inside if reads.fullmatch(path)}


_VERSION = re.compile(r"(?:.*/)?V([0-9]+(?:[._][0-9]+)*)__")
_IN_SUBFOLDERS = {LayoutName.FLYWAY, LayoutName.REFINERY}
_BY_NAME_ALONE = {LayoutName.CTGITOPS, LayoutName.SQLX, LayoutName.NODE_PG_MIGRATE, LayoutName.HASURA}


def _numbers(layout: LayoutName, folder: Folder) -> list[int]:
    if layout is LayoutName.CTGITOPS:
        found = (_NUMBERED.fullmatch(path) for path in folder.files if not re.search(r"\.(?:down|verify)\.sql$", path))
        return [int(match["number"]) for match in found if match]
    return [source.number for source in tool_of(layout).arranged(folder).sources]
