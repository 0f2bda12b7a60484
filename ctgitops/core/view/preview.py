"""The preview of one environment: its plan and the gates that make it wait, or the error that prevented planning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ..environment.environment import Environment, Trigger
from ..ledger.identity import shared, shared_problem
from ..plan.plan import Plan, worst_first
from ..workspace.duplicates import Applied
from ..workspace.workspace import Workspace, problems_of

if TYPE_CHECKING:
    from ...errors import CtgitopsError
    from ..environment.backup_extent import BackupExtent
    from ..gate.data_loss import CountedLoss
    from ..gate.gate import Reason
    from ..gate.override import UsedOverride
    from ..impact.projection import Effect
    from ..performance.traffic import BusyTable
    from ..problem import Problem
    from ..trial.trial import Trial

CONTESTED = frozenset({"duplicate-number", "version-duplicate"})
"""Codes of problems about two files with the same number or version."""


class Occasion(StrEnum):
    """The event that follows a plan: a merge, or an apply by the event for which the plan was made."""

    NONE = ""
    RUN = "an apply"
    """A manual or a scheduled run without an approval."""
    APPLY = "this run"
    """A manual or a scheduled run whose plan is approved before its apply."""
    PUSH = "this push"
    """A push to the default branch."""
    RELEASE = "this release"
    """A release or a tag."""

    def applies(self, environment: Environment) -> bool:
        """Whether this event applies the environment's plan after an approval."""
        return self is Occasion.APPLY or self.triggers is environment.trigger

    @property
    def approved(self) -> bool:
        """Whether the plan needs an approval before its apply."""
        return self is Occasion.APPLY or self.triggers is not None

    @property
    def triggers(self) -> Trigger | None:
        """The value of `apply.on` of the environments to which this event applies plans. None for other events."""
        return {Occasion.PUSH: Trigger.PUSH, Occasion.RELEASE: Trigger.RELEASE}.get(self)


@dataclass(frozen=True)
class Preview:
    """The plan of one environment, and the gates that currently make it wait."""

    environment: Environment
    plan: Plan
    reasons: tuple[Reason, ...] = ()
    override: UsedOverride | None = None
    """The override with which this plan would be applied. None if no gate is overridden."""
    effects: Mapping[int, Effect] = field(default_factory=dict)
    """Maps migration numbers to effects on other sessions. Empty without a trial."""
    proof: Trial | None = None
    """The trial on a throw-away copy. None if the trial did not run."""
    extent: BackupExtent | None = None
    """What the backup saves. None without a backup, or if its extent is not known yet."""
    not_in_backup: tuple[str, ...] = ()
    """Objects that the backup before the apply will not contain, in one line each. Empty if no backup is required."""
    losses: tuple[CountedLoss, ...] = ()
    """The data that the plan destroys."""
    busy: tuple[BusyTable, ...] = ()
    """The busiest and quietest hours of the tables that the plan names. Empty without samples of the load."""
    occasion: Occasion = Occasion.NONE
    """The event that applies the plan. `NONE` if the next step is a merge."""
    later_branch: str = ""
    """The default branch, if the pull request has another base branch. Only a later merge into it applies the plan."""
    parked: bool = False
    """Whether the plan only waits and a later run continues it. The current run then requests no approval."""

    @property
    def refusals(self) -> tuple[Reason, ...]:
        """The reasons not to merge or approve the plan now.

        A wait that the manifest defines, such as the wait for staging, does not prevent a merge. A wait that ends at a
        known time does not prevent an approval.
        """
        if self.occasion is Occasion.NONE:
            return tuple(reason for reason in self.reasons if not reason.expected)
        return tuple(reason for reason in self.reasons if not reason.passes)

    @cached_property
    def destroys(self) -> frozenset[str]:
        """The names of migrations that destroy data, or may destroy data."""
        return frozenset(each.loss.migration for each in self.losses if each.matters)

    @cached_property
    def pending(self) -> frozenset[tuple[str, ...]]:
        """The identities of the plan's steps."""
        return frozenset(step.identity for step in self.plan.steps)


@dataclass(frozen=True)
class NotPlanned:
    """An environment whose database could not be read. Such an environment has no plan."""

    environment: Environment
    error: CtgitopsError

    @property
    def exit_status(self) -> int:
        """The exit status of the error."""
        return self.error.exit_status


PlanResult = Preview | NotPlanned


class FailOn(StrEnum):
    """The lowest severity at which a problem makes `plan` fail."""

    ERROR = "error"
    """Fail on problems that block the plan."""
    WARNING = "warning"
    """Fail on every problem."""
    NEVER = "never"
    """Do not fail because of problems. `plan` then fails only if an environment could not be read."""


def with_shared_database_problems(results: tuple[PlanResult, ...]) -> tuple[PlanResult, ...]:
    """Adds a problem for each pair of environments that use the same database. Also finds pairs of new databases."""
    seen = [result for result in results if isinstance(result, Preview)]

    def with_shared(result: Preview) -> tuple[Problem, ...]:
        others = (o for o in seen if o is not result and shared(result.plan.identity, o.plan.identity))
        return (*result.plan.problems, *(shared_problem(result.environment, other.environment) for other in others))

    return _with(results, with_shared)


def with_one_keeper(results: tuple[PlanResult, ...], workspace: Workspace) -> tuple[PlanResult, ...]:
    """Decides which of two files with the same number keeps the number. Uses the ledgers of all environments."""
    if not workspace.contested:
        return results
    applied = Applied()
    for result in results:
        applied = applied.with_those_of(result.plan.files) if isinstance(result, Preview) else applied
    with_shared = tuple(p for p in problems_of(workspace, applied) if p.code in CONTESTED)
    return _with(results, lambda result: (*with_shared, *(p for p in result.plan.problems if p.code not in CONTESTED)))


def with_problems(results: tuple[PlanResult, ...], problems: tuple[Problem, ...]) -> tuple[PlanResult, ...]:
    """Adds problems that were found outside planning. The fingerprints of the plans do not change."""
    return _with(results, lambda result: (*result.plan.problems, *problems)) if problems else results


def _with(
    results: tuple[PlanResult, ...], problems: Callable[[Preview], tuple[Problem, ...]]
) -> tuple[PlanResult, ...]:
    """Adds to each plan the problems that the function returns for the plan."""
    return tuple(
        replace(result, plan=replace(result.plan, problems=worst_first(problems(result))))
        if isinstance(result, Preview)
        else result
        for result in results
    )
