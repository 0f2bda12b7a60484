"""The plan of a rollback, from the ledger alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.environment.apply_policy import ApplyPolicy, TransactionScope
from ctgitops.core.gate.data_loss import losses
from ctgitops.core.ledger.ledger import Mark
from ctgitops.core.migration.migration import Migration
from ctgitops.core.migration.selector import Selector
from ctgitops.core.plan.history import history_problems
from ctgitops.core.plan.plan import Direction
from ctgitops.core.plan.replay import steps_of
from ctgitops.core.plan.rollback import entries_after, last_entries, make_rollback, number_in
from ctgitops.core.problem import Concern, Problem
from ctgitops.errors import LedgerError, UsageError
from ctgitops.sql.redact import redact
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


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("2", 2), ("002_two", 2), ("1.1.0", 2), ("001", 1), ("003_three", 3)]
)
def test_an_applied_migration_is_named_by_number_name_or_version(text: str, number: int) -> None:
    selector = Selector.parse(text)
    assert selector
    assert number_in(LEDGER, selector) == number


@pytest.mark.parametrize("text", ["latest", "4", "002_other", "9.0.0", "000_zero"])
def test_what_is_not_applied_and_the_latest_are_not_kept(text: str) -> None:
    selector = Selector.parse(text)
    assert selector
    with pytest.raises(UsageError):
        number_in(LEDGER, selector)


def test_what_was_applied_after_a_migration_is_newest_first_in_the_order_of_the_ledger() -> None:
    ledger = chained(entry(ONE), entry(THREE), entry(TWO))
    assert [e.number for e in entries_after(ledger, 1)] == [2, 3]
    assert [e.number for e in entries_after(ledger, 3)] == [2]
    assert entries_after(ledger, 2) == ()
    assert [e.number for e in entries_after(ledger, 0)] == [2, 3, 1]
    for there, hint in ((ledger, "001, 003, 002"), (chained(), "nothing")):
        with pytest.raises(UsageError, match="migration 004 is not applied here") as refused:
            entries_after(there, 4)
        assert refused.value.hint == f"applied, in this order: {hint}"


def test_a_migration_zero_that_is_applied_is_kept() -> None:
    ledger = chained(entry(migration("000_zero")), entry(ONE))
    assert [e.number for e in entries_after(ledger, 0)] == [1]


def refused_rollback(of: Migration, **changes: object) -> Problem:
    ledger = chained(replace(entry(of), **changes))  # type: ignore[arg-type]
    (problem,) = (p for p in make_rollback(STAGING, ledger, ledger.in_order).problems if p.blocks)
    assert (problem.code, problem.concern) == ("irreversible", Concern.LEDGER)
    return problem


def test_without_rollback_sql_the_backup_is_restored() -> None:
    receipt = '{"restore_with": "ctgitops restore a --into URL"}'
    one = migration("001_one", down=None)
    assert "`ctgitops restore a --into URL`" in refused_rollback(one, receipt=receipt).hint
    for unknown in (None, "", "[]", "{}", "no json"):
        assert "`ctgitops restore RECEIPT --into URL`" in refused_rollback(one, receipt=unknown).hint


def test_a_manual_rollback_and_one_with_a_password_are_done_by_hand() -> None:
    manual = migration("001_one", "1.0.0", down=None, Rollback="Manual: restore the column by hand")
    problem = refused_rollback(manual)
    assert problem.what == "001_one must be undone by hand: restore the column by hand"
    assert 'ctgitops repair 001 --env staging --not-applied --reason "…"' in problem.hint
    secret = redact("alter role a password 'hunter2hunter2';")
    problem = refused_rollback(ONE, rollback_sql=secret)
    assert problem.what == "the rollback of 001_one needs a password, which the ledger does not store"
    assert 'ctgitops repair 001 --env staging --not-applied --reason "…"' in problem.hint


def test_an_unfinished_rollback_is_resumed_if_it_is_the_first_step() -> None:
    ledger = chained(entry(ONE), entry(TWO), entry(TWO, Mark.STARTED))
    assert not make_rollback(STAGING, ledger, last_entries(ledger, 2)).blocked
    unrecorded = replace(ledger, unrecorded=frozenset({2}))
    assert make_rollback(STAGING, unrecorded, last_entries(unrecorded, 2)).blocked
    earlier = chained(entry(ONE), entry(TWO), entry(ONE, Mark.STARTED))
    assert make_rollback(STAGING, earlier, last_entries(earlier, 2)).blocked
    assert make_rollback(STAGING, earlier, ()).blocked


def test_a_rollback_is_one_transaction_only_if_the_manifest_says_so_and_every_step_can() -> None:
    together = replace(STAGING, apply_policy=ApplyPolicy(TransactionScope.ALL))
    outside = chained(entry(ONE), entry(migration("002_two", down="drop index concurrently i;")))
    for environment, ledger, single in (
        (together, LEDGER, True),
        (STAGING, LEDGER, False),
        (together, outside, False),
    ):
        plan = make_rollback(environment, ledger, ledger.in_order[::-1])
        assert plan.apply_policy.single_transaction is single
