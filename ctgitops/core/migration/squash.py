"""A squashed file: one file that gives an empty database what a set of migrations gives it. Pure.

The file lists the migrations that it replaces, with the checksum of each, and the checksum of its own text. So a file
that was changed after the squash is found without a database.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ...errors import Place
from ...lazy import dataclass, regex
from ...sql.script import Script, checksum_of
from ..problem import Problem
from .migration_name import parse_stem

if TYPE_CHECKING:
    from .migration import Migration

FOLDER = "squashed"
"""The folder, inside the folder of the migrations, with the squashed files."""
MOST_BYTES = 64 << 20
"""The maximum size of a squashed file, which contains many migrations and their rows."""
_REPLACES = regex(r"^-- Replaces: (\S+) (\S+)$", re.MULTILINE)
_TEXT = regex(r"^-- Text: (\S+)$", re.MULTILINE)
_CHECKSUM = regex(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Replaced:
    """One migration that a squashed file replaces."""

    name: str
    checksum: str


@dataclass(frozen=True)
class Squash:
    """One squashed file. The order of `replaced` is the order in which an empty database gets the migrations."""

    script: Script
    replaced: tuple[Replaced, ...]
    text_checksum: str = ""
    """The checksum of the list of migrations and the SQL, according to the header."""

    @property
    def path(self) -> str:
        """The file's path relative to the repository's root."""
        return self.script.path

    @property
    def last(self) -> str:
        """The name of the migration with the highest number."""
        return max((each.name for each in self.replaced), key=number_of)

    @property
    def reach(self) -> str:
        """The replaced migrations in a few words, such as `001 to 008 (8 migrations)`."""
        digits = sorted((each.name.partition("_")[0] for each in self.replaced), key=int)
        count = len(digits)
        return f"{digits[0]} to {digits[-1]} ({count} migration{'' if count == 1 else 's'})"

    def members(self, migrations: Iterable[Migration]) -> tuple[Migration, ...]:
        """The files of the replaced migrations, in the order of `replaced`. Leaves out missing files."""
        by_name = {migration.name: migration for migration in migrations}
        return tuple(by_name[each.name] for each in self.replaced if each.name in by_name)


def number_of(name: str) -> int:
    """The number of a migration's name."""
    return int(name.partition("_")[0])


def squash_text(name: str, replaced: Iterable[Replaced], remarks: Iterable[str], text: str) -> str:
    """The content of a squashed file: the header with `remarks`, and `text`. `name` is the last migration."""
    rest = "".join(f"-- Replaces: {each.checksum} {each.name}\n" for each in replaced) + f"\n{text}"
    remarks = (f"Squashed: {name}", *remarks, f"Text: {checksum_of(rest)}")
    return "".join(f"-- {remark}\n" for remark in remarks) + rest


def _after_checksum(text: str) -> str:
    """The part of a squashed file that its checksum covers: the list of migrations, and the SQL."""
    line = _TEXT.search(text)
    return text[line.end() + 1 :] if line else ""


def parse_squash(text: str, path: str) -> Squash:
    """Reads a squashed file. Without a complete header, the result replaces nothing, and `squash_problem` says so."""
    header, _, rest = text.partition("\n\n")
    sums, listed = _TEXT.findall(header), _REPLACES.findall(header)
    replaced = tuple(Replaced(name, checksum) for checksum, name in listed)
    named = all(_CHECKSUM.fullmatch(each.checksum) and parse_stem(each.name) for each in replaced)
    once = len({each.name for each in replaced}) == len(replaced)
    covered = listed == _REPLACES.findall(_after_checksum(header))
    complete = rest and named and once and covered and len(sums) == 1
    return Squash(Script(text, path), replaced if complete else (), sums[0] if complete else "")


def squash_problem(squash: Squash, migrations: Iterable[Migration]) -> Problem | None:
    """Why a squashed file is not used. None if it is valid."""
    line, what = _fault(squash, {migration.name: migration for migration in migrations})
    if not what:
        return None
    if not squash.replaced:
        hint = f"remove {squash.path}; `ctgitops squash --to NNN` writes squashed files"
        return Problem("squash", what, Place(squash.path, line), hint, blocks=False, fails=True)
    again = f"`ctgitops squash --to {squash.last.partition('_')[0]}` again"
    hint = f"run {again}, or remove {squash.path}; until then, a new database gets the original files"
    return Problem("squash", what, Place(squash.path, line), hint, blocks=False, fails=True)


def _fault(squash: Squash, files: dict[str, Migration]) -> tuple[int, str]:
    if not squash.replaced:
        return 1, "the file does not have the header of a squashed file, so it is not used"
    lines = squash.script.sql.split("\n")
    for each in squash.replaced:
        line = next(at for at, text in enumerate(lines, start=1) if text.endswith(f" {each.name}"))
        file = files.get(each.name)
        if file is None:
            return line, f"the squashed file replaces {each.name}, whose file does not exist"
        if file.checksum != each.checksum:
            return line, f"{file.path} was changed after it was squashed, so the squashed file is not used"
    if checksum_of(_after_checksum(squash.script.sql)) != squash.text_checksum:
        return 1, "the text of the squashed file was changed, so the file is not used"
    return 0, ""


def squash_problems(squashes: Iterable[Squash], migrations: tuple[Migration, ...]) -> Iterator[Problem]:
    """The problems of all squashed files. `check` reports them. They never block a plan."""
    for squash in squashes:
        if problem := squash_problem(squash, migrations):
            yield problem


def as_warning(problem: Problem) -> Problem:
    """The problem in a plan, which runs the original files instead."""
    return replace(problem, fails=False)


def chosen(squashes: Iterable[Squash], migrations: tuple[Migration, ...], pending: Collection[int]) -> Squash | None:
    """The valid squashed file that replaces most migrations. All of them must be pending. None without such a file."""
    usable = [
        squash
        for squash in squashes
        if all(number_of(each.name) in pending for each in squash.replaced) and not squash_problem(squash, migrations)
    ]
    return max(usable, key=lambda squash: (len(squash.replaced), squash.path), default=None)
