from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.gate.gate import Unreadable
from ctgitops.core.ledger.ledger import Entry, Ledger, Mark
from ctgitops.core.migration.schema_version import SchemaVersion
from ctgitops.core.view.status import State, exit_status, status_of
from tests.fakes import NOW, STAGING, TO_003, added, chained, entry, migration, seed, seed_entry, workspace

ONE = migration("001_one", "1.0.0", Description="the first")
TWO = migration("002_two", "1.1.0")


def state_of_two(*entries: Entry) -> State:
    status = status_of(workspace(ONE, TWO), STAGING, chained(entry(ONE), *entries))
    return status.rows[1].state


@pytest.mark.parametrize(
    ("entries", "state"),
    [
        ((), State.PENDING),
        ((entry(TWO),), State.APPLIED),
        ((entry(TWO, Mark.BASELINED),), State.APPLIED),
        ((entry(TWO, Mark.FAILED),), State.FAILED),
        ((entry(TWO, Mark.FAILED), entry(TWO)), State.APPLIED),
        ((entry(TWO, Mark.STARTED),), State.UNFINISHED),
        ((entry(TWO, Mark.STARTED), entry(TWO, Mark.FAILED)), State.UNFINISHED),
        ((entry(TWO), entry(TWO, Mark.ROLLED_BACK)), State.ROLLED_BACK),
        ((replace(entry(TWO), checksum="sha256:other"),), State.EDITED),
        ((entry(TWO, Mark.STARTED), replace(entry(TWO, Mark.REPAIRED), checksum=None)), State.PENDING),
    ],
)
def test_the_state_of_a_migration(entries: tuple[Entry, ...], state: State) -> None:
    assert state_of_two(*entries) is state


def test_a_migration_without_a_file_is_missing_and_described_by_the_ledger() -> None:
    status = status_of(workspace(TWO), STAGING, chained(entry(ONE)))
    row = status.rows[0]
    assert (row.state, row.name, row.version) == (State.MISSING, "001_one", SchemaVersion(1, 0, 0))
    assert row.description == "the first"
    assert exit_status((status,)) == 4


def test_what_was_never_tried_has_no_date() -> None:
    status = status_of(workspace(ONE, TWO), STAGING, chained(entry(ONE, at=NOW)))
    assert [row.date for row in status.rows] == [NOW, None]


def test_pending_counts_what_the_target_reaches_and_changed_seed_files() -> None:
    four = migration("004_four", "1.2.0")
    target = replace(STAGING, target=TO_003)
    work = workspace(ONE, TWO, four, seeds=(seed("seeds/staging/010.sql"),))
    status = status_of(work, target, chained(entry(ONE)))
    assert status.pending == 2
    assert status.version == SchemaVersion(1, 0, 0)


def test_an_environment_that_cannot_be_read_has_no_rows() -> None:
    status = status_of(workspace(ONE), STAGING, Unreadable("no route to host"))
    assert (status.unreadable, status.rows, status.version) == ("no route to host", (), None)
    assert exit_status((status,)) == 4


def test_the_last_entry_is_told() -> None:
    ledger = added(chained(entry(ONE)), entry(TWO, Mark.FAILED))
    last = status_of(workspace(ONE, TWO), STAGING, ledger).last
    assert last is not None
    assert (last.name, last.mark) == ("002_two", Mark.FAILED)


def test_no_sql_is_parsed() -> None:
    broken = migration("001_one", "1.0.0", sql="this is not SQL")
    status = status_of(workspace(broken), STAGING, Ledger())
    assert "statements" not in vars(broken.up)
    assert status.pending == 1


FAILED = entry(TWO, Mark.FAILED, error="23502 column x contains null values")


@pytest.mark.parametrize(
    ("entries", "status"),
    [
        ((FAILED,), 1),
        ((FAILED, entry(TWO)), 0),
        ((FAILED, entry(TWO, Mark.REPAIRED)), 0),
        ((FAILED, entry(TWO, Mark.INTERRUPTED)), 1),
        ((entry(TWO, Mark.INTERRUPTED),), 0),
        ((FAILED, Entry(Mark.STARTED, "prediction")), 1),
        ((entry(TWO), entry(TWO, Mark.FAILED)), 1),
        ((Entry(Mark.FAILED, "seeds/staging/a.sql"),), 1),
        ((Entry(Mark.FAILED, "seeds/staging/removed.sql"),), 0),
        ((entry(migration("009_removed"), Mark.FAILED),), 0),
        ((entry(TWO, Mark.FAILED), entry(TWO, Mark.REPAIRED), entry(TWO, Mark.ROLLED_BACK, error="it failed")), 1),
    ],
)
def test_a_failed_run_is_a_failed_check_until_something_was_done_about_it(
    entries: tuple[Entry, ...], status: int
) -> None:
    """Seen to fail with a status that ends with 0 after a run that failed."""
    work = workspace(ONE, TWO, seeds=(seed("seeds/staging/a.sql"),))
    found = status_of(work, STAGING, chained(entry(ONE), *entries))
    assert exit_status((found,)) == status
    assert any(p.code == "failed-run" for p in found.problems) is (status == 1)


def test_it_says_which_migration_failed_and_why() -> None:
    (problem,) = status_of(workspace(ONE, TWO), STAGING, chained(entry(ONE), FAILED)).problems
    assert problem.what.startswith("the last run failed on 2026-11-21 09:30:00 UTC, at 002_two: 23502 column x")
    assert not problem.blocks


def test_a_seed_file_counts_as_pending_until_the_ledger_has_its_checksum() -> None:
    there = seed("seeds/a.sql")
    work = workspace(seeds=(there,))
    for checksum, pending in ((there.checksum, 0), ("sha256:before", 1)):
        assert status_of(work, STAGING, chained(seed_entry(there.name, checksum))).pending == pending
