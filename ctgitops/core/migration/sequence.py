"""The order in which pending migrations are applied: by number, unless a comment sets a different order. Pure.

The comment `-- ctgitops: before 002` in a later migration applies that migration directly before 002 while 002 is
pending. If a database already has 002, the migration is applied by its own number. For example, 002 fails on the rows
of one environment, and other environments have applied 002. A later migration corrects the rows before 002 runs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from ..problem import Problem

if TYPE_CHECKING:
    from .migration import Migration


def sequence(migrations: Iterable[Migration], begun: Collection[int] = ()) -> tuple[Migration, ...]:
    """Sorts pending migrations. Migrations in `begun` come first, directly after the migrations that must precede them.

    A migration can precede only migrations with lower numbers. So there is no cycle.
    """
    ordered = sorted(migrations, key=lambda m: m.number)
    there = {m.number for m in ordered}
    ahead: dict[int, list[Migration]] = {}
    for migration in ordered:
        if _moves(migration, there):
            ahead.setdefault(migration.before or 0, []).append(migration)
    groups = [_group(m, ahead) for m in ordered if not _moves(m, there)]
    groups.sort(key=lambda group: not any(m.number in begun for m in group))
    return tuple(m for group in groups for m in group)


def _moves(migration: Migration, there: Collection[int]) -> bool:
    return migration.before is not None and migration.before < migration.number and migration.before in there


def _group(migration: Migration, ahead: dict[int, list[Migration]]) -> list[Migration]:
    """All migrations that must precede a migration, followed by the migration itself."""
    return [*(m for each in ahead.get(migration.number, ()) for m in _group(each, ahead)), migration]


def positions(migrations: Iterable[Migration]) -> dict[int, int]:
    """Maps the number of each migration to its position in the order of `sequence`."""
    return {migration.number: place for place, migration in enumerate(sequence(migrations))}


def effective_numbers(migrations: Iterable[Migration], applied_order: Iterable[int]) -> dict[int, int]:
    """Maps the number of each applied migration to the number that decides whether the migration is in order.

    If the migration was applied before the migration that its comment `ctgitops: before` names, the number in the
    comment decides. Otherwise, the migration's own number decides.
    """
    targets = {m.number: m.before for m in migrations if m.before is not None and m.before < m.number}
    place_of = {number: place for place, number in enumerate(applied_order)}
    return {number: _effective_number(number, targets, place_of) for number in place_of}


def _effective_number(number: int, targets: dict[int, int], place_of: dict[int, int]) -> int:
    place, first = place_of[number], number
    while (target := targets.get(first)) is not None and place_of.get(target, place + 1) > place:
        first = target
    return first


def sequence_problems(migrations: tuple[Migration, ...]) -> Iterator[Problem]:
    """Problems with comments `-- ctgitops: before …` that have no effect or contradict the header."""
    place_of = positions(migrations)
    for migration in migrations:
        line = migration.before_line
        if line is None:
            continue
        place = migration.up.place(line.start())
        if migration.before is None:
            what = f"`{line[0].strip()}` does not name a migration"
            hint = "write the number of the migration before which this migration must run: `-- ctgitops: before 002`"
        elif migration.before not in place_of:
            what = f"the migration must precede {migration.before:03}, which does not exist"
            hint = "name an existing migration"
        elif migration.before >= migration.number:
            what = f"the migration precedes {migration.before:03} anyway, because its number is lower"
            hint = "remove the line"
        else:
            for number in migration.dependencies:
                if place_of.get(number, 0) > place_of[migration.number]:
                    what = f"the migration must precede {migration.before:03}, but depends on {number:03}, a later one"
                    hint = "name only earlier migrations in `Dependencies`, or remove the line"
                    yield Problem("dependency", what, place, hint)
            continue
        yield Problem("before", what, place, hint)
