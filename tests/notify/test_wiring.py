"""What a run sends during its work and at its end, through the wiring: each result once, with its pull request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.environment.receiver import Event, Receiver
from ctgitops.core.gate.gate import Reason
from ctgitops.core.gate.override import OverriddenWait, UsedOverride
from ctgitops.core.gate.request import Origin
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.problem import Problem
from ctgitops.core.run.outcome import Done, Outcome, Status
from ctgitops.core.run.progress import GatesOverridden, LoadWatched
from ctgitops.core.schema.prediction import PredictionMismatch
from ctgitops.errors import Place
from ctgitops.notify import delivery
from ctgitops.report.notification import Notification, of_load, of_outcome
from ctgitops.wiring.notifications import Notifications
from tests.fakes import STAGING, migration, workspace
from tests.report.test_load import SLOW

WATCHED = replace(STAGING, notify=(Receiver("HOOK", frozenset(Event)),))
PLAN = make_plan(workspace(migration("001_one")), WATCHED, Ledger())
APPLIED = Outcome(PLAN, Status.APPLIED, (Done("001_one", 3),))
NOTIFICATIONS = Notifications(workspace(), Origin("anna", repository_url="https://github.com/o/r"), {"HOOK": "x"})


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Notification]:
    kept: list[Notification] = []

    def deliver(notification: Notification, *_: object) -> tuple[()]:
        kept.append(notification)
        return ()

    monkeypatch.setattr(delivery, "deliver", deliver)
    return kept


def test_a_result_that_was_announced_is_not_sent_again_but_its_regression_is(sent: list[Notification]) -> None:
    with NOTIFICATIONS.alerting(WATCHED, pytest.fail) as tell:
        tell(LoadWatched(900.0, APPLIED))
    NOTIFICATIONS.result(WATCHED, replace(APPLIED, load=SLOW, announced=True))
    assert [each.event for each in sent] == [Event.APPLIED, Event.REGRESSION]


def test_a_notification_during_a_run_links_the_pull_request_as_the_one_at_its_end_does(
    sent: list[Notification],
) -> None:
    used = UsedOverride((OverriddenWait("window", "closed"),), "orders fail", "anna")
    with NOTIFICATIONS.alerting(WATCHED, pytest.fail, 12) as tell:
        tell(GatesOverridden(PLAN, used))
    NOTIFICATIONS.result(WATCHED, APPLIED, 12)
    assert [each.origin.pull_request for each in sent] == [12, 12]
    assert "pull request: https://github.com/o/r/pull/12" in sent[0].text()


def test_a_schema_that_differs_from_its_prediction_is_told_with_the_state_and_the_next_command() -> None:
    told = of_outcome(replace(APPLIED, mismatch=PredictionMismatch(())), Origin())
    assert told
    assert told.event is Event.FAILED
    assert "database: the migrations are applied and recorded in the ledger" in told.text()
    assert "next: `ctgitops drift --env staging` shows the differences" in told.text()


def test_the_state_of_the_database_survives_the_cut_of_a_long_notification_about_a_regression() -> None:
    assert SLOW.findings
    many = replace(SLOW, findings=SLOW.findings[:1] * 30)
    told = of_load(replace(APPLIED, load=many), Origin())
    assert told
    assert "more" in told.text()
    assert "database: all migrations are applied" in told.text()


def test_the_state_of_the_database_survives_the_cut_of_a_long_notification_about_a_prediction() -> None:
    many = replace(APPLIED, mismatch=PredictionMismatch(()), done=(Done("001_a_long_name", 1),) * 30)
    told = of_outcome(many, Origin())
    assert told
    assert "more" in told.text()
    assert "database: the migrations are applied and recorded in the ledger" in told.text()


def test_a_refused_plan_is_told_with_the_place_of_each_problem() -> None:
    problem = Problem("value", "`bake: x` is not valid", Place("environments/staging.yaml", 7, 3), "write a duration")
    blocked = replace(APPLIED, status=Status.BLOCKED, plan=replace(APPLIED.plan, problems=(problem,)))
    told = of_outcome(blocked, Origin())
    assert told
    assert told.facts[0] == "value: `bake: x` is not valid (at environments/staging.yaml:7:3)"


def test_a_run_that_waits_is_told_with_the_migrations_that_wait() -> None:
    reason = Reason("window", "it is outside this environment's windows", "wait")
    told = of_outcome(replace(APPLIED, status=Status.WAITING, done=(), reasons=(reason,)), Origin())
    assert told
    assert told.facts == (reason.what, *(f"waits: {step.name}" for step in APPLIED.plan.steps))
