from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import time, timedelta

import pytest

from ctgitops.core.environment.environment import Environment, Trigger
from ctgitops.core.environment.window import Window
from ctgitops.core.forge.forge import WorkflowRun
from ctgitops.core.gate.gate import reasons_to_wait
from ctgitops.core.ledger.ledger import Ledger, Mark
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.run.continuation import (
    Continuation,
    ContinuationState,
    DeployCandidate,
    after_runs,
    continuation_of,
    failed_in,
    may_wait,
)
from tests.fakes import NOW, PRODUCTION, STAGING, chained, entry, migration, request, workspace

ONE, TWO, THREE = migration("001_one"), migration("002_two"), migration("003_three")
LIVE = replace(PRODUCTION, backup=None, bake=timedelta(hours=24))
READY, WAITING = ContinuationState.READY, ContinuationState.WAITING


def staging(*hours: int) -> Ledger:
    """Staging, where the migrations have been for that many hours."""
    return chained(*(entry(m, at=NOW - timedelta(hours=h)) for m, h in zip((ONE, TWO, THREE), hours, strict=False)))


def released(tag: str, count: int, there: Ledger, live: Ledger) -> DeployCandidate:
    work = workspace(*(ONE, TWO, THREE)[:count])
    plan = make_plan(work, LIVE, live)
    reasons = () if plan.blocked or plan.empty else reasons_to_wait(plan, request(work, LIVE), there)
    return DeployCandidate(tag, tag * 20, plan, reasons, failed_in(plan, live))


NOTHING = Ledger()


def chosen(there: Ledger, live: Ledger = NOTHING, *counts: int) -> Continuation:
    """Of releases v3, v2 and v1, with as many migrations, those in `counts`."""
    return continuation_of(LIVE, (released(f"v{n}", n, there, live) for n in counts or (3, 2, 1)))


def test_the_newest_release_whose_wait_has_ended_is_started() -> None:
    assert (chosen(staging(50, 40, 30)).state, chosen(staging(50, 40, 30)).ref) == (READY, "v3")


def test_a_release_that_still_waits_does_not_delay_an_older_one() -> None:
    found = chosen(staging(50, 40, 1))
    assert (found.state, found.ref) == (READY, "v2")


def test_while_all_wait_the_newest_is_named_with_its_end() -> None:
    found = chosen(staging(3, 2, 1))
    assert (found.state, found.ref) == (WAITING, "v3")
    assert found.wait
    assert found.wait.until == NOW + timedelta(hours=23)


def test_what_is_there_already_is_not_started_again_and_nothing_older_is_read() -> None:
    live = chained(entry(ONE), entry(TWO))
    read: list[str] = []

    def releases() -> Iterator[DeployCandidate]:
        for n in (2, 1):
            read.append(f"v{n}")
            yield released(f"v{n}", n, staging(50, 40), live)

    assert continuation_of(LIVE, releases()).state is ContinuationState.UP_TO_DATE
    assert read == ["v2"]
    assert chosen(staging(50, 40, 1), live).state is WAITING
    assert chosen(staging(50, 40, 30), live).ref == "v3"


def test_a_release_that_failed_is_left_to_a_person() -> None:
    live = chained(replace(entry(ONE), mark=Mark.FAILED, error="out of disk"))
    found = chosen(staging(50), live, 1)
    assert (found.state, found.why) == (ContinuationState.FAILED, "001_one failed")
    again = chained(*live.entries, replace(entry(ONE), mark=Mark.REPAIRED))
    assert failed_in(make_plan(workspace(ONE), LIVE, live), again) == ""


def test_a_blocked_plan_or_a_reason_that_needs_a_person_starts_nothing() -> None:
    blocked = DeployCandidate("v9", "a", make_plan(workspace(ONE, migration("003_gap")), LIVE, Ledger()))
    assert continuation_of(LIVE, [blocked]).state is ContinuationState.BLOCKED
    changed = chained(replace(entry(ONE), checksum="0" * 64))
    assert chosen(changed, NOTHING, 1).state is ContinuationState.BLOCKED


def run(sha: str = "v1" * 20, *, completed: bool = True, succeeded: bool = False, ours: bool = True) -> WorkflowRun:
    return WorkflowRun(7, sha, "https://github.example/runs/7", completed, succeeded, ours)


@pytest.mark.parametrize(
    ("runs", "state"),
    [
        ((), READY),
        ((run(completed=False, ours=False),), ContinuationState.RUNNING),
        ((run(succeeded=True),), READY),
        ((run(succeeded=False),), ContinuationState.FAILED),
        ((run(succeeded=True), run(succeeded=False)), READY),
        ((run(ours=False),), READY),
        ((run("another" * 5),), READY),
        ((run(succeeded=True), run(completed=False)), ContinuationState.RUNNING),
    ],
)
def test_one_run_at_a_time_and_none_after_a_failure_or_a_rejection(
    runs: tuple[WorkflowRun, ...], state: ContinuationState
) -> None:
    """The run of the release itself failed because it had to wait, so it does not count."""
    ready = chosen(staging(50), NOTHING, 1)
    assert after_runs(ready, runs).state is state
    waiting = chosen(staging(1), NOTHING, 1)
    assert after_runs(waiting, runs) == waiting


NIGHT = (Window(frozenset({"tue"}), time(2), time(5), "UTC"),)


@pytest.mark.parametrize(
    ("environment", "waits"),
    [
        (STAGING, False),
        (replace(STAGING, windows=NIGHT), True),
        (replace(STAGING, bake=timedelta(1), after="development"), True),
        (replace(STAGING, trigger=Trigger.SCHEDULE), True),
        (replace(STAGING, trigger=Trigger.MANUAL, windows=NIGHT), False),
        (PRODUCTION, True),
    ],
)
def test_environments_that_can_wait(environment: Environment, waits: bool) -> None:
    assert may_wait(environment) is waits
