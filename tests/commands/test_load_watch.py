"""The load is measured around an apply, without the run lock at the end, and never changes the run's result."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ctgitops.commands.apply import apply
from ctgitops.core.environment.environment import Environment
from ctgitops.core.environment.performance_policy import OnRegression
from ctgitops.core.performance.record import Moment
from ctgitops.core.performance.report import LoadReport, LoadState
from ctgitops.core.run.outcome import Outcome, Status
from ctgitops.core.run.progress import LoadUnmeasured, LoadWatched
from ctgitops.errors import LedgerError
from tests.core.performance.samples import AT, POLICY, moments, sample
from tests.fakes import STAGING, Diary, migration, request, workspace

MEASURED = replace(STAGING, performance=POLICY)
LOST = LedgerError("the statistics of staging could not be read: canceling statement", state="nothing was changed")


def applied(diary: Diary, environment: Environment = MEASURED) -> Outcome:
    work = workspace(migration("001_one"), migration("002_two"))
    return apply(request(work, environment), databases=diary, backups=diary, tell=diary.tell)


def quiet() -> Diary:
    return Diary(samples=[sample(at) for at in AT])


def harmed() -> Diary:
    slow = moments()
    return Diary(samples=[slow.first, slow.before, slow.after, replace(slow.end, lag=60.0)])


def report(outcome: Outcome) -> LoadReport:
    assert outcome.load is not None
    return outcome.load


def test_it_waits_without_the_run_lock() -> None:
    diary = quiet()
    outcome = applied(diary)
    assert outcome.status is Status.APPLIED
    assert diary.lines == [
        "lock",
        "read ledger",
        "snapshot staging",
        "sample",
        "recovery point",
        "wait until 09:29:10",
        "sample with plans",
        "store the load before",
        "apply 001",
        "apply 002",
        "sample",
        "store the load after",
        "unlock",
        "read staging",
        "wait until 09:30:12",
        "sample with plans",
        "read staging",
        "store the load end",
    ]
    assert [(load.moment, load.report is not None) for load in diary.loads] == [
        (Moment.BEFORE, False),
        (Moment.AFTER, False),
        (Moment.END, True),
    ]
    assert report(outcome).migrations == ("001_one", "002_two")


def test_without_the_key_nothing_is_measured() -> None:
    diary = Diary()
    assert applied(diary, STAGING).load is None
    assert not any("sample" in line for line in diary.lines)


@pytest.mark.parametrize("which", range(4))
def test_a_lost_sample_is_a_warning_and_the_result_stays(which: int) -> None:
    diary = quiet()
    diary.samples[which] = LOST
    outcome = applied(diary)
    assert (outcome.status, outcome.exit_status) == (Status.APPLIED, 0)
    assert [done.name for done in outcome.done] == ["001_one", "002_two"]
    assert report(outcome).state is LoadState.UNKNOWN
    assert LOST.what in report(outcome).blind[0].why
    assert LoadUnmeasured(LOST.what) in diary.told


def test_a_report_that_cannot_be_stored_is_still_shown() -> None:
    diary = harmed()
    diary.not_recorded = LOST
    outcome = applied(diary)
    assert outcome.exit_status == 0
    assert report(outcome).state is LoadState.REGRESSION


def test_asked_to_stop_while_it_waits_all_stays_applied() -> None:
    diary = quiet()
    diary.samples[3] = KeyboardInterrupt()
    outcome = applied(diary)
    assert (outcome.status, outcome.exit_status) == (Status.APPLIED, 0)
    assert report(outcome).state is LoadState.UNKNOWN
    assert "asked to stop before the end of `within`" in report(outcome).blind[0].why
    assert diary.lines[-4] == "unlock"


def test_the_outcome_is_announced_before_the_wait_because_the_run_can_be_killed_there() -> None:
    diary = quiet()
    diary.samples[3] = KeyboardInterrupt()
    outcome = applied(diary)
    (said,) = [told.outcome for told in diary.told if isinstance(told, LoadWatched) and told.outcome]
    assert said == replace(outcome, load=None, announced=False)
    assert outcome.announced
    assert diary.lines.index("unlock") < diary.lines.index("wait until 09:30:12")


def test_without_a_wait_nothing_is_announced() -> None:
    diary = quiet()
    diary.samples[0] = LOST
    outcome = applied(diary)
    assert not outcome.announced
    assert not any(isinstance(told, LoadWatched) and told.applied for told in diary.told)


def test_a_regression_is_no_failure_and_proposes_nothing_by_default() -> None:
    outcome = applied(harmed())
    assert (outcome.status, outcome.exit_status) == (Status.APPLIED, 0)
    assert [finding.kind for finding in report(outcome).regressions] == ["replica-lag"]
    assert report(outcome).proposed == ()


def test_it_proposes_a_rollback_with_its_dry_run_and_starts_none() -> None:
    diary = harmed()
    policy = replace(POLICY, on_regression=OnRegression.PROPOSE, before=timedelta())
    outcome = applied(diary, replace(MEASURED, performance=policy))
    assert report(outcome).proposed == (
        "ctgitops rollback --env staging --steps 2 --dry-run",
        "ctgitops rollback --env staging --steps 2",
    )
    assert report(outcome).dry_run == "2 migrations to roll back, 2 migrations NOT TRIED; dry run, nothing was changed"
    assert not any(line.startswith("undo") for line in diary.lines)
    assert "wait until 09:29:00" not in diary.lines
    again = quiet()
    assert report(applied(again, replace(MEASURED, performance=policy))).proposed == ()


def test_another_run_in_between_makes_the_load_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.fakes import DiaryStatistics, added, entry

    diary = quiet()

    def other(statistics: DiaryStatistics, moment: object, /) -> None:  # noqa: ARG001
        if "unlock" in diary.lines:
            diary.ledgers["staging"] = added(diary.ledgers["staging"], entry(migration("003_three")))

    monkeypatch.setattr(DiaryStatistics, "wait_until", other)
    found = report(applied(diary))
    assert found.state is LoadState.UNKNOWN
    assert found.blind[-1].why == "another run changed the database while this run measured"
