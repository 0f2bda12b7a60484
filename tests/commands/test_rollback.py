from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ctgitops.commands.rollback import RollbackExtent, rollback, show_rollback
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.migration.selector import Selector
from ctgitops.core.plan.plan import Direction, Plan
from ctgitops.core.problem import Concern, Problem
from ctgitops.core.run.outcome import Outcome, Status
from ctgitops.core.view.verdict import PlanState, verdict_of
from ctgitops.errors import BackupError, Place, UsageError
from ctgitops.report.json import outcome_json
from ctgitops.report.markdown import outcome_markdown
from ctgitops.report.outcome_text import outcome_text
from tests.fakes import POINT, PRODUCTION, Diary, chained, entry, migration, receipt, request, workspace

ONE = migration("001_one", "1.0.0")
TWO = migration("002_two", "1.1.0")
LATE = migration("101_late", "1.2.0")
NO_WAY_BACK = migration("003_three", "1.2.0", down=None, Rollback="Not Available")


def test_the_order_of_effects() -> None:
    diary = Diary({"production": chained(entry(ONE), entry(LATE), entry(TWO))})
    back = rollback(
        request(workspace(), PRODUCTION), RollbackExtent(steps=2), databases=diary, backups=diary, tell=diary.tell
    )
    assert back.status is Status.ROLLED_BACK
    assert diary.lines == [
        "lock",
        "read ledger",
        "back up production",
        "recovery point",
        "undo 002",
        "undo 101",
        "unlock",
    ]
    assert diary.points == [POINT, POINT]
    assert back.recovery_point == POINT
    assert list(diary.ledgers["production"].applied) == [1]


def test_back_to_just_after_a_migration() -> None:
    diary = Diary({"production": chained(entry(ONE), entry(LATE), entry(TWO))})
    rollback(request(workspace(), PRODUCTION), RollbackExtent(to=101), databases=diary, backups=diary, tell=diary.tell)
    assert list(diary.ledgers["production"].applied) == [1, 101]


def test_no_way_back_is_told_before_anything_is_undone() -> None:
    diary = Diary({"production": chained(entry(ONE), entry(TWO), entry(NO_WAY_BACK))})
    back = rollback(
        request(workspace(), PRODUCTION), RollbackExtent(steps=2), databases=diary, backups=diary, tell=diary.tell
    )
    assert (back.status, back.exit_status) == (Status.BLOCKED, 4)
    assert "IRREVERSIBLE" in back.plan.problems[0].what
    assert diary.lines == ["lock", "read ledger", "unlock"]


def test_the_backup_that_leads_back_is_the_one_that_the_ledger_names() -> None:
    brought = replace(entry(NO_WAY_BACK), receipt=receipt().summary())
    diary = Diary({"production": chained(entry(ONE), brought)})
    back = rollback(
        request(workspace(), PRODUCTION), RollbackExtent(steps=1), databases=diary, backups=diary, tell=diary.tell
    )
    assert f"`{receipt().restore_with}`" in back.plan.problems[0].hint


def test_a_failed_backup_stops_before_any_step() -> None:
    diary = Diary({"production": chained(entry(ONE))}, backup_fails=True)
    with pytest.raises(BackupError):
        rollback(request(workspace(), PRODUCTION), RollbackExtent(), databases=diary, backups=diary, tell=diary.tell)
    assert diary.lines == ["lock", "read ledger", "back up production", "unlock"]


def test_an_empty_database_has_nothing_to_undo() -> None:
    diary = Diary()
    back = rollback(request(workspace(), PRODUCTION), RollbackExtent(), databases=diary, backups=diary, tell=diary.tell)
    assert back.status is Status.UP_TO_DATE
    assert diary.lines == ["lock", "read ledger", "unlock"]


@pytest.mark.parametrize("steps", [0, -1])
def test_no_steps_back_are_refused(steps: int) -> None:
    diary = Diary({"production": chained(entry(ONE), entry(TWO))})
    with pytest.raises(UsageError, match="is not a number of migrations to roll back"):
        rollback(
            request(workspace(), PRODUCTION),
            RollbackExtent(steps=steps),
            databases=diary,
            backups=diary,
            tell=diary.tell,
        )


def test_a_migration_that_is_not_applied_is_no_place_to_go() -> None:
    diary = Diary({"production": chained(entry(ONE))})
    with pytest.raises(UsageError, match="009 is not applied"):
        rollback(
            request(workspace(), PRODUCTION), RollbackExtent(to=9), databases=diary, backups=diary, tell=diary.tell
        )


def test_only_the_approved_plan_is_undone() -> None:
    diary = Diary({"production": chained(entry(ONE))})
    asked = request(workspace(), PRODUCTION, approved="f" * 64)
    back = rollback(asked, RollbackExtent(), databases=diary, backups=diary, tell=diary.tell)
    assert back.status is Status.WAITING
    assert diary.lines == ["lock", "read ledger", "unlock"]


def test_a_manifest_that_was_not_understood_whole_takes_no_backup_so_nothing_is_undone() -> None:
    """What is wrong with `backup` leaves it out, and a rollback without the backup that was asked for loses rows."""
    wrong = Problem("unknown-key", "unknown key `backups`", Place(PRODUCTION.path, 4))
    elsewhere = Problem("syntax-error", "not SQL", Place("migrations/003_three.sql", 1))
    work = replace(workspace(), read_problems=(wrong, elsewhere))
    diary = Diary({"production": chained(entry(ONE))})
    asked = request(work, replace(PRODUCTION, backup=None))
    back = rollback(asked, RollbackExtent(), databases=diary, backups=diary, tell=diary.tell)
    assert (back.status, back.exit_status) == (Status.BLOCKED, 3)
    assert back.plan.problems == (wrong,)
    assert diary.lines == ["lock", "read ledger", "unlock"]


def test_rollback_sql_that_somebody_changed_in_the_ledger_is_not_run() -> None:
    whole = chained(entry(ONE), entry(TWO))
    changed = replace(whole.entries[1], rollback_sql="DROP SCHEMA public CASCADE;")
    diary = Diary({"production": Ledger((whole.entries[0], changed))})
    back = rollback(request(workspace(), PRODUCTION), RollbackExtent(), databases=diary, backups=diary, tell=diary.tell)
    assert (back.status, back.exit_status) == (Status.BLOCKED, 4)
    assert back.plan.problems[0].code == "ledger-tampered"
    assert diary.lines == ["lock", "read ledger", "unlock"]


def test_back_to_just_after_a_migration_that_has_the_number_0() -> None:
    diary = Diary({"production": chained(entry(migration("000_zero")), entry(ONE))})
    rollback(request(workspace(), PRODUCTION), RollbackExtent(to=0), databases=diary, backups=diary, tell=diary.tell)
    assert list(diary.ledgers["production"].applied) == [0]


@pytest.mark.parametrize(("rows", "accepted"), [(3, ""), (None, ""), (3, "002_two")])
def test_data_that_nobody_accepted_to_lose_is_not_destroyed_and_no_backup_is_taken(
    rows: int | None, accepted: str
) -> None:
    diary = Diary({"production": chained(entry(ONE), entry(TWO))}, rows=rows)
    asked = request(workspace(), PRODUCTION, accepted_losses=frozenset(filter(None, [accepted])))
    back = rollback(asked, RollbackExtent(steps=2), databases=diary, backups=diary, tell=diary.tell)
    assert back.status is Status.WAITING
    waits = ["001_one"] if accepted else ["002_two", "001_one"]
    assert [reason.hint.split()[-1].rstrip("`") for reason in back.reasons] == waits
    assert diary.lines == ["lock", "read ledger", "unlock"]


@pytest.mark.parametrize("text", ["2", "02", "002", "002_two", "002_two.sql", "migrations/002_two.sql", "1.1.0"])
def test_a_loss_is_accepted_by_number_name_or_version(text: str) -> None:
    diary = Diary({"production": chained(entry(ONE), entry(TWO))}, rows=3)
    asked = request(workspace(), PRODUCTION, accepted_losses=frozenset({text}))
    back = rollback(asked, RollbackExtent(steps=1), databases=diary, backups=diary, tell=diary.tell)
    assert back.status is Status.ROLLED_BACK


@pytest.mark.parametrize("text", ["1", "18", "001_one", "1.0.0", "two", "*"])
def test_what_was_accepted_and_is_not_undone_is_an_error(text: str) -> None:
    diary = Diary({"production": chained(entry(ONE), entry(TWO))}, rows=3)
    asked = request(workspace(), PRODUCTION, accepted_losses=frozenset({text, "2"}))
    with pytest.raises(UsageError, match="does not match a migration of this rollback") as caught:
        rollback(asked, RollbackExtent(steps=1), databases=diary, backups=diary, tell=diary.tell)
    assert caught.value.hint == "the rollback includes: 002_two"
    assert list(diary.ledgers["production"].applied) == [1, 2]


def test_the_command_that_is_shown_carries_out_what_is_shown() -> None:
    diary = Diary({"production": chained(entry(ONE), entry(TWO))}, rows=3)
    shown = show_rollback(request(workspace(), PRODUCTION), RollbackExtent(to=0), databases=diary)
    assert shown.next_command == (
        f"ctgitops rollback --env production --to 0 --fingerprint {shown.plan.fingerprint[:12]}"
        " --accept-data-loss 002_two --accept-data-loss 001_one"
    )


def test_what_is_only_shown_takes_no_lock() -> None:
    diary = Diary({"production": chained(entry(ONE))}, rows=3)
    shown = show_rollback(request(workspace(), PRODUCTION), RollbackExtent(), databases=diary)
    assert (shown.status, shown.exit_status) == (Status.ONLY_SHOWN, 0)
    assert [loss.rows for loss in shown.losses] == [3]
    assert [reason.gate for reason in shown.reasons] == ["data-loss"]
    assert diary.lines == ["read production"]


def test_a_mark_of_another_tool_in_sql_of_the_ledger_only_warns() -> None:
    """An earlier ctgitops took it for a comment, and no file can be corrected any more."""
    marked = migration("003_three", "1.2.0", down="-- Revert shop:three from pg\nDROP TABLE t3;")
    diary = Diary({"production": chained(entry(ONE), entry(TWO), entry(marked))})
    back = rollback(request(workspace(), PRODUCTION), RollbackExtent(), databases=diary, backups=diary, tell=diary.tell)
    assert back.status is Status.ROLLED_BACK
    assert [(p.code, p.blocks) for p in back.plan.problems] == [("other-tool", False)]


def test_what_is_only_shown_has_the_verdict_of_a_plan() -> None:
    diary = Diary({"production": chained(entry(ONE), entry(TWO))}, rows=3)
    shown = show_rollback(request(workspace(), PRODUCTION), RollbackExtent(to=0), databases=diary)
    assert shown.preview is not None
    assert verdict_of(shown.preview).state is PlanState.UNKNOWN
    assert set(verdict_of(shown.preview).steps.values()) == {PlanState.UNKNOWN}
    text, page, document = outcome_text(shown), outcome_markdown(shown), json.loads(outcome_json(shown))
    assert (
        text.splitlines()[0]
        == "production: 2 migrations to roll back, DESTROYS DATA, 2 migrations NOT TRIED; dry run, nothing was changed"
    )
    assert f"next: review the unknown parts by hand, then `{shown.next_command}`" in text
    assert page.startswith("### ❓ production: 2 migrations to roll back, DESTROYS DATA, 2 migrations NOT TRIED")
    assert "❓ <code>002_two</code>" in page
    assert f"<b>Next</b>: review the unknown parts by hand, then <code>{shown.next_command}" in page
    assert (document["state"], document["exit_status"]) == ("unknown", 0)


def test_a_rollback_that_a_problem_blocks_ends_with_the_status_of_a_blocked_plan() -> None:
    problem = Problem("x", "y", concern=Concern.ADDRESS)
    blocked = Outcome(
        Plan("production", Direction.ROLLBACK, None, None, Selector(), problems=(problem,)), Status.BLOCKED
    )
    assert blocked.exit_status == blocked.plan.concern.exit_status == 2
