"""The preview of one environment: its plan with the gates that delay it, or the error that prevented planning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from ...errors import CtgitopsError
from ..environment.environment import Environment
from ..gate.data_loss import CountedLoss
from ..gate.gate import Reason
from ..impact.projection import Effect
from ..ledger.identity import shared, shared_problem
from ..plan.plan import Plan, worst_first
from ..problem import Problem
from ..trial.trial import Trial
from ..workspace.duplicates import Applied
from ..workspace.workspace import Workspace, problems_of

CONTESTED = frozenset({"duplicate-number", "version-duplicate"})
"""Codes of problems about two files with the same number or version."""


@dataclass(frozen=True)
class Preview:
    """The plan of one environment, with the gates that currently delay it."""

    environment: Environment
    plan: Plan
    reasons: tuple[Reason, ...] = ()
    effects: Mapping[int, Effect] = field(default_factory=dict)
    """By migration number, the effect on the database's users; empty without a trial."""
    proof: Trial | None = None
    """The trial on a throw-away copy; None if it did not run."""
    not_in_backup: tuple[str, ...] = ()
    """Objects that the backup before the plan will not contain, one line each; also empty if no backup is required."""
    losses: tuple[CountedLoss, ...] = ()
    """The data that the plan destroys."""

    @cached_property
    def destroys(self) -> frozenset[str]:
        """The names of migrations that destroy data, or may do so."""
        return frozenset(each.loss.migration for each in self.losses if each.matters)

    @cached_property
    def pending(self) -> frozenset[tuple[str, ...]]:
        """The identities of the plan's steps."""
        return frozenset(step.identity for step in self.plan.steps)


@dataclass(frozen=True)
class Unseen:
    """An environment whose database could not be read, so it has no plan."""

    environment: Environment
    error: CtgitopsError

    @property
    def exit_status(self) -> int:
        """The exit status of the error."""
        return self.error.exit_status


Look = Preview | Unseen


class FailOn(StrEnum):
    """The least severe problem that makes `plan` fail."""

    ERROR = "error"
    """Fail on problems that block the plan."""
    WARNING = "warning"
    """Fail on every problem."""
    NEVER = "never"
    """Fail on no problem, only on an environment that could not be read."""


def beside_each_other(looks: tuple[Look, ...]) -> tuple[Look, ...]:
    """Adds a problem for each pair of environments with the same database; both may be new."""
    seen = [look for look in looks if isinstance(look, Preview)]

    def told(look: Preview) -> tuple[Problem, ...]:
        others = (o for o in seen if o is not look and shared(look.plan.identity, o.plan.identity))
        return (*look.plan.problems, *(shared_problem(look.environment, other.environment) for other in others))

    return _with(looks, told)


def with_one_keeper(looks: tuple[Look, ...], workspace: Workspace) -> tuple[Look, ...]:
    """Decides from all ledgers together, not per environment, which file keeps a duplicate number."""
    if not workspace.contested:
        return looks
    applied = Applied()
    for look in looks:
        applied = applied.with_those_of(look.plan.files) if isinstance(look, Preview) else applied
    told = tuple(p for p in problems_of(workspace, applied) if p.code in CONTESTED)
    return _with(looks, lambda look: (*told, *(p for p in look.plan.problems if p.code not in CONTESTED)))


def with_problems(looks: tuple[Look, ...], problems: tuple[Problem, ...]) -> tuple[Look, ...]:
    """Adds problems that were found outside planning; they do not change the plans' fingerprints."""
    return _with(looks, lambda look: (*look.plan.problems, *problems)) if problems else looks


def _with(looks: tuple[Look, ...], problems: Callable[[Preview], tuple[Problem, ...]]) -> tuple[Look, ...]:
    """Adds to each plan the problems that the function returns for it."""
    return tuple(
        replace(look, plan=replace(look.plan, problems=worst_first(problems(look))))
        if isinstance(look, Preview)
        else look
        for look in looks
    )
