"""Alerts: a long wait is told once, an override and an interrupted run at once, and no receiver delays a run."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pytest

from ctgitops.core.activity.blocker import Blocker
from ctgitops.core.activity.interrupted_run import InterruptedRun
from ctgitops.core.environment.receiver import CHOSEN, Event, Receiver
from ctgitops.core.gate.override import OverriddenWait, UsedOverride
from ctgitops.core.gate.request import Origin
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import Direction, Step, make_plan
from ctgitops.core.run.outcome import Done, Outcome, Status
from ctgitops.core.run.progress import (
    BlockersAwaited,
    GatesOverridden,
    InterruptedRunFound,
    LoadWatched,
    LockAwaited,
    PlanStarted,
    StepFinished,
    StepWaited,
)
from ctgitops.notify import alerts
from ctgitops.notify.alerts import Alert, Alerts
from ctgitops.report.notification import LongWait, of_interrupted, of_long_wait, of_override
from ctgitops.sql.script import Script
from tests.fakes import STAGING, migration, workspace

PLAN = make_plan(workspace(migration("001_one", "1.0.0")), STAGING, Ledger())
STEP = Step(Direction.APPLY, 1, "001_one", None, "sha256:x", Script("SELECT 1;", "x.sql"))
PSQL = Blocker(12, "psql", "ana", 70.0, "idle in transaction", "select 1", "public.t", "AccessShareLock", granted=True)


class Told:
    """What was sent; `arrives` waits for it as long as a slow machine needs."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self._heard = threading.Condition()

    def __call__(self, alert: Alert) -> None:
        with self._heard:
            self.alerts.append(alert)
            self._heard.notify_all()

    def arrives(self, count: int) -> list[Alert]:
        with self._heard:
            assert self._heard.wait_for(lambda: len(self.alerts) >= count, 20)
        return self.alerts


def test_a_wait_for_a_lock_is_told_once_with_who_is_in_the_way() -> None:
    told = Told()
    with Alerts(told, long_wait_seconds=0.01) as run:
        run.hear(BlockersAwaited(STEP, (PSQL,)))
        (wait,) = told.arrives(1)
        assert wait == LongWait("001_one", (PSQL.text,))
        run.hear(StepWaited(STEP, 2, 0.4))
        run.hear(StepFinished(STEP, 3, 1, 1))
        run.hear(BlockersAwaited(STEP, (PSQL,)))
        run.hear(LockAwaited("run 17"))
        assert [each.subject for each in told.arrives(2) if isinstance(each, LongWait)] == ["001_one", "the run lock"]


def test_a_wait_that_ends_in_time_is_no_news() -> None:
    told = Told()
    with Alerts(told, long_wait_seconds=1) as run:
        begun = time.monotonic()
        run.hear(LockAwaited("run 17"))
        run.hear(PlanStarted(PLAN))
        run.hear(BlockersAwaited(STEP, (PSQL,)))
        assert time.monotonic() - begun < 1
        run.hear(StepFinished(STEP, 3, 1, 1))
    for timer in [each for each in threading.enumerate() if isinstance(each, threading.Timer)]:
        timer.join(20)
    assert told.alerts == []


def test_retries_of_one_step_are_one_wait() -> None:
    """Seen to fail: each lock timeout of a step started the clock again, so that a step with short waits never told."""
    told = Told()
    with Alerts(told, long_wait_seconds=0.3) as run:
        begun = time.monotonic()
        while not told.alerts and time.monotonic() - begun < 20:
            run.hear(BlockersAwaited(STEP, (PSQL,)))
            run.hear(StepWaited(STEP, 2, 0.4))
    assert len(told.alerts) == 1


def test_an_override_and_an_interrupted_run_are_told_at_once() -> None:
    told = Told()
    used = UsedOverride((OverriddenWait("window", "Tue 10:00 UTC is outside"),), "orders fail", "anna")
    interrupted = InterruptedRun(
        "a" * 64, datetime(2026, 11, 24, 9, tzinfo=UTC), datetime(2026, 11, 24, 9, 5, tzinfo=UTC)
    )
    with Alerts(told) as run:
        run.hear(GatesOverridden(PLAN, used))
        run.hear(InterruptedRunFound(interrupted))
        assert len(told.arrives(2)) == 2


def test_an_apply_that_measures_the_load_is_told_when_it_is_applied_and_not_at_the_end_of_the_measurement() -> None:
    told = Told()
    outcome = Outcome(PLAN, Status.APPLIED, (Done("001_one", 3),))
    with Alerts(told) as run:
        run.hear(LoadWatched(10.0))
        run.hear(LoadWatched(900.0, outcome))
        assert told.arrives(1) == [outcome]


def test_only_a_wait_for_a_session_suggests_to_terminate_it() -> None:
    for event, of_run in ((LockAwaited("backend 9; run by anna"), True), (BlockersAwaited(STEP, (PSQL,)), False)):
        wait = alerts.long_wait(event)
        assert wait
        text = of_long_wait(wait, 60, "production", Origin()).text()
        assert wait.of_run is of_run
        assert ("terminate them" in text) is not of_run
        assert "when the wait began: " in text


def test_a_receiver_that_hangs_delays_only_the_end_and_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "LONGEST_END_SECONDS", 0.05)
    hang = threading.Event()

    def send(_: Alert) -> None:
        hang.wait(30)

    begun = time.monotonic()
    with Alerts(send) as run:
        run.hear(InterruptedRunFound(InterruptedRun("a", datetime.now(UTC), datetime.now(UTC))))
        assert time.monotonic() - begun < 5
    assert time.monotonic() - begun < 10
    hang.set()


def test_every_receiver_gets_an_override_and_only_those_that_ask_the_rest() -> None:
    nothing_else = Receiver("HOOK", frozenset({Event.DRIFT}))
    assert [event for event in Event if nothing_else.wants(event)] == [Event.DRIFT, Event.OVERRIDE]
    assert set(CHOSEN) == set(Event) - {Event.OVERRIDE}


def test_each_alert_says_what_to_do() -> None:
    origin = Origin("anna", run_url="https://github.com/o/r/actions/runs/1")
    wait = of_long_wait(LongWait("001_one", (PSQL.text,)), 60, "production", origin)
    assert wait.title() == "production: WAITS for more than 60 s: 001_one"
    assert "backend 12, psql, user ana, holds AccessShareLock on public.t" in wait.text()
    assert "next: `ctgitops watch --env production`" in wait.text()
    used = UsedOverride((OverriddenWait("freeze", "a freeze is in force: sale"),), "orders fail", "anna")
    override = of_override(used, "production", origin)
    assert (override.event, override.title()) == (Event.OVERRIDE, "production: OVERRIDE of freeze by anna")
    assert "ignored: freeze: a freeze is in force: sale" in override.text()
    at = datetime(2026, 11, 24, 9, tzinfo=UTC)
    ended = of_interrupted(
        InterruptedRun("a" * 64, at, at, "ben", "https://x.example/1", "007_x"), "production", origin
    )
    assert "the run of ben, which began on 2026-11-24 09:00 UTC, ended without a result at 007_x" in ended.title()
    assert "run: https://x.example/1" in ended.text()
