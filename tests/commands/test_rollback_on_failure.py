"""After a failed apply, exactly the migrations of this run are rolled back, newest first, or the error says why not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.commands.apply import apply
from ctgitops.commands.rollback import RollbackExtent, rollback
from ctgitops.core.environment.apply_policy import ApplyPolicy, OnFailure, TransactionScope
from ctgitops.core.environment.environment import Environment
from ctgitops.core.environment.policy import Band, Numbering, Policy
from ctgitops.core.ledger.ledger import Mark
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.run.outcome import Status
from ctgitops.core.run.progress import RollbackStarted
from ctgitops.errors import ApplyError
from tests.fakes import STAGING, Diary, added, chained, entry, migration, request, seed, workspace

BACK = replace(STAGING, apply_policy=ApplyPolicy(on_failure=OnFailure.ROLLBACK))
ONE, TWO, THREE, FOUR = (migration(name) for name in ("001_one", "002_two", "003_three", "004_four"))
ANY_ORDER = Policy(numbering=Numbering.INCREASING, bands=tuple(Band(f"b{n}", n, n) for n in range(1, 41)))


def fails(diary: Diary, *migrations: object, environment: Environment = BACK, **more: object) -> ApplyError:
    work = replace(workspace(*migrations, policy=ANY_ORDER), **more)  # type: ignore[arg-type]
    with pytest.raises(ApplyError) as caught:
        apply(request(work, environment), databases=diary, backups=diary, tell=diary.tell)
    return caught.value


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8, unique=True), st.data())
def test_what_is_taken_back_is_what_this_run_applied_in_reverse_order(which: list[int], data: st.DataObject) -> None:
    """Seen to fail with what earlier runs applied taken along, and with the oldest taken back first."""
    made = [migration(f"{number:03}_m") for number in sorted(which)]
    had = data.draw(st.lists(st.sampled_from(made), unique_by=lambda m: m.number))
    pending = [m for m in made if m not in had]
    if not pending:
        return
    failing = data.draw(st.sampled_from(pending))
    together = data.draw(st.sampled_from(TransactionScope))
    environment = replace(BACK, apply_policy=replace(BACK.apply_policy, transaction=together))
    diary = Diary({"staging": chained(*(entry(m) for m in had))}, step_fails=failing.name)
    before = diary.ledgers["staging"].applied
    error = fails(diary, *made, environment=environment)
    one_by_one = together is TransactionScope.EACH or len(pending) == 1
    applied = tuple(m.name for m in pending[: pending.index(failing)]) if one_by_one else ()
    assert error.rolled_back == applied[::-1]
    assert [line for line in diary.lines if line.startswith("undo")] == [f"undo {name[:3]}" for name in applied[::-1]]
    after = diary.ledgers["staging"]
    assert {n: e.checksum for n, e in after.applied.items()} == {n: e.checksum for n, e in before.items()}
    assert len(after.entries) == len(had) + 2 * len(applied) + 1
    assert error.exit_status == 6


def test_it_says_what_was_taken_back_and_tells_it_while_it_happens() -> None:
    diary = Diary({"staging": chained(entry(ONE))}, step_fails="004_four")
    error = fails(diary, ONE, TWO, THREE, FOUR)
    assert (
        error.state
        == "004_four left no trace; 003_three and 002_two were rolled back, so nothing of this run is applied"
    )
    (told,) = (told for told in diary.told if isinstance(told, RollbackStarted))
    assert told.plan.why == "rolled back automatically: 004_four failed"


def test_without_the_key_all_stays() -> None:
    diary = Diary(step_fails="003_three")
    error = fails(diary, ONE, TWO, THREE, environment=STAGING)
    assert error.rolled_back == ()
    assert error.state == "003_three left no trace"
    assert list(diary.ledgers["staging"].applied) == [1, 2]


@pytest.mark.parametrize("others", [3, None], ids=["rows of others", "nobody could count"])
def test_rows_that_others_wrote_are_not_destroyed(others: int | None) -> None:
    diary = Diary(step_fails="003_three", others=others)
    error = fails(diary, ONE, TWO, THREE)
    assert error.rolled_back == ()
    assert "; nothing of this run was rolled back: the rollback of 002_two drops table" in error.state
    assert error.state.endswith(", and 1 more")
    assert error.hint.startswith("`ctgitops rollback --env staging --steps 2 --dry-run` shows what a rollback would do")
    assert list(diary.ledgers["staging"].applied) == [1, 2]


def test_one_without_a_way_back_keeps_all_of_them() -> None:
    diary = Diary(step_fails="003_three")
    error = fails(diary, migration("001_one", down=None), TWO, THREE)
    assert "nothing of this run was rolled back: 001_one is IRREVERSIBLE" in error.state
    assert list(diary.ledgers["staging"].applied) == [1, 2]


def test_a_rollback_that_fails_stops_there_and_says_what_is_applied_still() -> None:
    diary = Diary(step_fails="004_four", undo_fails="002_two")
    error = fails(diary, ONE, TWO, THREE, FOUR)
    assert error.rolled_back == ("003_three",)
    assert (
        error.state == "004_four left no trace; 003_three was rolled back, then the rollback failed: 002_two failed "
        "(002_two left no trace); still applied: 002_two, 001_one"
    )
    assert list(diary.ledgers["staging"].applied) == [1, 2]


def test_seed_files_have_no_way_back() -> None:
    seeds = {"staging": (seed("a.sql"), seed("b.sql"))}
    error = fails(Diary(seed_fails="b.sql"), ONE, seeds=seeds)
    assert "nothing of this run was rolled back: the run executed a.sql, and seed files have no rollback" in error.state
    assert fails(Diary(seed_fails="a.sql"), ONE, seeds=seeds).rolled_back == ("001_one",)


def test_who_was_asked_to_stop_takes_nothing_back() -> None:
    diary = Diary({"staging": chained(entry(ONE))}, step_fails="003_three", failed_mark=Mark.INTERRUPTED)
    error = fails(diary, ONE, TWO, THREE)
    assert error.rolled_back == ()
    assert list(diary.ledgers["staging"].applied) == [1, 2]


def test_an_old_failure_on_record_is_not_this_runs() -> None:
    ledger = added(chained(entry(ONE)), entry(TWO, Mark.FAILED))
    diary = Diary({"staging": ledger}, step_fails="002_two", failed_mark=None)
    assert fails(diary, ONE, TWO).rolled_back == ()


def test_the_help_after_a_rollback_that_stopped_leads_to_where_the_run_began() -> None:
    """Seen to fail with `--steps`, which counts again once something is undone by hand."""
    diary = Diary({"staging": chained(entry(ONE))}, step_fails="004_four", undo_fails="002_two")
    error = fails(diary, ONE, TWO, THREE, FOUR)
    assert error.hint == "correct the file; `ctgitops rollback --env staging --to 1` rolls back what is still applied"
    diary.undo_fails = ""
    work = request(workspace(ONE, TWO, THREE, FOUR), BACK)
    for _ in range(2):
        rollback(work, RollbackExtent(to=1), databases=diary, backups=diary, tell=diary.tell)
        assert list(diary.ledgers["staging"].applied) == [1]


def test_after_a_failed_attempt_that_was_taken_back_the_same_plan_is_tried_again() -> None:
    diary = Diary({"staging": chained(entry(ONE))}, step_fails="004_four")
    work = workspace(ONE, TWO, THREE, FOUR)
    approved = make_plan(work, BACK, diary.ledgers["staging"]).fingerprint
    assert "ctgitops" not in fails(diary, ONE, TWO, THREE, FOUR).hint
    diary.step_fails = ""
    done = apply(request(work, BACK, approved=approved), databases=diary, backups=diary, tell=diary.tell)
    assert done.status is Status.APPLIED
