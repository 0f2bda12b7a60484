"""The plan of a rollback, from the ledger alone."""

from __future__ import annotations

import pytest

from ctgitops.core.gate.data_loss import losses
from ctgitops.core.ledger.ledger import Mark
from ctgitops.core.plan.history import history_problems
from ctgitops.core.plan.plan import Direction
from ctgitops.core.plan.replay import steps_of
from ctgitops.core.plan.rollback import last_entries, make_rollback
from ctgitops.errors import LedgerError, UsageError
from tests.fakes import STAGING, chained, entry, migration, workspace

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


def test_an_unfinished_migration_keeps_others_from_being_rolled_back() -> None:
    ledger = chained(entry(ONE), entry(TWO, Mark.STARTED))
    plan = make_rollback(STAGING, ledger, last_entries(ledger, 1))
    assert [each.code for each in plan.problems if each.blocks] == ["unfinished"]
    assert "ctgitops repair 002 --env staging" in plan.problems[0].hint


def test_a_file_that_was_changed_is_shown_at_the_first_line_that_differs() -> None:
    before = migration("001_one", sql="select 1;\nselect 2;\nselect 3;\n")
    for sql, line in (("select 1;\nselect 9;\nselect 8;\n", 2), ("select 1;\nselect 2;\nselect 3;\nselect 4;\n", 4)):
        found = history_problems(workspace(migration("001_one", sql=sql)), "staging", chained(entry(before)), ())
        assert [each.place and each.place.line for each in found] == [line]
