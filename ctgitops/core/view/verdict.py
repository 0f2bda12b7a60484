"""The verdict on plans: it determines headlines, next actions, marks and the exit status. Pure.

The worst part of a plan decides. If one step was not tried, the state of the whole plan is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ..impact.projection import Bucket
from ..migration.header import Rollback
from ..problem import NOT_ANALYSED, Concern, Problem
from ..trial.gap import Gap
from ..trial.trial import gap_of
from ..workspace.finding import Severity
from .preview import FailOn, NotPlanned, Occasion, PlanResult, Preview

if TYPE_CHECKING:
    from ..plan.plan import Step


class PlanState(IntEnum):
    """The state of a plan or of one of its steps. If several states apply, the state with the highest value counts."""

    SOUND = 0
    WARNING = 1
    UNKNOWN = 2
    """A part of the plan was not tried, read or measured. The part's effect is unknown."""
    WAITING = 3
    """The event of this run would apply the plan, but a gate makes the plan wait."""
    HELD_BACK = 4
    """The plan has a finding of severity error. No page proposes to apply or merge the plan."""
    BLOCKED = 5
    """A problem prevents running the plan."""
    UNREADABLE = 6
    """The database could not be read. There is no plan."""

    @property
    def word(self) -> str:
        """The state in JSON, such as `held-back`."""
        return self.name.lower().replace("_", "-")

    @property
    def stops(self) -> bool:
        """Whether pages must not suggest to apply or merge the plan."""
        return self >= PlanState.WAITING


MUST_WAIT = 5
"""The exit status if a gate refuses the plan of a release."""
_OF_ALL = "open-pull-requests-unread"
"""The code of a problem that is about all environments, and counts once."""
UNKNOWN_CODES = frozenset(
    {NOT_ANALYSED, "backup-vanishes", "home-not-read", "not-looked", "not-searched", "not-tried"}
    | {"row-constraint", "row-trigger", "rows-not-counted", "rows-not-looked-at", "schema-unread"}
    | {_OF_ALL, "seed-not-measured", "seed-not-tried"}
)
"""Codes of problems that report that a part of the plan is unknown."""


@dataclass(frozen=True, order=True)
class Unknown:
    """An unknown fact about a plan."""

    topic: str
    """`migration`, `statement`, `rollback`, `rerun`, `order`, `duration`, or the code of a problem."""
    subject: str
    """The subject of the unknown fact. If several environments have the same subject, it counts once."""


@dataclass(frozen=True)
class Verdict:
    """The verdict on one environment's plan."""

    state: PlanState
    exit_status: int
    """0 if the state is sound, warning or unknown. 1 if it is held back, or if SQL was not analysed. 2, 3 or 4 if it is
    blocked. 5 if a gate refuses the plan of a release.

    If the database cannot be read, the exit status of the read error.
    """
    steps: Mapping[int, PlanState]
    """Maps each step's number to its state."""
    unknown: frozenset[Unknown] = frozenset()
    remarked: bool = False
    """Whether there is a problem or finding that pages show."""


def verdict_of(result: PlanResult) -> Verdict:
    """The verdict on one environment."""
    if isinstance(result, NotPlanned):
        return Verdict(PlanState.UNREADABLE, result.exit_status, {})
    remarks = result.plan.remarks
    unknown = frozenset(_unknowns(result, remarks))
    by_path: dict[str | None, PlanState] = {}
    for problem in remarks:
        path = problem.place.path if problem.place else None
        by_path[path] = max(by_path.get(path, PlanState.SOUND), _state_of_problem(problem))
    steps = {step.number: _state_of(step, result, by_path) for step in result.plan.steps}
    state = max([_state_of_gates(result), *([PlanState.UNKNOWN] * bool(unknown)), *steps.values(), *by_path.values()])
    return Verdict(state, _exit_status(result, state), steps, unknown, bool(remarks))


def worst_state(results: tuple[PlanResult, ...]) -> PlanState:
    """The worst state of all environments."""
    return max((verdict_of(result).state for result in results), default=PlanState.SOUND)


def states_of_steps(results: tuple[PlanResult, ...]) -> dict[tuple[str, ...], PlanState]:
    """Maps each step's identity to its worst state in the environments that have not applied the step."""
    states: dict[tuple[str, ...], PlanState] = {}
    for result in results:
        if isinstance(result, Preview):
            of = verdict_of(result).steps
            for step in result.plan.steps:
                states[step.identity] = max(states.get(step.identity, PlanState.SOUND), of[step.number])
    return states


def exit_status(results: tuple[PlanResult, ...], fail_on: FailOn = FailOn.ERROR) -> int:
    """The worst exit status of all environments.

    Warnings and unknown facts also result in 1, if `fail_on` includes them.
    """
    verdicts = [verdict_of(result) for result in results]
    if fail_on is FailOn.NEVER:
        return max((v.exit_status for v in verdicts if v.state is PlanState.UNREADABLE), default=0)
    worst = max((v.exit_status for v in verdicts), default=0)
    warned = any(v.remarked or v.unknown for v in verdicts)
    return worst or int(warned and fail_on is FailOn.WARNING)


def gaps_of(result: PlanResult, step: Step) -> tuple[Gap, ...]:
    """The parts of a step that the trial did not run."""
    if isinstance(result, NotPlanned) or step.identity not in result.pending:
        return ()
    if result.proof is None and result.plan.blocked:
        return (Gap("a problem blocks the plan, so no trial was made"),)
    return gap_of(result.proof, step)


def _state_of_gates(result: Preview) -> PlanState:
    if result.refusals and result.occasion is not Occasion.NONE:
        return PlanState.WAITING
    passing = result.occasion is not Occasion.NONE and result.reasons
    return PlanState.WARNING if passing or result.refusals else PlanState.SOUND


def _exit_status(result: Preview, state: PlanState) -> int:
    if state is PlanState.BLOCKED:
        return result.plan.concern.exit_status
    if state is PlanState.WAITING:
        return MUST_WAIT if result.occasion.approved else 0
    return int(result.plan.fails)


def _state_of_problem(problem: Problem) -> PlanState:
    if problem.blocks:
        return PlanState.BLOCKED
    if problem.code in UNKNOWN_CODES and problem.concern is not Concern.LINT:
        return PlanState.UNKNOWN
    return PlanState.HELD_BACK if problem.is_error_finding else PlanState.WARNING


def _state_of(step: Step, result: Preview, by_path: Mapping[str | None, PlanState]) -> PlanState:
    scripts = (step.script, step.rollback_script, step.verify)
    about = [by_path[script.path] for script in scripts if script and script.path in by_path]
    about += [PlanState.HELD_BACK for finding in step.findings if finding.severity is Severity.ERROR]
    special = step.breaking or not step.transactional or step.rollback is not Rollback.AVAILABLE
    special = special or step.name in result.destroys
    effect = result.effects.get(step.number)
    waits = effect is not None and any(bucket != Bucket.INSTANT for bucket in effect.buckets)
    unknown = bool(gaps_of(result, step)) or bool(effect and effect.unknown)
    own = PlanState.UNKNOWN if unknown else PlanState.WARNING if special or waits else PlanState.SOUND
    return max([own, *about])


def _unknowns(result: Preview, remarks: tuple[Problem, ...]) -> Iterator[Unknown]:
    for step in result.plan.steps:
        for gap in gaps_of(result, step):
            yield Unknown("statement", f"{step.name}:{gap.line}") if gap.only else Unknown("migration", step.name)
        if (effect := result.effects.get(step.number)) and effect.unknown:
            yield Unknown("duration", step.name)
    for problem in remarks:
        if problem.code in UNKNOWN_CODES and problem.code not in {"not-tried", NOT_ANALYSED}:
            everywhere = problem.code == _OF_ALL
            yield Unknown(problem.code, "" if everywhere else str(problem.place or result.environment.name))
    if proof := result.proof:
        yield from (Unknown("rollback", way.step.name) for way in proof.ways if way.untried)
        yield from (Unknown("rerun", again.step.name) for again in proof.again if again.untried)
        if proof.order and proof.order.untried:
            yield Unknown("order", result.environment.name)


def unknown_in(results: tuple[PlanResult, ...]) -> frozenset[Unknown]:
    """The unknown facts about all plans. Leaves out blocked plans."""
    verdicts = [verdict_of(result) for result in results]
    return frozenset().union(*(each.unknown for each in verdicts if each.state is not PlanState.BLOCKED))
