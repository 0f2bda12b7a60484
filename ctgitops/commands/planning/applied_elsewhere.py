"""Reads which other environments have applied a file. Such a file must not change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.plan.plan import Plan, Step, worst_first
from ...core.plan.remedy import OtherEnvironments
from ...core.workspace.breaking_change import UNDECLARED, unchangeable
from ...errors import CtgitopsError

if TYPE_CHECKING:
    from ...core.environment.environment import Environment
    from ...core.gate.request import Request
    from ...core.problem import Problem
    from ...core.workspace.workspace import Workspace
    from ...ports.database import Databases


def elsewhere(step: Step, request: Request, databases: Databases) -> OtherEnvironments:
    """Returns the other environments that have applied a step's file, and those that are unreadable. Read-only."""
    has, unread = [], []
    for environment in request.workspace.environments:
        if environment.name == request.environment.name:
            continue
        try:
            entry = databases.of(environment).ledger().applied.get(step.number)
        except CtgitopsError:
            # A later environment applies only what this one has applied, so it cannot have the file
            later = request.environment.name in _chain(request.workspace, environment)
            unread += [] if later else [environment.name]
            continue
        has += [environment.name] if entry and entry.checksum == step.checksum else []
    return OtherEnvironments(tuple(has), tuple(unread))


def with_unchangeable_headers(plan: Plan, request: Request, databases: Databases) -> Plan:
    """Turns an undeclared breaking change into a warning if another environment has applied the file. Read-only.

    Reads the other environments only if the plan has such a problem.
    """
    steps = {step.script.path: step for step in plan.steps}

    def judged(problem: Problem) -> Problem:
        step = steps.get(problem.place.path) if problem.place else None
        if problem.code != UNDECLARED or not problem.blocks or step is None:
            return problem
        found = elsewhere(step, request, databases)
        return unchangeable(problem, found.has, found.unread)

    return replace(plan, problems=worst_first(map(judged, plan.problems)))


def _chain(workspace: Workspace, environment: Environment) -> list[str]:
    names: list[str] = []
    at: Environment | None = environment
    while at and at.after and at.after not in names:
        names.append(at.after)
        at = workspace.environment(at.after)
    return names
