"""The exit status of a run that did not fail, and what speaks against it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.problem import Concern, Problem
from ctgitops.core.run.outcome import Outcome, Status
from ctgitops.core.schema.prediction import PredictionMismatch
from tests.fakes import STAGING, migration, workspace

BLOCKS, WARNS = Problem("a", "blocks"), Problem("b", "warns", blocks=False)
ERROR = Problem("c", "lint", blocks=False, fails=True, concern=Concern.LINT)
PLAN = replace(make_plan(workspace(migration("001_one")), STAGING, Ledger()), problems=(BLOCKS, ERROR, WARNS))
DONE = (Status.UP_TO_DATE, Status.APPLIED, Status.ROLLED_BACK, Status.ONLY_SHOWN)


@pytest.mark.parametrize("status", Status)
def test_the_exit_status_of_each_status(status: Status) -> None:
    statuses = {Status.WAITING: 5, Status.BLOCKED: 3}
    assert Outcome(PLAN, status).exit_status == statuses.get(status, 0)
    differs = Outcome(PLAN, status, mismatch=PredictionMismatch(()))
    assert differs.exit_status == statuses.get(status, 1)


@pytest.mark.parametrize(
    ("concerns", "status"),
    [
        ((Concern.WORKSPACE,), 3),
        ((Concern.LINT,), 3),
        ((Concern.WORKSPACE, Concern.LEDGER), 4),
        ((Concern.LEDGER,), 4),
        ((Concern.LEDGER, Concern.ADDRESS), 2),
    ],
)
def test_a_blocked_run_ends_with_the_status_of_its_concern(concerns: tuple[Concern, ...], status: int) -> None:
    blocking = tuple(replace(BLOCKS, concern=concern) for concern in concerns)
    warning = replace(WARNS, concern=Concern.LEDGER)
    plan = replace(PLAN, problems=(*blocking, warning))
    assert Outcome(plan, Status.BLOCKED).exit_status == status


def test_a_blocked_run_repeats_all_problems_and_one_that_ran_its_error_findings() -> None:
    assert Outcome(PLAN, Status.BLOCKED).objections == (BLOCKS, ERROR, WARNS)
    assert Outcome(PLAN, Status.UP_TO_DATE).objections == ()
    for status in set(Status) - {Status.BLOCKED, Status.UP_TO_DATE}:
        assert Outcome(PLAN, status).objections == (ERROR,)
