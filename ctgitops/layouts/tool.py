"""A migration tool as ctgitops sees it: which files of a folder are migrations, and what its directives mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING

from ..core.migration.migration_name import FileKind, MigrationName
from ..core.problem import Problem
from ..errors import Place
from ..lazy import dataclass, regex
from ..sql.script import Script

if TYPE_CHECKING:
    from ..core.migration.tool_record import ToolRecord

_WORDS = regex(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Divided:
    """The scripts of one file, with the tool's directives translated, and the problems with the directives."""

    up: Script
    down: Script | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Source:
    """One migration: its number and words, and the paths of its files inside the tool's folder."""

    digits: str
    words: str
    up: str
    down: str = ""
    outside_transaction: bool = False
    """Whether the tool's configuration, not the SQL file, makes the migration run outside a transaction."""
    dependencies: tuple[int, ...] = ()
    lines: tuple[int, int] | None = None
    """The first line in the file, and the line after the last one. None if the migration is the whole file."""
    key: str = ""
    """The key of the migration in the tool's ledger. Empty if the file's name is the key."""

    @property
    def name(self) -> str:
        """The name in plans and in the ledger, which follows the grammar of ctgitops: `20240101_add_photos`."""
        return f"{self.digits}_{_WORDS.sub('_', self.words).strip('_.') or 'migration'}"

    @property
    def number(self) -> int:
        """The number, which determines the order, and which the ledger stores."""
        return int(self.digits)


@dataclass(frozen=True)
class Arranged:
    """All migrations of a folder, its repeatable files in their order, and the problems with the layout."""

    sources: tuple[Source, ...]
    repeatable: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Folder:
    """The paths of the files in a tool's folder, and the text of the files that the tool's layout names."""

    path: str
    """The folder's path relative to the repository's root."""
    files: tuple[str, ...]
    texts: Mapping[str, str] = field(default_factory=dict)
    version_parts: int = 1
    """The maximum number of parts of a version number, such as 2 for `1.2`."""

    def place(self, file: str, line: int | None = None) -> Place:
        """The place of a file in the repository."""
        return Place(file if self.path == "." else f"{self.path}/{file}", line)


def whole_file(text: str, path: str) -> Divided:
    """The script of a file without directives. The file is not divided."""
    return Divided(Script(text, path))


@dataclass(frozen=True)
class Tool:
    """One migration tool. `parse` and `arrange` describe its folder, and `divide` describes its files."""

    name: str
    """The value of `layout` in the policy."""
    title: str
    tried: str
    """How the layout was checked: `run` beside the tool, or `read` in the tool's source and documentation."""
    files: tuple[re.Pattern[str], ...] = ()
    """Patterns for paths of migration files in the folder, with the groups `digits`, `words` and optionally `kind`."""
    divide: Callable[[str, str], Divided] = whole_file
    arrange: Callable[[Folder], Arranged] | None = None
    """Replaces `files` for a tool that keeps the order of its migrations in another file."""
    reads: re.Pattern[str] = regex(r"(?!)")
    """Matches other files that `arrange` or `check` must read."""
    placeholder: re.Pattern[str] | None = None
    """Matches a placeholder in a file, with its name as the first group. None if the tool has no placeholders."""
    check: Callable[[Folder], Iterator[Problem]] = lambda _folder: iter(())
    """Yields problems with the whole folder, such as a checksum that does not match."""
    foreign: re.Pattern[str] = regex(r"(?!)")
    """Matches files that the tool runs as migrations, but that are not SQL."""
    new: str = ""
    """The path of a new migration's file, with `{number}` and `{words}`. Empty if the tool itself must create it."""
    new_down: str = ""
    """The path of a new migration's rollback file. Empty if the tool has no separate rollback files."""
    template: str = ""
    """The text of a new file, with the directives that the tool requires."""
    creates: str = ""
    """The tool's own command that creates a migration."""
    record: Callable[[Source, bytes, Folder], ToolRecord | None] | None = None
    """Computes what the tool's ledger records for the bytes of a file. None if ctgitops cannot compute it."""
    by_text: bool = False
    """Whether the tool orders names as text, so that `20240102120000_a` precedes `20240102_b`."""
    numbers_repeat: bool = False
    """Whether the tool accepts several migrations with one number, and orders them by their whole names."""

    def parse(self, path: str) -> MigrationName | None:
        """The name of the migration to which a path in the folder belongs. None if the file is not a migration."""
        match = next((found for pattern in self.files if (found := pattern.fullmatch(path))), None)
        if match is None:
            return None
        groups = match.groupdict()
        source = Source(re.sub(r"\D", "", groups["digits"]), groups["words"] or "", path)
        kind = FileKind.DOWN if (groups.get("kind") or "up").lower() == "down" else FileKind.UP
        digits, _, words = source.name.partition("_")
        return MigrationName(digits, words, kind)

    def filled_in(self, text: str, values: Mapping[str, str]) -> str:
        """The text with the values of its placeholders. Leaves a placeholder without a value unchanged."""
        if self.placeholder is None or not values:
            return text
        return self.placeholder.sub(lambda match: values.get(match[1], match[0]), text)

    def arranged(self, folder: Folder) -> Arranged:
        """The migrations of a folder, in any order."""
        found = self.arrange(folder) if self.arrange else _by_name(self, folder)
        sources = _of_one_length(found.sources) if self.by_text else found.sources
        if self.numbers_repeat:
            sources = distinct(sorted(sources, key=lambda each: (each.number, each.up)))
        return replace(found, sources=sources)


def _by_name(tool: Tool, folder: Folder) -> Arranged:
    ups: dict[str, tuple[MigrationName, str]] = {}
    downs: dict[str, str] = {}
    problems: list[Problem] = []
    for path in folder.files:
        name = tool.parse(path)
        if name is None:
            continue
        if name.kind is FileKind.DOWN:
            downs[name.name] = path
        elif name.name in ups:
            what = f"`{path}` and `{ups[name.name][1]}` are the same migration"
            problems.append(Problem("two-forms", what, folder.place(path), "keep one of them"))
        else:
            ups[name.name] = (name, path)
    for orphan in downs.keys() - ups.keys():
        what = f"the migration `{orphan}` of this rollback file does not exist"
        problems.append(Problem("orphan", what, folder.place(downs[orphan]), "add the migration, or remove this file"))
    sources = (Source(name.digits, name.words, path, downs.get(key, "")) for key, (name, path) in ups.items())
    return Arranged(tuple(sources), problems=tuple(problems))


def distinct(ordered: Iterable[Source]) -> tuple[Source, ...]:
    """The same migrations in the same order, each with a number above that of its predecessor.

    Two developers can create migrations with the same number on two branches. The later one gets the next number.
    """
    found: list[Source] = []
    for source in ordered:
        number = max(source.number, found[-1].number + 1) if found else source.number
        found.append(replace(source, digits=f"{number:0{len(source.digits)}}"))
    return tuple(found)


def _of_one_length(sources: tuple[Source, ...]) -> tuple[Source, ...]:
    """The migrations with numbers of one length, whose order is the order of the names as text.

    Fills up shorter numbers with nines, because the `_` after a number is greater than a digit.
    """
    longest = max((len(each.digits) for each in sources), default=0)
    return tuple(replace(each, digits=each.digits.ljust(longest, "9")) for each in sources)
