"""Seed files run when they are new, when they change, and when a rollback removed their rows."""

from __future__ import annotations

import pytest

from ctgitops.core.ledger.ledger import Entry, Mark
from ctgitops.core.plan.plan import make_plan
from tests.fakes import STAGING, chained, entry, migration, seed, seed_entry, workspace

ONE = migration("001_one")
MORE = migration("002_more", sql="alter table t1 add note text;")
FILE = seed("seeds/staging/a.sql")
RAN = seed_entry(FILE.name, FILE.checksum)
BACK = entry(ONE, Mark.ROLLED_BACK)


def planned(*entries: Entry, sql: str = "") -> tuple[list[str], list[str]]:
    """The seed files of a plan, and the migrations because of which they run again."""
    file = seed(FILE.name, sql) if sql else FILE
    ran = tuple(seed_entry(file.name, file.checksum) if each is RAN else each for each in entries)
    found = workspace(ONE, MORE, seeds=(file,))
    plan = make_plan(found, STAGING, chained(*ran))
    said = [p.what.split("because ")[1].split(" was")[0] for p in plan.problems if p.code == "seed-again"]
    assert all(not p.blocks for p in plan.problems if p.code == "seed-again")
    return [each.name for each in plan.seeds], said


def test_a_new_file_runs_and_a_file_that_ran_does_not() -> None:
    assert planned(entry(ONE), entry(MORE)) == ([FILE.name], [])
    assert planned(entry(ONE), entry(MORE), RAN) == ([], [])
    assert planned(entry(ONE), RAN, entry(MORE)) == ([], [])


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ((entry(ONE), RAN, BACK), ["001_one"]),  # the plan applies 001 before the file
        ((entry(ONE), RAN, BACK, entry(ONE)), ["001_one"]),
        ((entry(ONE), RAN, BACK, entry(ONE), RAN), []),
        ((entry(ONE), BACK, entry(ONE), RAN), []),
        ((entry(ONE), entry(MORE), RAN, entry(MORE, Mark.ROLLED_BACK), entry(MORE)), []),  # it names no column `note`
    ],
)
def test_a_file_runs_again_after_the_migration_that_it_needs(entries: tuple[Entry, ...], why: list[str]) -> None:
    assert planned(*entries) == ([FILE.name] * bool(why), why)


def test_a_column_counts_as_well() -> None:
    undone = (entry(ONE), entry(MORE), RAN, entry(MORE, Mark.ROLLED_BACK), entry(MORE))
    assert planned(*undone, sql="update t1 set note = 'x';") == ([FILE.name], ["002_more"])
