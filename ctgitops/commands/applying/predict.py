"""Predicts the schema after a plan, by running the plan on a throw-away copy just before the apply."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.gate.request import Request
from ...core.plan.plan import Plan
from ...core.plan.replay import with_versions_of
from ...core.schema.compare import Changes, compare
from ...core.schema.prediction import Prediction, changed
from ...core.schema.snapshot import Snapshot
from ...core.trial.trial import unlike_copy, unpredictable
from ...errors import CtgitopsError
from ...ports.database import Database
from ...ports.shadow import Shadows


@dataclass(frozen=True)
class Foreseen:
    """The result of a trial run."""

    changes: Changes | None = None
    """The difference between the schema before the plan and after it; None if unknown."""
    why_not: str = ""

    def on(self, before: Snapshot) -> Prediction | None:
        """The predicted schema if the schema before the plan is `before`; None if unknown."""
        return None if self.changes is None else Prediction(changed(before, self.changes).fingerprint, self.changes)


def foresee(plan: Plan, request: Request, database: Database, shadows: Shadows) -> Foreseen:
    """Runs the plan on a copy. A plan that fails there is neither predicted nor refused. Read-only."""
    policy = request.environment.shadow
    if not plan.steps:
        return Foreseen(())
    try:
        original, live = database.original(), database.snapshot()
        with shadows.sealed(original, policy) as sealed:
            before = sealed.snapshot()
            sealed.bring(plan.steps)
            changes = compare(before, sealed.snapshot())
    except CtgitopsError as error:
        return Foreseen(why_not=error.what)
    why = unpredictable(live, before, unlike_copy(live, with_versions_of(before, live)[0]))
    return Foreseen(None if why else changes, why)
