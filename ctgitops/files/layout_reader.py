"""Reads the migrations of a folder with the layout of another tool."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field, replace
from typing import TYPE_CHECKING

from ..core.migration.migration import Migration, Seed
from ..core.migration.migration_name import LARGEST, FileKind, MigrationName, parse_migration_name, split_name
from ..core.problem import Problem
from ..errors import Place
from ..layouts.registry import tool_of
from ..layouts.sections import NO_TRANSACTION
from ..layouts.tool import Arranged, Divided, Folder, Source, Tool
from ..lazy import dataclass, regex
from ..sql.script import Script, checksum_of
from .other_tool_names import holds_sql

if TYPE_CHECKING:
    from ..core.environment.layout import Layout
    from ..core.environment.policy import Policy
    from .repository import Repository

_SKIPPED = {"node_modules", "vendor", "target"}
_SHAPE = regex(r"(?:(V)[0-9][0-9._]*__|[0-9]+[_-])")
DEEPEST = 6
"""Maximum depth of folders that are read. Flyway reads folders at any depth. A deeper folder is reported."""


@dataclass(frozen=True)
class LayoutFiles:
    """The migrations of a folder, sorted by number, its repeatable files, and the problems with them."""

    migrations: tuple[Migration, ...]
    repeatable: tuple[Seed, ...]
    problems: tuple[Problem, ...]


def read_layout(repository: Repository, policy: Policy) -> LayoutFiles:
    """Reads all files of the policy's folder, as the tool of the policy's layout does. Read-only."""
    reader = _Reader(repository, policy, tool_of(policy.layout.name))
    return reader.read()


def migrations_among(layout: Layout, paths: Iterable[str]) -> dict[str, MigrationName]:
    """Maps the paths of migration files to the names of the migrations. Leaves out rollbacks and other files.

    Paths are relative to the root. The result is empty for a tool that keeps the order of its migrations in a file,
    because the contents of files are not known.
    """
    inside = tuple(p.removeprefix(layout.prefix) for p in paths if p.startswith(layout.prefix))
    if layout.is_own:
        parsed = ((path, parse_migration_name(path)) for path in inside if "/" not in path)
        found = {path: name for path, name in parsed if name and name.kind is FileKind.UP}
    else:
        folder = Folder(layout.folder, inside, {}, layout.version_parts)
        found = {each.up: split_name(each.name) for each in tool_of(layout.name).arranged(folder).sources}
    return {f"{layout.prefix}{path}": name for path, name in found.items()}


def in_layout(layout: Layout, path: str) -> bool:
    """Whether a path in the folder is an SQL file, or another file that the layout's tool reads."""
    if layout.is_own:
        name = path.removeprefix("repeatable/").removeprefix("squashed/")
        return name.count("/") == 0 and path.endswith(".sql")
    return path.count("/") < DEEPEST and (path.endswith(".sql") or bool(tool_of(layout.name).reads.fullmatch(path)))


@dataclass
class _Reader:
    repository: Repository
    policy: Policy
    tool: Tool
    problems: list[Problem] = field(default_factory=list)
    _texts: dict[str, str] = field(default_factory=dict)
    """The texts that were read for the whole folder, which are also texts of migrations with some tools."""
    _raw: tuple[str, bytes] = ("", b"")
    """The path and the bytes of the last migration, because a file can contain several migrations."""

    def read(self) -> LayoutFiles:
        """Reads the folder."""
        place = self.policy.layout.folder
        files = tuple(sorted(self._walk(place, 0)))
        texts = {path: text for path in files if self.tool.reads.fullmatch(path) and (text := self._text(path))}
        self._texts = texts
        folder = Folder(place, files, texts, self.policy.layout.version_parts)
        arranged = self.tool.arranged(folder)
        self.problems += [*arranged.problems, *self.tool.check(folder), *self._not_run(folder, arranged)]
        found = [m for source in arranged.sources if (m := self._migration(source, folder))]
        repeatable = [seed for path in arranged.repeatable if (seed := self._repeatable(path))]
        migrations = tuple(sorted(found, key=lambda m: (m.number, m.name)))
        return LayoutFiles(migrations, tuple(repeatable), tuple(self.problems))

    def _walk(self, path: str, depth: int) -> Iterator[str]:
        """The paths of all files, relative to the tool's folder."""
        items, problems = self.repository.items(path)
        self.problems += problems
        top = self.policy.layout.prefix
        for item in items:
            if not item.folder:
                yield item.path.removeprefix(top)
            elif item.name in _SKIPPED:
                continue
            elif depth < DEEPEST:
                yield from self._walk(item.path, depth + 1)
            elif self.tool.arrange is None and holds_sql(self.repository.root / item.path):
                what = f"folder `{item.path}` is too deep, and is not read"
                hint = f"folders are read up to a depth of {DEEPEST}"
                self.problems.append(Problem("sub-folder", what, Place(item.path), hint))

    def _not_run(self, folder: Folder, arranged: Arranged) -> Iterator[Problem]:
        used = {path for source in arranged.sources for path in (source.up, source.down)}
        ups = [source.up.rpartition("/")[2] for source in arranged.sources]
        for path in folder.files:
            if self.tool.foreign.fullmatch(path):
                what = f"`{path}` is a migration of {self.tool.title} that is not SQL, and ctgitops runs only SQL"
                hint = "write it as an SQL migration, or keep this folder with the tool"
                yield Problem("other-tool", what, folder.place(path), hint)
            elif "/" in path or not path.endswith(".sql") or path in used or path in arranged.repeatable:
                continue
            elif any(_shape(path) != _shape(up) for up in ups if _shape(path) and _shape(up)):
                what = f"`{path}` has the name of another tool's migration, and {self.tool.title} does not run it"
                hint = "keep the files of each tool in a folder of its own"
                yield Problem("other-tool", what, folder.place(path), hint)
            elif self.tool.arrange is None:
                what = f"`{path}` is not read, because {self.tool.title} does not run a file of this name"
                yield Problem("file-name", what, folder.place(path), "rename it if it is a migration", blocks=False)

    def _text(self, path: str) -> str | None:
        if path in self._texts:
            return self._texts[path]
        text = self.repository.text(f"{self.policy.layout.prefix}{path}", self.policy.max_file_bytes)
        if isinstance(text, Problem):
            self.problems.append(text)
            return None
        return text

    def _sql(self, path: str) -> str | None:
        """The text of an SQL file with the values of its placeholders. None if the file cannot be read."""
        text = self._text(path)
        return None if text is None else self.tool.filled_in(text, self.policy.layout.placeholders)

    def _migration(self, source: Source, folder: Folder) -> Migration | None:
        path = f"{self.policy.layout.prefix}{source.up}"
        text = self._sql(source.up)
        if text is None:
            return None
        if source.number > LARGEST:
            hint = "number migrations 001, 002, … or by timestamp"
            self.problems.append(
                Problem("file-name", f"number {source.digits[:30]} is larger than {LARGEST}", Place(path), hint)
            )
            return None
        divided = self._divided(source, text, path)
        text = _lines_of(source, text)
        self.problems += divided.problems
        up = _outside(divided.up) if source.outside_transaction else divided.up
        down = self._down(source) or divided.down
        read = Migration(source.number, source.name, up, checksum_of(text), down, requires=source.dependencies)
        if self.tool.record is None:
            return read
        if self._raw[0] != path:
            self._raw = (path, self.repository.raw(path, self.policy.max_file_bytes))
        return replace(read, record=self.tool.record(source, self._raw[1], folder))

    def _divided(self, source: Source, text: str, path: str) -> Divided:
        """The scripts of a migration. Its lines are those of the file."""
        divided = self.tool.divide(_lines_of(source, text), path)
        before = source.lines[0] - 1 if source.lines else 0
        down = divided.down and replace(divided.down, first_line=divided.down.first_line + before)
        up = replace(divided.up, first_line=divided.up.first_line + before)
        return Divided(up, down, tuple(_moved(each, before) for each in divided.problems))

    def _down(self, source: Source) -> Script | None:
        text = self._sql(source.down) if source.down else None
        if not text or not text.strip():
            return None
        script = self.tool.divide(text, f"{self.policy.layout.prefix}{source.down}").up
        return _outside(script) if source.outside_transaction else script

    def _repeatable(self, path: str) -> Seed | None:
        text = self._sql(path)
        name = f"{self.policy.layout.prefix}{path}"
        if text is None:
            return None
        divided = self.tool.divide(text, name)
        self.problems += divided.problems
        return Seed(name, divided.up)


def _shape(name: str) -> str:
    """How the name of a migration begins: `V` with Flyway and refinery, a digit with other tools. Empty otherwise."""
    match = _SHAPE.match(name)
    return "" if match is None else "V" if match[1] else "0"


def _lines_of(source: Source, text: str) -> str:
    """The lines of the migration, if the file contains several migrations."""
    if source.lines is None:
        return text
    return "\n".join(text.split("\n")[source.lines[0] - 1 : source.lines[1] - 1]) + "\n"


def _moved(problem: Problem, lines: int) -> Problem:
    """A problem whose place is `lines` lines further down."""
    place = problem.place
    if not lines or place is None or place.line is None:
        return problem
    return replace(problem, place=replace(place, line=place.line + lines))


def _outside(script: Script) -> Script:
    return replace(script, sql=f"{NO_TRANSACTION}\n{script.sql}", first_line=script.first_line - 1)
