"""The command `try`. Runs commands of the project on throw-away copies that have the pending migrations and seeds."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.plan.plan import SHOWN_ANYWAY, make_plan
from ..core.plan.replay import seed_step
from ..core.trial.command_result import TestResult, TryOutcome
from ..core.trial.seed_trial import known_rows
from ..errors import ApplyError, LedgerError, WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.environment.project_test import ProjectTest
    from ..core.gate.request import Request
    from ..core.migration.migration import Seed
    from ..core.plan.plan import Plan
    from ..core.problem import Problem
    from ..core.trial.schema_artifact import TargetSchema
    from ..ports.command import Commands
    from ..ports.shadow import OpenCopies, OpenCopy


@dataclass(frozen=True)
class TryWork:
    """The commands to run, and how they run."""

    tests: tuple[ProjectTest, ...]
    seconds: float
    """The time limit of each command."""
    role: str = ""
    """The role of the connections in the commands' environment. Empty for the role that applies migrations."""


def try_(
    request: Request,
    target: TargetSchema,
    asked: TryWork,
    *,
    copies: OpenCopies,
    commands: Commands,
) -> TryOutcome:
    """Runs each test on its own new copy. No command gets access to a real database.

    Raises WorkspaceError or LedgerError if the plan is blocked, ApplyError if a migration or seed file fails.
    """
    work = CopyWork(request, target)
    results: list[TestResult] = []
    notes: dict[str, None] = {}
    for test in asked.tests:
        with copies.open_copy(target.original, request.environment.shadow, asked.seconds) as copy:
            notes |= dict.fromkeys(work.prepare(copy))
            end = commands.run(test, copy.variables(asked.role), asked.seconds)
            results.append(TestResult(test.name, end, copy.stopped, asked.seconds))
    steps = tuple(step.name for step in work.plan.steps)
    seeds = tuple(seed.name for seed in work.seeds)
    return TryOutcome(request.environment.name, steps, seeds, tuple(notes), tuple(results))


class CopyWork:
    """What each copy gets: the rows of applied migrations, the pending migrations, all seed files, generated rows."""

    def __init__(self, request: Request, target: TargetSchema) -> None:
        self._ledger, self._statistics = target.ledger, target.statistics
        self.rows = request.workspace.policy.rows
        self.plan: Plan = make_plan(request.workspace, request.environment, target.ledger, request.target)
        problem = next((p for p in self.plan.problems if p.blocks and p.code not in SHOWN_ANYWAY), None)
        if problem:
            raise _blocked(problem, request.environment.name)
        seeds, due = request.workspace.seeds_of(request.environment), self.plan.seeds
        # The copy has the objects of the repeatable files that are not due, but no rows
        self.seeds: tuple[Seed, ...] = tuple(seed for seed in seeds if seed in due or not seed.repeatable)

    def prepare(self, copy: OpenCopy) -> tuple[str, ...]:
        """Applies all of it. Returns the differences from the environment, as text. Raises ApplyError."""
        lost = self.known_rows(copy)
        copy.apply(self.plan.steps)
        copy.apply(tuple(map(seed_step, self.seeds)))
        return (*copy.unmatched, *self.generate(copy, self.rows), *lost)

    def known_rows(self, copy: OpenCopy) -> tuple[str, ...]:
        """Adds the rows of applied migrations. Returns how many statements cannot run, as text."""
        lost = 0
        for step in known_rows(self._ledger, ()):
            lost += 1
            with suppress(ApplyError):  # the row belongs to an earlier schema
                copy.apply((step,))
                lost -= 1
        if not lost:
            return ()
        return (f"{lost} INSERT statement{'s' if lost > 1 else ''} of applied migrations cannot run in the copy",)

    def generate(self, copy: OpenCopy, rows: Mapping[str, int]) -> tuple[str, ...]:
        """Adds generated rows. Returns differences from the wanted rows, as text. Raises WorkspaceError."""
        return copy.generate(rows, self._statistics) if rows else ()


def _blocked(problem: Problem, environment: str) -> WorkspaceError | LedgerError:
    kind = WorkspaceError if problem.place else LedgerError
    hint = problem.hint or f"`ctgitops plan --env {environment}` shows all problems"
    return kind(f"the plan is blocked: {problem.what}", place=problem.place, state="nothing was run", hint=hint)
