"""Predicts, with a trial, the schema after a plan. Records the prediction, and compares it with the real schema."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.ledger.open_prediction import ended, made, open_predictions
from ...core.plan.plan import Plan, worst_first
from ...core.plan.replay import with_versions_of
from ...core.schema.compare import Changes, compare
from ...core.schema.prediction import Prediction, PredictionMismatch, changed, mismatch_of
from ...core.schema.snapshot import Snapshot
from ...errors import CtgitopsError, LedgerError
from ...lazy import dataclass
from .in_step import join_in_step

if TYPE_CHECKING:
    from ...core.gate.request import Request
    from ...core.ledger.ledger import Ledger
    from ...core.run.progress import Listener
    from ...ports.database import Database, Session
    from ...ports.shadow import Shadows


@dataclass(frozen=True)
class PredictedChanges:
    """The result of a trial run before the apply."""

    changes: Changes | None = None
    """The schema changes of the plan. None if the changes are unknown."""
    why_not: str = ""

    def on(self, before: Snapshot) -> Prediction | None:
        """The schema that the plan produces from the schema `before`. None if the changes are unknown."""
        return None if self.changes is None else Prediction(changed(before, self.changes).fingerprint, self.changes)


def predict(plan: Plan, request: Request, database: Database, shadows: Shadows) -> PredictedChanges:
    """Runs the plan on a copy. A plan that fails there has no prediction, but is not refused. Read-only."""
    policy = request.environment.shadow
    if not plan.steps:
        return PredictedChanges(())
    from ...core.trial.trial import unlike_copy, unpredictable

    try:
        original, live = database.original(), database.snapshot()
        with shadows.sandbox(original, policy) as sandbox:
            before = sandbox.snapshot()
            sandbox.apply(plan.steps)
            changes = compare(before, sandbox.snapshot())
    except CtgitopsError as error:
        return PredictedChanges(why_not=error.what)
    why = unpredictable(live, before, unlike_copy(live, with_versions_of(before, live)[0]))
    return PredictedChanges(None if why else changes, why)


def with_breaks(plan: Plan, predicted: PredictedChanges, history: Collection[str] = ()) -> Plan:
    """The plan with problems that only a trial shows: changes that contradict `Breaking Changes: No`."""
    from ...core.trial.schema_break import break_problems

    found = break_problems(plan, predicted.changes or (), history)
    return replace(plan, problems=worst_first((*plan.problems, *found)))


def check_open_predictions(
    request: Request, database: Database, session: Session, tell: Listener
) -> tuple[Ledger, PredictionMismatch | None]:
    """Compares the schema with the open predictions of earlier runs. Returns the ledger, and the mismatch or None.

    First records what a tool that is kept in step has applied or reverted.
    Leaves out a mismatch that no longer exists. Writes to the ledger.
    """
    ledger, earlier_mismatch = join_in_step(request, session, tell), None
    promises = open_predictions(ledger)
    if not promises:
        return ledger, None
    live = database.snapshot()
    for each in promises:
        mismatch = mismatch_of(each.prediction, live, live, request.environment.drift_ignore)
        if mismatch is None or each.broken is None:
            session.record(ended(each.made.plan or "", mismatch))
            earlier_mismatch = mismatch or earlier_mismatch
    return session.ledger(), earlier_mismatch


class PredictionCheck:
    """Compares the schema after a plan with the prediction. Create it before the plan, because it reads the schema."""

    def __init__(self, plan: Plan, request: Request, database: Database, predicted: PredictedChanges) -> None:
        self._plan = plan
        self._ignored = request.environment.drift_ignore
        self._database = database
        wanted = request.prediction is not None or predicted.changes is not None
        self._before = database.snapshot() if wanted else Snapshot()
        self._prediction = request.prediction or predicted.on(self._before)

    def record_prediction(self, session: Session) -> None:
        """Records the prediction. Writes to the ledger."""
        if self._prediction is not None:
            numbers = tuple(step.number for step in self._plan.steps)
            session.record(made(self._plan.fingerprint, numbers, self._prediction))

    def found(self, session: Session) -> PredictionMismatch | None:
        """Records whether the schema matches the prediction. Returns the mismatch, or None if the schema matches.

        Raises LedgerError. Writes to the ledger.
        """
        if self._prediction is None:
            return None
        try:
            mismatch = mismatch_of(self._prediction, self._before, self._database.snapshot(), self._ignored)
            session.record(ended(self._plan.fingerprint, mismatch))
        except LedgerError as error:
            state = "the plan is applied; its schema was not compared with the prediction"
            raise LedgerError(error.what, state=state, hint=error.hint) from None
        return mismatch
