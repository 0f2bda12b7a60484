"""Migration files that are in git's history but not in the working tree. They may be applied to a database. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ..migration.migration_name import split_name
from ..problem import Problem

if TYPE_CHECKING:
    from ..environment.layout import Layout
    from ..environment.policy import Policy
    from ..migration.migration import Migration


@dataclass(frozen=True)
class Removal:
    """A removed migration file."""

    name: str
    """The name of the migration, such as `002_orders`."""
    source: str
    """A commit that contains the file."""
    base: str = ""
    """The base branch, if it still has the file. Empty if the base branch lacks the file too."""
    by: str = ""
    """The commit that removed the file, with author and date. Empty if the removal is not committed."""

    @property
    def number(self) -> int:
        """The number of the migration."""
        return split_name(self.name).number

    @property
    def words(self) -> str:
        """The name without the number."""
        return split_name(self.name).words


@dataclass(frozen=True)
class Removals:
    """The removed files that git reports."""

    found: tuple[Removal, ...] = ()
    unknown: str = ""
    """Why git could not report the removed files. Empty if they are known."""
    hint: str = ""


def removal_problems(removals: Removals, migrations: tuple[Migration, ...], policy: Policy) -> Iterator[Problem]:
    """One problem for each removed migration. The problem blocks only if the base branch has the file."""
    if removals.unknown:
        what = f"cannot check whether applied migrations were removed: {removals.unknown}"
        yield Problem("removed-unknown", what, hint=removals.hint, blocks=False)
    numbers = {m.number for m in migrations}
    words = {split_name(m.name).words for m in migrations}
    for removal in removals.found:
        if removal.name in policy.removed:
            continue
        if removal.base:
            yield _removed_here(removal, policy.layout)
        elif removal.number not in numbers and removal.words not in words:
            yield _removed_before(removal, policy.layout)


def _removed_here(removal: Removal, layout: Layout) -> Problem:
    how = f"commit {removal.by} removes the file" if removal.by else "this working tree does not have the file"
    what = f"{removal.base} has migration {removal.name}, but {how}"
    return Problem("removed", what, hint=_hint(removal, layout))


def _removed_before(removal: Removal, layout: Layout) -> Problem:
    what = f"commit {removal.by} removed migration {removal.name}; plans for a database that has applied it are blocked"
    return Problem("removed", what, hint=_hint(removal, layout), blocks=False)


def _hint(removal: Removal, layout: Layout) -> str:
    restore = f"`git checkout {removal.source} -- '{layout.pathspec(removal.name)}'` restores the file"
    listed = f"add `removed: [{removal.name}]` to migrations/policy.yaml"
    return f"{restore}; if no database has applied the migration, {listed}"
