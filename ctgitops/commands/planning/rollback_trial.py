"""The trial of a rollback on a throw-away copy of the real schema, which has the migrations to roll back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.impact.impact_problems import impact_problems
from ...core.plan.plan import worst_first
from ...core.trial.gap import Stop
from ...core.trial.trial import NOT_WANTED, Trial, proof_problems
from ...errors import CtgitopsError
from .impact_estimate import effects_of
from .trial import TrialRunner

if TYPE_CHECKING:
    from ...core.gate.request import Request
    from ...core.ledger.ledger import Ledger
    from ...core.problem import Problem
    from ...core.view.preview import Preview
    from ...ports.database import Databases
    from ...ports.shadow import Shadows

_RESUMED = "an earlier run began this rollback outside a transaction, and a copy cannot continue it"


def tried_rollback(preview: Preview, request: Request, ledger: Ledger, dbs: Databases, shadows: Shadows) -> Preview:
    """Adds the trial of a rollback plan, its effects on other sessions, and its problems. Read-only.

    A rollback that fails on the copy is a finding that does not block: the real rollback runs in a transaction, and the
    person decides. If the trial cannot run, the result has the reason.
    """
    plan, environment = preview.plan, preview.environment
    if not environment.shadow.wanted:
        return replace(preview, proof=NOT_WANTED)
    if any(step.resumption for step in plan.steps):
        return replace(preview, proof=Trial(untried=_RESUMED, stop=Stop(_RESUMED, "")))
    try:
        database = dbs.of(environment)
        original, live = database.original(), database.snapshot()
        with shadows.sandbox(original, environment.shadow) as sandbox:
            proof = TrialRunner(plan, ledger, original, sandbox).proof(live)
            effects = effects_of(plan, request, None, sandbox, dbs)
            preview = replace(preview, effects=effects)
    except CtgitopsError as error:
        proof = Trial(untried=error.what, stop=Stop(error.what, error.hint))
    found = (
        *(_of_rollback(problem) for problem in proof_problems(proof, environment.name)),
        *impact_problems(plan.steps, preview.effects, environment.timeouts),
    )
    return replace(preview, proof=proof, plan=replace(plan, problems=worst_first((*plan.problems, *found))))


def _of_rollback(problem: Problem) -> Problem:
    """The problem of a trial, for a rollback. The SQL is in the ledger, so no file can be corrected."""
    if problem.code != "fails":
        return problem
    hint = "write a new migration that undoes the change, or restore a backup"
    return replace(problem, hint=hint, blocks=False, fails=True)
