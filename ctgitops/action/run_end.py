"""Explains why a run did not apply its plan, for the record of a pull request."""

from __future__ import annotations

from ..core.plan.remedy import caused_by_rows
from ..core.run.outcome import Outcome, Status
from ..core.view.pull_request_record import FINDING, ROWS, RunEnd, Stage
from ..errors import ApplyError, Cause, CtgitopsError, MustWaitError

_RAISED = "P0001"
"""The SQLSTATE of RAISE EXCEPTION."""


def end_of(outcome: Outcome | CtgitopsError, run_url: str = "") -> RunEnd | None:
    """Why a run did not apply its plan. None if the run applied or rolled back its plan, or had nothing to do."""
    if isinstance(outcome, CtgitopsError):
        if isinstance(outcome, MustWaitError):
            return RunEnd(Stage.WAITING, outcome.what, outcome.hint, ("lock",), run_url=run_url)
        gates: tuple[str, ...] = (ROWS,) if _by_rows(outcome) else ()
        return RunEnd(_failed(outcome), outcome.what, outcome.hint, gates, _path(outcome), run_url)
    if outcome.status is Status.BLOCKED:
        return _blocked(outcome, run_url)
    if outcome.status is Status.WAITING:
        gates = tuple(dict.fromkeys(reason.gate for reason in outcome.reasons))
        what = "; ".join(reason.what for reason in outcome.reasons[:2])
        hint = next((reason.hint for reason in outcome.reasons if reason.hint), "")
        return RunEnd(Stage.WAITING, what, hint, gates, run_url=run_url)
    differs = RunEnd(Stage.DIFFERS, "the schema differs from the prediction", run_url=run_url)
    return differs if outcome.mismatch else None


def _failed(error: CtgitopsError) -> Stage:
    if error.cause is Cause.ASKED_TO_STOP:
        return Stage.CANCELLED
    rolled_back = isinstance(error, ApplyError) and error.rolled_back and set(error.applied) <= set(error.rolled_back)
    return Stage.TAKEN_BACK if rolled_back else Stage.FAILED


def _by_rows(error: CtgitopsError) -> bool:
    """Whether a change of rows can remove the error. A pre-check in a migration fails with RAISE EXCEPTION."""
    return isinstance(error, ApplyError) and (caused_by_rows(error.sqlstate) or error.sqlstate == _RAISED)


def _path(error: CtgitopsError) -> str:
    return error.place.path if isinstance(error, ApplyError) and error.blames_file and error.place else ""


def _blocked(outcome: Outcome, run_url: str) -> RunEnd:
    first = next((problem for problem in outcome.objections if problem.blocks or problem.fails), None)
    if first is None:
        return RunEnd(Stage.BLOCKED, "its plan is blocked", run_url=run_url)
    path = first.place.path if first.place else ""
    if not first.blocks:
        return RunEnd(Stage.BLOCKED, first.what, gates=(FINDING,), path=path, run_url=run_url)
    return RunEnd(Stage.BLOCKED, first.what, first.hint, (first.code,), path, run_url)
