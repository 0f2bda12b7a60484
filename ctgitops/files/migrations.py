"""Reads migrations in the layout of ctgitops. Also accepts file names of golang-migrate, dbmate and Supabase."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import field, replace

from ..core.environment.policy import HeaderRule, Policy
from ..core.fix import Rename
from ..core.migration.header import Header, has_header, parse_header
from ..core.migration.migration import Migration
from ..core.migration.migration_name import LARGEST, parse_migration_name, parse_unbounded, split_name
from ..core.migration.squash import FOLDER as SQUASHED
from ..core.migration.squash import MOST_BYTES, Squash, parse_squash
from ..core.problem import Problem
from ..errors import Place
from ..layouts.dbmate_sections import scripts_of, without_markers
from ..lazy import dataclass, regex
from ..sql.script import Script, checksum_of
from .other_tool_names import folder_of_other_tool, holds_sql, name_of_other_tool, rollbacks_named_otherwise
from .repository import Item, Repository, sub_folder

FOLDER = "migrations"
REPEATABLE = "repeatable"
"""The folder, inside the folder of the migrations, with files that run again whenever their text changes."""
_MEANT = regex(r"^\d+[-_].*\.(?:psql|pgsql|txt)$", re.IGNORECASE)
"""Matches names of files that are probably meant as migrations, such as `002_x.sql.txt`."""
_WORDS = regex(r"[^a-z0-9]+")

Files = dict[str, str]
"""Maps the suffixes ``, `.up`, `.down` and `.verify` to the paths of one migration's files."""


def read_migrations(repository: Repository, policy: Policy) -> tuple[tuple[Migration, ...], tuple[Problem, ...]]:
    """All migrations by number, and all problems with their files."""
    folder = policy.layout.folder
    items, problems = repository.items(folder)
    reader = _Reader(repository, policy, list(problems))
    by_stem: dict[str, Files] = defaultdict(dict)
    for item in items:
        if item.folder and item.name in {REPEATABLE, SQUASHED}:
            continue
        if item.folder:
            reader.problems.append(_folder(repository, item))
        elif item.name.lower().endswith(".sql"):
            reader.problems += _named_wrongly(item, folder)
            _sort_in(item, by_stem)
        elif _MEANT.search(item.name):
            reader.problems.append(_not_read(item, folder))
    reader.problems += _backwards(by_stem, folder)
    reader.problems += _orphans(by_stem, folder)
    found = [reader.migration(stem, files) for stem, files in by_stem.items() if {"", ".up"} & files.keys()]
    migrations = sorted((m for m in found if m), key=lambda m: (m.number, m.name))
    return tuple(migrations), tuple(reader.problems)


def _folder(repository: Repository, item: Item) -> Problem:
    folder = repository.root / item.path
    if other := folder_of_other_tool(folder):
        what = f"folder `{item.path}` is a migration of {other[0]}, and is not read"
        return replace(sub_folder(item, holds_sql=True), what=what, hint=other[1])
    return sub_folder(item, holds_sql=holds_sql(folder))


def _backwards(by_stem: dict[str, Files], folder: str) -> Iterator[Problem]:
    """Reports and leaves out files whose names look like rollbacks, but that would run as migrations."""
    for stem, forward in list(rollbacks_named_otherwise(by_stem.keys())):
        for path in by_stem.pop(stem).values():
            target = f"{folder}/{forward}.down.sql"
            fix = None if ".down" in by_stem[forward] else Rename(path, target)
            what = f"`{stem}.sql` would run as a migration, but its name marks it as the rollback of `{forward}.sql`"
            yield Problem("file-name", what, Place(path), f"rename the file to `{forward}.down.sql`", fix=fix)


def _named_wrongly(item: Item, folder: str) -> Iterator[Problem]:
    found = parse_unbounded(item.name)
    place = Place(item.path)
    if not found and (other := name_of_other_tool(item.name)):
        tool, hint = other
        yield Problem("file-name", f"`{item.name}` has the name of a {tool} file", place, hint)
    elif not found:
        words = _WORDS.sub("_", item.name.lower().removesuffix(".sql").lstrip("0123456789")).strip("_")
        number = re.match(r"[0-9]{1,18}", item.name)
        example = f"{int(number[0]) if number else 8:03}_{words or 'what'}.sql"
        hint = f"rename the file to `NNN_descriptive_name.sql`, such as `{example}`, or move the file out of {folder}/"
        yield Problem("file-name", f"`{item.name}` is not a valid migration name", place, hint)
    elif found.number > LARGEST:
        hint = "number migrations 001, 002, … or by timestamp"
        yield Problem("file-name", f"number {found.digits[:30]} is larger than {LARGEST}", place, hint)
    elif found.ending != found.ending.lower():
        ending = found.ending
        hint = f"change the file extension to `{ending.lower()}`"
        fix = Rename(item.path, f"{item.path.removesuffix(ending)}{ending.lower()}")
        yield Problem("file-name", f"the file extension `{ending}` is not in lower case", place, hint, fix=fix)


def _not_read(item: Item, folder: str) -> Problem:
    what = f"`{item.name}` is not read, because its name does not end in `.sql`"
    stem = re.split(r"\.(?:sql|psql|pgsql|txt)\b", item.name, maxsplit=1, flags=re.IGNORECASE)[0]
    hint = f"rename it to `{stem}.sql` if it is a migration, or move it out of {folder}/"
    return Problem("file-name", what, Place(item.path), hint, blocks=False)


def _sort_in(item: Item, by_stem: dict[str, Files]) -> None:
    if found := parse_migration_name(item.name):
        by_stem[found.name][found.ending.lower().removesuffix(".sql")] = item.path


def _orphans(by_stem: dict[str, Files], folder: str) -> Iterator[Problem]:
    whole = {stem: None for stem, files in by_stem.items() if {"", ".up"} & files.keys()}
    for stem, files in by_stem.items():
        if stem in whole:
            continue
        number = split_name(stem).number
        near = next((other for other in whole if split_name(other).number == number), None)
        for ending, path in files.items():
            hint = f"add `{folder}/{stem}.sql`, or remove this file"
            fix = None
            if near:
                hint = f"rename this file to `{near}{ending}.sql` if it belongs to `{near}.sql`, or remove it"
                fix = Rename(path, f"{folder}/{near}{ending}.sql")
            what = f"the migration `{stem}.sql` of this file does not exist"
            yield Problem("orphan", what, Place(path), hint, fix=fix)


@dataclass
class _Reader:
    """Reads one migration at a time, and collects the problems."""

    repository: Repository
    policy: Policy
    problems: list[Problem] = field(default_factory=list)

    def migration(self, stem: str, files: Files) -> Migration | None:
        path = files.get("") or files[".up"]
        if {"", ".up"} <= files.keys():
            hint = "keep one of them"
            self.problems.append(
                Problem("two-forms", f"`{files['']}` and this file are the same migration", Place(files[".up"]), hint)
            )
        text = self._text(path)
        if text is None:
            return None
        up, down, problems = scripts_of(text, path)
        self.problems += problems
        if down and ".down" in files:
            what = f"`{path}` also has a section `-- migrate:down`"
            self.problems.append(Problem("two-forms", what, Place(files[".down"]), "keep one of them"))
        return Migration(
            number=split_name(stem).number,
            name=stem,
            up=up,
            checksum=checksum_of(text),
            down=self._script(files.get(".down")) or down,
            verify=self._script(files.get(".verify")),
            header=self._header(without_markers(text), path),
        )

    def _text(self, path: str) -> str | None:
        text = self.repository.text(path, self.policy.max_file_bytes)
        if isinstance(text, Problem):
            self.problems.append(text)
            return None
        return text

    def _script(self, path: str | None) -> Script | None:
        text = self._text(path) if path else None
        return None if path is None or text is None else Script(text, path)

    def _header(self, text: str, path: str) -> Header | None:
        if self.policy.header is HeaderRule.OPTIONAL and not has_header(text):
            return None
        header, problems = parse_header(text, path)
        self.problems += problems
        return header


def read_squashes(repository: Repository, policy: Policy) -> tuple[tuple[Squash, ...], tuple[Problem, ...]]:
    """All squashed files, and the problems with them."""
    items, problems = repository.items(f"{policy.layout.prefix}{SQUASHED}")
    found: list[Squash] = []
    more = list(problems)
    for item in items:
        if not item.folder and item.name.endswith(".sql"):
            text = repository.text(item.path, MOST_BYTES)
            if isinstance(text, Problem):
                more.append(text)
            else:
                found.append(parse_squash(text, item.path))
        else:
            what = f"`{item.path}` is not a squashed file, and is not read"
            more.append(Problem("file-name", what, Place(item.path), "move it to another place", blocks=False))
    return tuple(found), tuple(more)
