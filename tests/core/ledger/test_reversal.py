"""What was rolled back stays out until a person accepts it, and an approval from before it passes no more."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.gate.gate import reasons_to_wait
from ctgitops.core.ledger.ledger import Entry, Ledger, Mark
from ctgitops.core.ledger.open_prediction import NAME as PREDICTION
from ctgitops.core.ledger.reversal import changes_in
from ctgitops.core.plan.plan import Plan, make_plan
from ctgitops.core.view.pull_request_record import MigrationRef, Stage, record_of
from ctgitops.core.view.status import State, status_of
from ctgitops.sql.script import Script
from tests.fakes import (
    NOW,
    PRODUCTION,
    STAGING,
    added,
    chained,
    entry,
    migration,
    receipt,
    request,
    seed_entry,
    workspace,
)

ONE, TWO, THREE = migration("001_one"), migration("002_two"), migration("003_three")
BACK = entry(TWO, Mark.ROLLED_BACK)
TAKEN_BACK = entry(TWO, Mark.ROLLED_BACK, error="rolled back automatically: 003_three failed")
UNDONE_BY_HAND = replace(entry(TWO, Mark.REPAIRED), checksum=None)
AGAIN = replace(UNDONE_BY_HAND, error="to be applied again: the cause is corrected")


def plan_of(*entries: Entry) -> Plan:
    return make_plan(workspace(ONE, TWO), STAGING, chained(entry(ONE), *entries))


def stage_in(ledger: Ledger) -> Stage:
    return record_of([MigrationRef(2, "002_two")], (STAGING,), {"staging": ledger}).rows[0].cells[0].stage


def held(*entries: Entry) -> bool:
    return any(problem.code == "rolled-back" and problem.blocks for problem in plan_of(*entries).problems)


@pytest.mark.parametrize(
    ("entries", "wanted"),
    [
        ((entry(TWO), BACK), True),
        ((entry(TWO, Mark.BASELINED), BACK), True),
        ((entry(TWO), UNDONE_BY_HAND), True),
        ((entry(TWO), BACK, AGAIN), False),
        ((entry(TWO), BACK, AGAIN, entry(TWO), BACK), True),
        ((entry(TWO), BACK, AGAIN, entry(TWO, Mark.FAILED)), False),
        ((entry(TWO), BACK, entry(TWO, Mark.FAILED)), True),
        ((replace(entry(TWO), checksum="sha256:other"), BACK), False),
        ((replace(entry(TWO), checksum=None), BACK), True),
        ((entry(TWO, Mark.STARTED), UNDONE_BY_HAND), False),
        ((entry(TWO), entry(THREE, Mark.FAILED), TAKEN_BACK), False),
        ((entry(TWO, Mark.FAILED), entry(TWO, Mark.REPAIRED), TAKEN_BACK), False),
        ((entry(TWO), entry(THREE), entry(THREE, Mark.ROLLED_BACK, error="not well"), TAKEN_BACK), True),
        ((entry(TWO), Entry(Mark.FAILED, PREDICTION), TAKEN_BACK), True),
    ],
)
def test_what_is_held_back_and_what_is_not(entries: tuple[Entry, ...], wanted: bool) -> None:
    """Seen to fail without the problem, and with every automatic rollback taken for a failed attempt."""
    assert held(*entries) is wanted


def test_it_says_when_by_whom_why_and_which_backup_has_the_rows() -> None:
    receipt = json.dumps({"id": "20261124T093012Z", "restore_with": "ctgitops restore b/receipt.json --into URL"})
    back = replace(BACK, finished_at=NOW, run_url="https://ci.example/9", receipt=receipt, error="it lost rows")
    (problem,) = plan_of(entry(TWO), back).problems[:1]
    assert problem.code == "rolled-back"
    assert (
        problem.what == "002_two was rolled back on 2026-11-24 09:30:00 UTC by anna, and its file has not changed since"
    )
    assert problem.detail.splitlines() == [
        "reason: it lost rows",
        "run: https://ci.example/9",
        "backup from before the rollback: 20261124T093012Z, `ctgitops restore b/receipt.json --into URL`",
    ]
    assert "`ctgitops repair --again 002 --env staging --reason" in problem.hint


def test_a_file_that_was_renumbered_is_held_back_by_its_text() -> None:
    """Seen to fail: `new --renumber` gave it another number, and nothing knew that it had been rolled back."""
    moved, other = migration("003_two", sql=TWO.up.sql), migration("002_other", sql="select 'other';\n")
    ledger = chained(entry(ONE), entry(TWO), BACK)
    for work in (workspace(ONE, moved), workspace(ONE, other, moved)):
        (problem,) = [p for p in make_plan(work, STAGING, ledger).problems if p.code == "rolled-back"]
        assert problem.what.startswith("003_two, formerly 002_two, was rolled back on ")
        assert "`ctgitops repair --again 002 --env staging" in problem.hint
        accepted = make_plan(work, STAGING, added(ledger, AGAIN))
        assert not [p for p in accepted.problems if p.code == "rolled-back"]


def test_another_migration_with_the_same_text_is_not_held_back() -> None:
    twin = migration("003_again", sql=TWO.up.sql)
    found = make_plan(workspace(ONE, TWO, twin), STAGING, chained(entry(ONE), entry(TWO), BACK)).problems
    assert [p.place.path for p in found if p.code == "rolled-back" and p.place] == ["migrations/002_two.sql"]


def test_a_failed_attempt_that_was_taken_back_leaves_the_approval_valid() -> None:
    before = plan_of().fingerprint
    assert plan_of(entry(TWO), entry(THREE, Mark.FAILED), TAKEN_BACK).fingerprint == before
    assert plan_of(entry(TWO), TAKEN_BACK).fingerprint != before


@given(st.lists(st.sampled_from([2, 3]), min_size=1, max_size=6))
def test_no_approval_survives_a_rollback(toggled: list[int]) -> None:
    """Whatever is applied and rolled back, a plan that looks the same as one before has another fingerprint."""
    ledger, seen = chained(entry(ONE)), set()
    work = workspace(ONE, TWO, THREE)
    for number in toggled:
        seen.add(make_plan(work, STAGING, ledger).fingerprint)
        of = {2: TWO, 3: THREE}[number]
        ledger = added(ledger, entry(of, Mark.ROLLED_BACK if number in ledger.applied else Mark.APPLIED))
        assert make_plan(work, STAGING, ledger).fingerprint not in seen


def test_seed_files_change_what_is_applied_too() -> None:
    assert plan_of(seed_entry("seeds/staging/a.sql", "sha256:1")).fingerprint != plan_of().fingerprint


def test_status_and_record_show_it_also_where_it_was_undone_by_hand() -> None:
    ledger = chained(entry(ONE), entry(TWO), UNDONE_BY_HAND)
    assert status_of(workspace(ONE, TWO), STAGING, ledger).rows[1].state is State.ROLLED_BACK
    assert status_of(workspace(ONE, TWO), STAGING, added(ledger, AGAIN)).rows[1].state is State.PENDING
    assert stage_in(ledger) is Stage.ROLLED_BACK
    assert stage_in(added(ledger, AGAIN)) is Stage.WAITING


def test_what_was_rolled_back_in_one_environment_does_not_reach_the_next() -> None:
    staging = chained(entry(ONE), entry(TWO), BACK)
    plan = make_plan(workspace(ONE, TWO), PRODUCTION, chained(entry(ONE)))
    asked = request(workspace(ONE, TWO), PRODUCTION)
    (reason,) = reasons_to_wait(plan, asked, staging)
    assert (reason.gate, reason.expected) == ("after", False)
    assert reason.what == "002_two was rolled back on 2026-11-21 09:30:00 UTC by anna in staging"
    assert "`ctgitops repair --again 002 --env staging" in reason.hint


def test_an_empty_ledger_has_no_history() -> None:
    assert changes_in(Ledger()).last is None


def test_the_next_plan_says_what_was_rolled_back_also_if_that_blocks_nothing() -> None:
    backed = replace(entry(TWO, Mark.ROLLED_BACK), receipt=receipt().summary())
    changed = replace(
        TWO, checksum="sha256:corrected", up=Script(f"{TWO.up.sql}CREATE TABLE corrected ();", TWO.up.path)
    )
    for files in ((ONE, changed), (ONE,)):
        plan = make_plan(workspace(*files), STAGING, chained(entry(ONE), entry(TWO), backed))
        (problem,) = [p for p in plan.problems if p.code == "was-rolled-back"]
        assert not plan.blocked
        assert problem.what.startswith("002_two was rolled back on ")
        assert receipt().id in problem.detail
    later = chained(entry(ONE), entry(TWO), backed, entry(THREE))
    plan = make_plan(workspace(ONE, THREE), STAGING, later)
    assert "was-rolled-back" not in {p.code for p in plan.problems}, "an older rollback of a removed file is no news"
