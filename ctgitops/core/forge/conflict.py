"""Conflicts with migrations of other open pull requests: the same number, schema version or name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from ...errors import Place
from ...lazy import dataclass
from ..environment.policy import Band, Policy
from ..migration.migration_name import MigrationName, split_name
from ..migration.schema_version import SchemaVersion
from ..problem import Problem

if TYPE_CHECKING:
    from ..migration.migration import Migration
    from .forge import ChangedFile, OpenPullRequest

_VERSION = re.compile(r"^\+--\s*Version\s*:\s*(\S+)\s*$", re.MULTILINE)


Names = Callable[[Iterable[str]], Mapping[str, MigrationName]]
"""Maps paths in the repository to the names of migrations. Leaves out files that an apply does not run."""


@dataclass(frozen=True)
class _Other:
    """A migration that another pull request adds."""

    pull_request: int
    number: int
    words: str
    stem: str
    version: SchemaVersion | None


def clashes(
    migrations: tuple[Migration, ...],
    ours: tuple[ChangedFile, ...],
    others: tuple[OpenPullRequest, ...],
    named: Names,
    policy: Policy | None = None,
) -> tuple[Problem, ...]:
    """A warning for each number, version or name that `ours` shares with the migrations of other open pull requests.

    The warning does not block: the pull request that is merged first keeps its number, and then the duplicate number
    blocks the other pull request.
    """
    added = {name.name for name in named([file.path for file in ours if file.added]).values()}
    mine = [m for m in migrations if m.name in added]
    theirs = [other for pull in others for other in _migrations_of(pull, named)]
    hints = _Hints(policy or Policy(), frozenset(m.number for m in migrations if m.name not in added))
    return tuple(problem for migration in mine for other in theirs for problem in _clash(migration, other, hints))


@dataclass
class _Hints:
    """How to solve clashes. `new --renumber` also renumbers the later files of a branch in the same band."""

    policy: Policy
    merged: frozenset[int]
    """The numbers of the base branch."""
    first: dict[tuple[int, Band | None], str] = field(default_factory=dict)
    """Maps another pull request and a band to the first file that must be renumbered because of it."""

    def of(self, migration: Migration, pull_request: int) -> str:
        """What to do after the merge of the other pull request. Both pull requests show the same kind of text."""
        first = self.first.setdefault((pull_request, self.policy.band(migration.number)), migration.name)
        command = f"`ctgitops new --renumber {first}`"
        second = "if this pull request is merged second, "
        if first != migration.name:
            return f"{second}{command} after the merge of #{pull_request} renumbers this file too"
        said = f"{second}run {command} after the merge of #{pull_request}"
        if migration.number in self.merged:
            return f"{said} and not before, because both files would now get the same number"
        return said


def _migrations_of(pull: OpenPullRequest, named: Names) -> Iterator[_Other]:
    added = {file.path: file for file in pull.files if file.added}
    for path, name in named(list(added)).items():
        version = _VERSION.search(added[path].patch)
        parsed = SchemaVersion.parse(version[1]) if version else None
        yield _Other(pull.number, name.number, name.words, name.name, parsed)


def _clash(migration: Migration, other: _Other, hints: _Hints) -> Iterator[Problem]:
    same = [f"number {migration.number:03}"] if migration.number == other.number else []
    same += [f"version {other.version}"] if other.version and other.version == migration.version else []
    words = split_name(migration.name).words
    if not same and words != other.words:
        return
    where = f"open pull request #{other.pull_request} adds `{other.stem}`"
    brief = f"{' and '.join(same) or 'name'} ALSO IN #{other.pull_request}"
    if same:
        what = f"{where}, which also has {' and '.join(same)}"
        hint = hints.of(migration, other.pull_request)
    else:
        what, hint = f"{where}, which has the same name", "check whether both pull requests make the same change"
    yield Problem("clash", what, Place(migration.path, 1), hint, blocks=False, brief=brief)
