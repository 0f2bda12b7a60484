"""The preview of one environment: its plan and the gates that hold it back, or the error that prevented planning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ...errors import CtgitopsError
from ..environment.environment import Environment
from ..gate.gate import Reason
from ..ledger.identity import shared, shared_problem
from ..plan.plan import Plan, worst_first
from ..problem import Concern, Problem
from ..trial.projection import Effect
from ..trial.trial import Trial
from ..workspace.duplicates import Applied
from ..workspace.workspace import Workspace, problems_of

CONTESTED = frozenset({"duplicate-number", "version-duplicate"})
"""Problems of two files that want one number or version."""


@dataclass(frozen=True)
class Preview:
    """The plan of one environment, and the gates that would hold it back now."""

    environment: Environment
    plan: Plan
    reasons: tuple[Reason, ...] = ()
    effects: Mapping[int, Effect] = field(default_factory=dict)
    """What each migration does to who uses the database, by its number; none where nobody tried it."""
    proof: Trial | None = None
    """What happened when it was run on a throw-away copy; None where nobody tried."""
    not_in_backup: tuple[str, ...] = ()
    """What the backup before it will leave out, a line each; empty too where the manifest asks for no backup."""

    @property
    def exit_status(self) -> int:
        """0 sound, waiting or not · 1 a finding is an error · 3 the files are wrong · 4 ledger and files disagree."""
        if not self.plan.blocked:
            return int(self.plan.fails)
        return 4 if self.plan.concern is Concern.LEDGER else 3


@dataclass(frozen=True)
class Unseen:
    """An environment whose database could not be read, so it has no plan."""

    environment: Environment
    error: CtgitopsError

    @property
    def exit_status(self) -> int:
        """That of the error."""
        return self.error.exit_status


Look = Preview | Unseen


class FailOn(StrEnum):
    """From which severity on a look at a plan is a failure."""

    ERROR = "error"
    """What blocks the plan."""
    WARNING = "warning"
    """Every problem."""
    NEVER = "never"
    """No problem at all; an environment that nobody could look at still is one."""


def exit_status(looks: tuple[Look, ...], fail_on: FailOn = FailOn.ERROR) -> int:
    """The worst of all environments: a page that shows one of them blocked is not a success.

    1 is for problems that block nothing, where even those are to fail.
    """
    unseen = max((look.exit_status for look in looks if isinstance(look, Unseen)), default=0)
    if fail_on is FailOn.NEVER:
        return unseen
    worst = max((look.exit_status for look in looks), default=0)
    warned = any(look.plan.remarks for look in looks if isinstance(look, Preview))
    return worst or int(warned and fail_on is FailOn.WARNING)


def beside_each_other(looks: tuple[Look, ...]) -> tuple[Look, ...]:
    """The same, with a problem where two environments are one database; they may both be new."""
    seen = [look for look in looks if isinstance(look, Preview)]

    def told(look: Look) -> Look:
        if isinstance(look, Unseen):
            return look
        others = (o for o in seen if o is not look and shared(look.plan.identity, o.plan.identity))
        problems = tuple(shared_problem(look.environment, other.environment) for other in others)
        return with_problems((look,), problems)[0]

    return tuple(told(look) for look in looks)


def with_one_keeper(looks: tuple[Look, ...], workspace: Workspace) -> tuple[Look, ...]:
    """The same, where one file of a number is told to change by what all ledgers say, not each by its own."""
    if not workspace.contested:
        return looks
    applied = Applied()
    for look in looks:
        applied = applied.with_those_of(look.plan.files) if isinstance(look, Preview) else applied
    told = tuple(p for p in problems_of(workspace, applied) if p.code in CONTESTED)

    def seen(look: Look) -> Look:
        if isinstance(look, Unseen):
            return look
        rest = (p for p in look.plan.problems if p.code not in CONTESTED)
        return replace(look, plan=replace(look.plan, problems=worst_first((*told, *rest))))

    return tuple(seen(look) for look in looks)


def with_problems(looks: tuple[Look, ...], problems: tuple[Problem, ...]) -> tuple[Look, ...]:
    """The same with problems that only a look around could find; they change no fingerprint."""

    def seen(look: Look) -> Look:
        if isinstance(look, Unseen):
            return look
        return replace(look, plan=replace(look.plan, problems=worst_first((*look.plan.problems, *problems))))

    return tuple(seen(look) for look in looks) if problems else looks
