"""A step that failed: what was said, where in its file, and what a person can do."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.plan import Step
from .exchange import Failure, Interrupted
from .message import Spot

LOCK_NOT_AVAILABLE = "55P03"
IN_TRANSACTION = {"25001", "2D000"}
"""Refused inside a transaction: a statement, or a COMMIT in a procedure or a DO block."""
NOT_GRANTED = "42501"
CONNECTION_ENDED = ("08", "57P")
ASKED_TO_STOP = "the run was asked to stop (SIGINT or SIGTERM)"


@dataclass(frozen=True)
class StepFailed(Exception):  # noqa: N818 - it carries a failure to where the whole is known
    """What the server said while a step was carried out."""

    failure: Failure
    spot: Spot
    lost: bool
    """The connection is gone, so only the ledger knows what was committed."""


def stopped(interrupted: Interrupted) -> StepFailed:
    """The failure of a step that a person or a machine asked to stop."""
    return StepFailed(Failure(ASKED_TO_STOP), Spot(), interrupted.answer.lost)


def hint_for(step: Step, environment: str, failure: Failure) -> str:
    """The next thing to do."""
    if failure.sqlstate == LOCK_NOT_AVAILABLE:
        return "somebody holds a lock on that table: see pg_stat_activity, then run the same again"
    if failure.sqlstate in IN_TRANSACTION:
        return "write a line `-- ctgitops: no transaction` into the file, and nothing else into it"
    if failure.sqlstate == NOT_GRANTED:
        return "grant what it needs to the role of this environment's URL, then run the same again"
    if not step.transactional:
        repair = f"ctgitops repair {step.number:03} --env {environment}"
        return f"look at what is there, then `{repair} --not-applied --reason …` and run it again"
    if failure.message == ASKED_TO_STOP or failure.sqlstate.startswith(CONNECTION_ENDED):
        return "run the same again: it goes on from there"
    return "correct the file, then run the same again"


def names(done: list[str]) -> str:
    """What was done before, shortened where it is long."""
    return ", ".join(done) if len(done) <= 3 else f"{done[0]} to {done[-1]}, {len(done)} in all,"
