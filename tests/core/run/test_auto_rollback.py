"""What a run takes back of itself: what it applied, and a migration whose verify query is not true."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.gate.data_loss import CountedLoss, Loss
from ctgitops.core.ledger.ledger import Mark
from ctgitops.core.ledger.resumption import Kind, ProgressRow, ProgressState
from ctgitops.core.migration.migration import Migration
from ctgitops.core.plan.plan import Plan, Step, make_plan
from ctgitops.core.problem import Problem
from ctgitops.core.run.auto_rollback import (
    Checkpoint,
    applied_since,
    as_applied,
    make_auto_rollback,
    reapply_advice,
    rollback_command,
    rollback_to_start_command,
    rolled_back_text,
    seeded_since,
    unverified,
    why_not,
)
from ctgitops.errors import Place
from ctgitops.sql.data_loss import Destroyed, DestructionKind
from tests.fakes import STAGING, chained, entry, migration, seed_entry, workspace

ONE, TWO, THREE = (migration(name) for name in ("001_one", "002_two", "003_three"))
BEFORE = Checkpoint(1, 0)


def test_only_what_this_run_applied_is_taken_back_newest_first() -> None:
    ledger = chained(entry(ONE), entry(TWO), entry(THREE))
    assert [each.name for each in applied_since(BEFORE, ledger)] == ["003_three", "002_two"]
    plan = make_auto_rollback(STAGING, ledger, BEFORE, "its health is bad")
    assert [step.name for step in plan.steps] == ["003_three", "002_two"]
    assert plan.why == "rolled back automatically: its health is bad"


def test_only_seed_files_of_this_run_are_named() -> None:
    ledger = chained(seed_entry("seeds/a.sql", "a"), seed_entry("seeds/b.sql", "b"), entry(ONE))
    assert seeded_since(BEFORE, ledger) == ("seeds/b.sql",)


def test_a_migration_whose_verify_query_is_not_true_is_recorded_so_that_it_can_be_taken_back() -> None:
    step = make_plan(workspace(ONE), STAGING, chained()).steps[0]
    recorded = as_applied(step, "its verify query is not true")
    assert (recorded.mark, recorded.name, recorded.number) == (Mark.REPAIRED, "001_one", 1)
    assert (recorded.checksum, recorded.sql) == (ONE.checksum, ONE.up.sql)
    assert ONE.down is not None
    assert recorded.rollback_sql == ONE.down.sql
    assert "its verify query is not true" in (recorded.error or "")


def test_an_entry_that_is_appended_continues_the_chain() -> None:
    ledger = chained().with_entries(entry(ONE)).with_entries(replace(entry(TWO), error="why"))
    assert [each.id for each in ledger.entries] == [1, 2]
    assert ledger.entries[1].previous_hash == ledger.entries[0].hash
    assert ledger.broken_at() is None
    assert ledger == chained(entry(ONE), replace(entry(TWO), error="why"))


def test_what_the_run_rolled_back_itself_and_what_was_there_before_it_is_not_rolled_back_again() -> None:
    ledger = chained(entry(ONE), entry(TWO), entry(THREE), entry(THREE, Mark.ROLLED_BACK))
    assert [each.name for each in applied_since(BEFORE, ledger)] == ["002_two"]
    again = chained(entry(ONE), entry(TWO), entry(TWO, Mark.ROLLED_BACK), entry(TWO), seed_entry("seeds/a.sql", "a"))
    assert [each.id for each in applied_since(BEFORE, again)] == [4]
    assert applied_since(Checkpoint(5, 0), again) == ()
    assert [each.id for each in applied_since(Checkpoint(0, 0), again)] == [4, 1]


def test_only_seed_files_that_ran_to_their_end_count() -> None:
    failed = replace(seed_entry("seeds/b.sql", "b"), mark=Mark.FAILED)
    ledger = chained(entry(ONE), seed_entry("seeds/a.sql", "a"), failed)
    assert seeded_since(BEFORE, ledger) == ("seeds/a.sql",)
    assert seeded_since(Checkpoint(2, 0), ledger) == ()


VERIFY = "select true;"
OUTSIDE = migration("002_two", sql="VACUUM;\nVACUUM;\n", verify=VERIFY)
BATCHED = "-- ctgitops: batch size=5\nupdate t1 set n = 1 where id in (select id from t1 where n = 0 limit $1);\n"


def unverified_of(of: Migration, *states: ProgressState, text: str = "VACUUM;\nVACUUM;\n") -> Step | None:
    """After a run that began `of`, and left these states of its statements; `text` is the file at that time."""
    was = migration(of.name, sql=text).up
    hashes = [was.hash_of(statement) for statement in was.statements]
    traces = tuple(
        ProgressRow(2, 2, Kind.STATEMENT, state, position, hashes[position - 1])
        for position, state in enumerate(states, start=1)
    )
    ledger = replace(chained(entry(ONE), entry(of, Mark.STARTED)), progress=traces)
    return unverified(make_plan(workspace(ONE, of, THREE), STAGING, ledger), ledger)


def test_a_migration_is_unverified_once_all_its_statements_are_done() -> None:
    done, begun = ProgressState.DONE, ProgressState.BEGUN
    found = unverified_of(OUTSIDE, done, done)
    assert found is not None
    assert found.name == "002_two"
    assert unverified_of(OUTSIDE, done, begun) is None
    assert unverified_of(OUTSIDE, done) is None
    assert unverified_of(OUTSIDE) is None


def test_a_migration_is_not_unverified_without_verify_query_in_batches_or_if_its_file_was_edited() -> None:
    done = ProgressState.DONE
    assert unverified_of(replace(OUTSIDE, verify=None), done, done) is None
    assert unverified_of(OUTSIDE, done, done, text="VACUUM;\nANALYZE;\n") is None
    assert unverified_of(migration("002_two", sql=BATCHED, verify=VERIFY), done, text=BATCHED) is None


def test_a_step_that_no_run_began_is_not_unverified() -> None:
    ledger = chained(entry(ONE))
    assert unverified(make_plan(workspace(ONE, OUTSIDE), STAGING, ledger), ledger) is None


def loss(rows: int | None) -> CountedLoss:
    what = Destroyed(DestructionKind.TABLE, '"public"."t2"')
    return CountedLoss(Loss("002_two", what, Place("migrations/002_two.down.sql")), rows)


def rollback_plan() -> Plan:
    return make_auto_rollback(STAGING, chained(entry(ONE), entry(TWO), entry(THREE)), BEFORE, "it failed")


def test_a_rollback_is_safe_unless_the_plan_is_blocked_seed_files_ran_or_data_is_lost() -> None:
    plan = rollback_plan()
    assert list(why_not(plan, (), ())) == []
    assert list(why_not(plan, (loss(0),), ())) == []
    warned = replace(plan, problems=(Problem("a", "only a warning", blocks=False), Problem("b", "blocked")))
    assert list(why_not(warned, (), ())) == ["blocked"]
    for rows, words in ((1, "1 row"), (None, "could not be counted")):
        (why,) = why_not(plan, (loss(rows),), ())
        assert why.startswith("the rollback of 002_two drops table")
        assert words in why


@pytest.mark.parametrize(
    ("seeds", "named"),
    [(("a",), "a"), (("a", "b", "c"), "a, b, c"), (("a", "b", "c", "d"), "a, b, c and others")],
)
def test_at_most_three_seed_files_are_named(seeds: tuple[str, ...], named: str) -> None:
    (why,) = why_not(rollback_plan(), (), seeds)
    assert why == f"the run executed {named}, and seed files have no rollback"


def test_the_commands_name_the_environment_and_how_far_back() -> None:
    plan, ledger = rollback_plan(), chained(entry(ONE), entry(TWO), entry(THREE))
    assert rollback_command(plan) == "`ctgitops rollback --env staging --steps 2`"
    assert rollback_command(plan, dry=True) == "`ctgitops rollback --env staging --steps 2 --dry-run`"
    assert rollback_to_start_command("staging", ledger, BEFORE) == "`ctgitops rollback --env staging --to 1`"
    assert rollback_to_start_command("staging", ledger, Checkpoint(2, 0)).endswith("--to 2`")
    assert rollback_to_start_command("staging", ledger, Checkpoint(0, 0)).endswith("--to 0`")


def test_only_reversals_need_an_acceptance_before_they_are_applied_again() -> None:
    """What a failed run rolls back is no reversal: its entries have an error, and follow a failure."""
    plan, before = rollback_plan(), (entry(ONE), entry(TWO), entry(THREE))
    by_hand = chained(*before, entry(THREE, Mark.ROLLED_BACK), entry(TWO, Mark.ROLLED_BACK))
    again = '`ctgitops repair --again 002 003 --env staging --reason "…"`'
    assert reapply_advice(plan, by_hand) == (
        f"the next run applies 002 003 again only after {again}, or once its file has changed"
    )
    assert "--again 003 --env" in reapply_advice(plan, chained(*before, entry(THREE, Mark.ROLLED_BACK)))
    four = entry(migration("004_four"), Mark.FAILED, error="it failed")
    attempt = chained(*before, four, entry(THREE, Mark.ROLLED_BACK, error="why"))
    assert reapply_advice(plan, attempt) == ""


@pytest.mark.parametrize(
    ("rolled_back", "text"),
    [
        ((), "nothing was rolled back"),
        (("a",), "a was rolled back"),
        (("b", "a"), "b and a were rolled back"),
        (("c", "b", "a"), "c, b and a were rolled back"),
    ],
)
def test_what_was_rolled_back_as_a_sentence(rolled_back: tuple[str, ...], text: str) -> None:
    assert rolled_back_text(rolled_back) == text


def test_a_migration_with_number_0_is_rolled_back_like_any_other() -> None:
    zero = migration("000_zero")
    ledger = chained(entry(zero), entry(ONE))
    assert [each.name for each in applied_since(Checkpoint(0, 0), ledger)] == ["001_one", "000_zero"]
    assert rollback_to_start_command("staging", ledger, BEFORE).endswith("--to 0`")
    assert rollback_to_start_command("staging", chained(entry(ONE), entry(zero)), Checkpoint(2, 0)).endswith("--to 0`")
