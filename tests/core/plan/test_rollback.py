"""The plan of a rollback, from the ledger alone."""

from __future__ import annotations

import pytest

from ctgitops.core.gate.data_loss import losses
from ctgitops.core.plan.plan import Direction
from ctgitops.core.plan.replay import steps_of
from ctgitops.core.plan.rollback import last_entries, make_rollback
from ctgitops.errors import LedgerError, UsageError
from tests.fakes import STAGING, chained, entry, migration

ONE, TWO, THREE = migration("001_one", "1.0.0"), migration("002_two", "1.1.0"), migration("003_three", "1.2.0")
LEDGER = chained(entry(ONE), entry(TWO), entry(THREE))


def test_the_newest_migrations_are_rolled_back_first() -> None:
    plan = make_rollback(STAGING, LEDGER, last_entries(LEDGER, 2))
    assert [(step.direction, step.name) for step in plan.steps] == [
        (Direction.ROLLBACK, "003_three"),
        (Direction.ROLLBACK, "002_two"),
    ]
    assert (str(plan.current_version), str(plan.target_version), plan.target.number) == ("1.2.0", "1.0.0", 1)
    assert not plan.blocked


def test_the_fingerprint_of_a_rollback_depends_on_the_checksums_that_are_applied() -> None:
    plan = make_rollback(STAGING, LEDGER, last_entries(LEDGER, 1))
    assert plan.applied == tuple((each.number, each.checksum) for each in (ONE, TWO, THREE))


def test_less_than_one_step_is_not_a_rollback() -> None:
    with pytest.raises(UsageError):
        last_entries(LEDGER, 0)


def test_only_a_deletion_of_some_rows_is_counted_by_a_query_of_its_own() -> None:
    for down, counted in (
        ("delete from one where id > 5;", True),
        ("delete from one;", False),
        ("drop table one;", False),
    ):
        ledger = chained(entry(migration("001_one", down=down)))
        (loss,) = losses(make_rollback(STAGING, ledger, last_entries(ledger, 1)), ledger)
        assert ("id > 5" in loss.query) is counted
        assert bool(loss.query) is counted


def test_a_ledger_without_the_sql_of_a_migration_cannot_be_replayed() -> None:
    from dataclasses import replace

    assert [step.name for step in steps_of(LEDGER)] == ["001_one", "002_two", "003_three"]
    with pytest.raises(LedgerError, match="002_two"):
        steps_of(chained(entry(ONE), replace(entry(TWO), sql=None)))
