"""Gates decide whether a valid plan must wait. Each gate checks one condition. If a check fails, the plan waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from ..environment.environment import Reviewed
from ..ledger.identity import identity_problems
from ..ledger.ledger import Entry, Ledger
from ..ledger.open_prediction import open_predictions, prediction_advice
from ..ledger.reversal import Reversal, changes_in
from ..plan.plan import Direction, Plan, Step, worst_first
from ..problem import Problem
from .request import Request
from .review import unseen


@dataclass(frozen=True)
class Unreadable:
    """The ledger of an environment could not be read."""

    why: str
    exit_status: int = 4
    """The exit status of the error."""
    hint: str = ""


Predecessor = Ledger | Unreadable | None
"""The ledger of the environment that `after` names. None if the manifest has no `after`."""


@dataclass(frozen=True)
class Reason:
    """Why a plan waits, and what to do."""

    gate: str
    what: str
    hint: str = ""
    expected: bool = False
    """Whether the wait is part of the process that the manifest defines, and ends by itself."""
    subject: str = ""
    """The migration that waits. Empty if the reason concerns the whole plan."""
    until: datetime | None = None
    """When the wait ends. None if the time is unknown."""

    @property
    def passes(self) -> bool:
        """Whether the wait ends at a known time. The plan can then already be approved."""
        return self.gate in _OF_TIME


_OF_TIME = frozenset({"bake", "window", "freeze"})

SHORTEST_APPROVAL = 8
"""The minimum length of an approved fingerprint, in hexadecimal digits."""

Gate = Callable[[Plan, Request, Predecessor], Iterator[Reason]]


def reasons_to_wait(plan: Plan, request: Request, predecessor: Predecessor) -> tuple[Reason, ...]:
    """All reasons why `plan` must not run now. Empty if every gate passes."""
    gates = GATES if plan.direction is Direction.APPLY else GATES_BACK
    return tuple(reason for gate in gates for reason in gate(plan, request, predecessor))


def _fingerprint(plan: Plan, request: Request, _predecessor: Predecessor) -> Iterator[Reason]:
    if request.approved is None or _same(plan.fingerprint, request.approved):
        return
    what = f"this plan is {plan.fingerprint[:12]}, but the approved plan is {request.approved[:12] or 'empty'}"
    hint = (
        "the files or the database have changed since the approval: run `ctgitops plan` again, and approve the new plan"
    )
    yield Reason("fingerprint", what, hint)


def _same(fingerprint: str, approved: str) -> bool:
    # An empty or short value, for example from an unset variable, must not approve every plan.
    return len(approved) >= SHORTEST_APPROVAL and fingerprint.startswith(approved.lower())


def _after(plan: Plan, request: Request, predecessor: Predecessor) -> Iterator[Reason]:
    name = request.environment.after
    if name is None:
        return
    if predecessor is None or isinstance(predecessor, Unreadable):
        why = predecessor.why if predecessor else "the ledger was not read"
        hint = f"{request.environment.name} applies only what {name} has, so the ledger of {name} must be readable"
        yield Reason("after", f"{name} could not be read: {why}", hint)
        return
    if broken := predecessor.broken_at():
        what = f"the hash chain of the ledger of {name} is broken at entry {broken.id}"
        hint = f"the ledger was changed by hand, so it cannot be trusted: `ctgitops status --env {name}`"
        yield Reason("after", what, hint)
        return
    if reason := _not_itself(request, name, predecessor):
        yield reason
        return
    for promise in open_predictions(predecessor):
        yield Reason("after", promise.text(name), prediction_advice(promise, name))
    reversals = changes_in(predecessor).reversals
    for step in plan.steps:
        if (reversal := reversals.get(step.number)) and reversal.undone.checksum in {None, step.checksum}:
            yield _reversed(step, name, reversal)
        else:
            yield from _lacking(step, name, predecessor)


def _not_itself(request: Request, name: str, predecessor: Ledger) -> Reason | None:
    """A reason if the URL of `name` connects to a database of another environment."""
    environment = request.workspace.environment(name)
    problems = identity_problems(environment, predecessor.identity) if environment else iter(())
    return next((Reason("after", problem.what, problem.hint) for problem in problems), None)


def _reversed(step: Step, name: str, reversal: Reversal) -> Reason:
    what = f"{step.name} was {reversal.text} in {name}"
    again = f'`ctgitops repair --again {step.number:03} --env {name} --reason "…"`'
    return Reason("after", what, f"first run {again}, then apply the file to {name}; or change the file")


def _lacking(step: Step, name: str, predecessor: Ledger) -> Iterator[Reason]:
    entry = predecessor.applied.get(step.number)
    if step.number in predecessor.unfinished:
        yield Reason("after", f"{step.name} is unfinished in {name}", f"`ctgitops status --env {name}` shows why")
    elif entry is None:
        what, hint = f"{name} does not have {step.name} yet", f"run `ctgitops apply --env {name}` first"
        yield Reason("after", what, hint, expected=True)
    elif entry.checksum != step.checksum:
        what = f"the text of {step.name} that {name} has applied differs from this checkout"
        hint = f"restore the file that {name} has applied, or apply a new migration to {name} first"
        yield Reason("after", what, hint)


def _bake(plan: Plan, request: Request, predecessor: Predecessor) -> Iterator[Reason]:
    environment = request.environment
    if not environment.bake or not isinstance(predecessor, Ledger):
        return
    entries = [e for step in plan.steps if (e := predecessor.applied.get(step.number))]
    for entry in entries:
        ready = _finished(entry, request) + environment.bake
        if ready > request.now:
            what = f"{entry.name} has been on {environment.after} since {_finished(entry, request):%Y-%m-%d %H:%M UTC}"
            yield Reason("bake", what, f"eligible from {ready:%Y-%m-%d %H:%M UTC}", expected=True, until=ready)


def _finished(entry: Entry, request: Request) -> datetime:
    return entry.finished_at or request.now


def _window(_plan: Plan, request: Request, _predecessor: Predecessor) -> Iterator[Reason]:
    windows = request.environment.windows
    if windows and not any(window.contains(request.now) for window in windows):
        welcome = "; ".join(str(window) for window in windows)
        yield Reason(
            "window",
            f"{request.now:%a %H:%M UTC} is outside this environment's windows",
            f"windows: {welcome}",
            expected=True,
            until=min(window.next_start(request.now) for window in windows),
        )


def _freeze(_plan: Plan, request: Request, _predecessor: Predecessor) -> Iterator[Reason]:
    for freeze in request.environment.freezes:
        if freeze.contains(request.now):
            what = f"a freeze is in force: {freeze.reason}"
            yield Reason("freeze", what, f"it lasts from {freeze.period}", expected=True, until=freeze.end)


def _reviewed(plan: Plan, request: Request, _predecessor: Predecessor) -> Iterator[Reason]:
    if request.environment.reviewed is Reviewed.REQUIRED:
        yield from _unreviewed(plan, request)


def with_warnings(plan: Plan, request: Request) -> Plan:
    """The plan with the warnings that `reviewed: warn` requires. The warnings do not change the plan's fingerprint."""
    if request.environment.reviewed is not Reviewed.WARN:
        return plan
    found = (Problem("not-reviewed", r.what, hint=r.hint, blocks=False) for r in _unreviewed(plan, request))
    return replace(plan, problems=worst_first((*plan.problems, *found)))


def _unreviewed(plan: Plan, request: Request) -> Iterator[Reason]:
    name, reviews = request.environment.name, request.reviews
    if plan.empty or (reviews is None and request.approved is not None):
        return  # on a command line, the user who passes the fingerprint has read the plan
    if reviews is None:
        what = "without GitHub, ctgitops cannot check whether a merged pull request showed these files in its plan"
        hint = f"read the plan, then run `ctgitops apply --env {name} --fingerprint {plan.fingerprint[:12]}`"
        yield Reason("reviewed", what, hint)
        return
    if reviews.unknown:
        what = f"cannot check whether a merged pull request showed these files in its plan: {reviews.unknown}"
        hint = reviews.hint or "give the job `permissions: {checks: read, pull-requests: read}`, then run the job again"
        yield Reason("reviewed", what, hint)
        return
    for file in unseen(plan, reviews, request.origin.folder):
        what = f"no merged pull request showed the current text of `{file.path}` in a plan"
        hint = "the file was pushed directly, or changed later: open a pull request that changes the file, and merge it"
        yield Reason("reviewed", what, hint)


GATES: tuple[Gate, ...] = (_fingerprint, _reviewed, _after, _bake, _window, _freeze)
GATES_BACK: tuple[Gate, ...] = (_fingerprint,)
"""The gates of a rollback. A rollback repairs a failure, and does not wait for windows or other environments."""
