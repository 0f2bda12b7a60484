"""Gates decide whether a valid plan must wait. Each gate checks one condition. If a check fails, the plan waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from ...errors import Place
from ...lazy import dataclass
from ..environment.environment import Environment, Reviewed, Trigger
from ..environment.instant import instant
from ..ledger.identity import identity_problems
from ..ledger.ledger import Entry, Ledger
from ..ledger.open_prediction import open_predictions, prediction_advice
from ..ledger.reversal import Reversal, changes_in
from ..plan.plan import Direction, Plan, Step, worst_first
from ..problem import Problem
from .override import OverriddenWait, UsedOverride
from .request import Request, override_command
from .review import unseen

VANISHES = "the backup is deleted with the runner"


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
        """Whether the wait ends at a known time. If so, the plan can be approved during the wait."""
        return self.gate in _OF_TIME


_OF_TIME = frozenset({"bake", "window", "freeze"})

SHORTEST_APPROVAL = 8
"""The minimum length of an approved fingerprint, in hexadecimal digits."""

Gate = Callable[[Plan, Request, Predecessor], Iterator[Reason]]


def reasons_to_wait(plan: Plan, request: Request, predecessor: Predecessor) -> tuple[Reason, ...]:
    """All reasons why `plan` must not run now. Empty if every gate passes, or is overridden."""
    overridden = request.override.gates if request.override else frozenset()
    found = tuple(reason for reason in _reasons(plan, request, predecessor) if reason.gate not in overridden)
    return _with_override(found, request)


def used_override(plan: Plan, request: Request, predecessor: Predecessor) -> UsedOverride | None:
    """The request's override, with the reasons to wait that it removes. None if it removes no reason."""
    if request.override is None:
        return None
    found = (each for each in _reasons(plan, request, predecessor) if each.gate in request.override.gates)
    waits = tuple(OverriddenWait(each.gate, each.what) for each in found)
    origin = request.origin
    return UsedOverride(waits, request.override.reason, origin.actor, request.now, origin.run_url) if waits else None


def process_reasons(plan: Plan, request: Request, predecessor: Predecessor) -> tuple[Reason, ...]:
    """The reasons to wait that the environment's process defines: a predecessor, a bake time, a window, a freeze."""
    gates = (_after, _bake, _window, _freeze)
    return _with_override(tuple(reason for gate in gates for reason in gate(plan, request, predecessor)), request)


def _with_override(reasons: tuple[Reason, ...], request: Request) -> tuple[Reason, ...]:
    """The reasons to wait. If all end at known times, the first reason's hint says when to try again, or how now."""
    ends = [reason.until for reason in reasons if reason.until and reason.passes]
    if not reasons or len(ends) < len(reasons):
        return reasons
    end = request.environment.opens(max(ends))
    later = "change the manifest, because no window opens outside the freezes within a year"
    if end:
        later = f"wait until {instant(end, request.environment.zone)}, then run the command again"
    command = override_command(request, (reason.gate for reason in reasons))
    return (replace(reasons[0], hint=f"{later}; in an emergency, override the wait: `{command}`"), *reasons[1:])


def _reasons(plan: Plan, request: Request, predecessor: Predecessor) -> Iterator[Reason]:
    gates = GATES if plan.direction is Direction.APPLY else GATES_BACK
    return (reason for gate in gates for reason in gate(plan, request, predecessor))


PLAN_AGAIN = "run `ctgitops plan` again, and approve the new plan"


def _fingerprint(plan: Plan, request: Request, _predecessor: Predecessor) -> Iterator[Reason]:
    if request.approved is None or _same(plan.fingerprint, request.approved):
        return
    what = f"this plan is {plan.fingerprint[:12]}, but the approved plan is {request.approved[:12] or 'empty'}"
    hint = f"the files or the database have changed since the approval: {PLAN_AGAIN}"
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
    for step in plan.singles:
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
    entries = [e for step in plan.singles if (e := predecessor.applied.get(step.number))]
    for entry in entries:
        ready = _finished(entry, request) + environment.bake
        if ready > request.now:
            what = f"{entry.name} has been on {environment.after} since {_finished(entry, request):%Y-%m-%d %H:%M UTC}"
            yield Reason("bake", what, f"wait until {instant(ready, environment.zone)}", expected=True, until=ready)


def _finished(entry: Entry, request: Request) -> datetime:
    return entry.finished_at or request.now


def _window(_plan: Plan, request: Request, _predecessor: Predecessor) -> Iterator[Reason]:
    windows = request.environment.windows
    if windows and not any(window.contains(request.now) for window in windows):
        welcome = "; ".join(str(window) for window in windows)
        opens, zone = min((window.next_start(request.now), window.timezone) for window in windows)
        yield Reason(
            "window",
            f"{request.now:%a %H:%M UTC} is outside this environment's windows: {welcome}",
            f"wait until {instant(opens, zone)}",
            expected=True,
            until=opens,
        )


def _freeze(_plan: Plan, request: Request, _predecessor: Predecessor) -> Iterator[Reason]:
    for each in request.environment.freezes:
        if freeze := each.at(request.now):
            what = f"a freeze is in force since {instant(freeze.start, freeze.timezone)}: {freeze.reason}"
            hint = f"wait until {instant(freeze.end, freeze.timezone)}"
            yield Reason("freeze", what, hint, expected=True, until=freeze.end)


def _reviewed(plan: Plan, request: Request, predecessor: Predecessor) -> Iterator[Reason]:
    if request.environment.reviewed is Reviewed.REQUIRED:
        yield from _unreviewed(plan, request, predecessor)


def with_warnings(plan: Plan, request: Request) -> Plan:
    """The plan with warnings about its run: files without a review, a backup that vanishes.

    The warnings do not change the plan's fingerprint.
    """
    found = list(_vanishing_backup(plan, request))
    if request.environment.reviewed is Reviewed.WARN:
        found += [Problem("not-reviewed", r.what, hint=r.hint, blocks=False) for r in _unreviewed(plan, request, None)]
    return replace(plan, problems=worst_first((*plan.problems, *found))) if found else plan


def _vanishing_backup(plan: Plan, request: Request) -> Iterator[Problem]:
    environment = request.environment
    backup = environment.backup
    if backup and backup.in_folder and request.origin.disk_is_deleted and not plan.empty:
        what = f"THE BACKUP IS DELETED WITH THE RUNNER: `backup.to: {backup.to}` is a folder of a GitHub-hosted runner"
        hint = "set `backup.to` to a bucket, such as s3://BUCKET/PREFIX (docs/backups.md#on-github)"
        yield Problem("backup-vanishes", what, Place(environment.path), hint, blocks=False, brief=VANISHES)


def _unreviewed(plan: Plan, request: Request, predecessor: Predecessor) -> Iterator[Reason]:
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
        yield Reason("reviewed", what, _shown_by(file.path, request.environment, predecessor))


def _shown_by(path: str, environment: Environment, predecessor: Predecessor) -> str:
    """A hint: which pull request to open, so that its plan shows a file that no merged pull request showed."""
    name = path.rsplit("/", 1)[-1].split(".", 1)[0]
    there = isinstance(predecessor, Ledger) and name in {entry.name for entry in predecessor.applied.values()}
    which = "that changes the file"
    first = "the file was pushed directly, or changed later"
    if there:
        which = "with a new migration, whose plan shows this file too"
        first = f"the file must not change, because {environment.after} has applied it"
    then = "merge it, and publish a release" if environment.trigger is Trigger.RELEASE else "and merge it"
    return f"{first}: open a pull request {which}, {then}"


GATES: tuple[Gate, ...] = (_fingerprint, _reviewed, _after, _bake, _window, _freeze)
GATES_BACK: tuple[Gate, ...] = (_fingerprint,)
"""The gates of a rollback. A rollback repairs a failure, and does not wait for windows or other environments."""
