"""A notification: the result of a run in a few lines, as text for people and JSON for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import field, replace
from typing import TYPE_CHECKING

from ..core.backup.drill import DrillResult, PassedDrill
from ..core.environment.receiver import Event
from ..core.gate.request import Origin
from ..core.run.outcome import Outcome, Status
from ..core.view.preview import NotPlanned
from ..errors import BackupError, Cause, CtgitopsError, MustWaitError
from ..lazy import dataclass
from .diff_lines import change_lines
from .drift import what_next, whole_verdict
from .json import Object, dump
from .load import load_verdict, proposal
from .notification_text import Dialect, text_in, title_in
from .outcome_text import outcome_verdict
from .predecessor_comparison import comparison_next

if TYPE_CHECKING:
    from ..core.activity.interrupted_run import InterruptedRun
    from ..core.gate.override import UsedOverride
    from ..core.gate.wait import PlanWait
    from ..core.view.drift import DriftResult

MOST_BLOCKERS = 5
"""The number of sessions that a notification about a lock timeout shows."""


@dataclass(frozen=True)
class Notification:
    """The result of a run in one environment, for people who have not seen the run."""

    event: Event
    environment: str
    summary: str
    """What happened, in one line."""
    facts: tuple[str, ...] = ()
    """Details, one line each: what waits and until when, the place of an error, and the state of the database."""
    next: str = ""
    """The next step for a person. Empty if there is none."""
    origin: Origin = field(default_factory=Origin)

    def title(self, dialect: Dialect = Dialect.PLAIN) -> str:
        """The environment and the summary."""
        return title_in(dialect, f"{self.environment}: {self.summary}")

    def text(self, dialect: Dialect = Dialect.PLAIN) -> str:
        """The facts, the next step and the links, one line each."""
        return text_in(dialect, self.facts, [*([f"next: {self.next}"] if self.next else []), *self._links()])

    def _links(self) -> Iterator[str]:
        if self.origin.actor:
            yield f"started by: {self.origin.actor}"
        if self.origin.pull_request and self.origin.repository_url:
            yield f"pull request: {self.origin.repository_url}/pull/{self.origin.pull_request}"
        if self.origin.run_url:
            yield f"run: {self.origin.run_url}"

    def changed(self, change: Callable[[str], str]) -> Notification:
        """The notification after the function `change` was applied to each of its texts."""
        facts = tuple(map(change, self.facts))
        return replace(self, summary=change(self.summary), facts=facts, next=change(self.next))

    def of_command(self, command: str) -> Notification:
        """The notification with the command of the run. Unchanged if a person need not run the command again."""
        again = self.event in {Event.FAILED, Event.WAITING, Event.BACKUP}
        return replace(self, facts=(f"command: `{command}`", *self.facts)) if command and again else self

    def data(self) -> Object:
        """The notification in the form that `notification.schema.json` describes."""
        return {
            "version": 1,
            "event": self.event.value,
            "environment": self.environment,
            "summary": self.summary,
            "facts": list(self.facts),
            "next": self.next or None,
            "actor": self.origin.actor or None,
            "commit": self.origin.commit_sha or None,
            "pull_request": self.origin.pull_request,
            "run_url": self.origin.run_url or None,
        }

    @property
    def json(self) -> str:
        """The JSON document."""
        return dump(self.data())


@dataclass(frozen=True)
class LongWait:
    """A long wait for a lock. Receivers are notified, and the run continues to wait."""

    subject: str
    """What waits: a migration, or the whole run."""
    why: tuple[str, ...] = ()
    """The sessions in the way when the wait began, one line each."""
    of_run: bool = False
    """Whether the whole run waits, for the run lock or for an earlier run."""


def of_long_wait(wait: LongWait, seconds: float, environment: str, origin: Origin) -> Notification:
    """The notification about a run that is still waiting for a lock."""
    summary = f"WAITS for more than {seconds:.0f} s: {wait.subject}"
    facts = tuple(f"when the wait began: {each}" for each in wait.why)
    watch = f"`ctgitops watch --env {environment}`"
    if wait.of_run:
        facts += ("database: this run has changed nothing yet; it begins when the other run ends",)
        unlock = f"`ctgitops unlock --env {environment}`"
        hint = f"let the run wait; {watch} shows what the other run does, and {unlock} whether it is alive"
    else:
        facts += ("database: the waiting migration has changed nothing yet; the run retries by itself",)
        hint = f"{watch} shows the blocking sessions; terminate them, or let the run wait"
    return Notification(Event.WAITING, environment, summary, facts, hint, origin)


def of_override(override: UsedOverride, environment: str, origin: Origin) -> Notification:
    """The notification about a run that starts although a gate says wait. Every receiver gets it."""
    facts = (f"reason: {override.reason}", *(f"ignored: {wait.gate}: {wait.what}" for wait in override.waits))
    summary = f"OVERRIDE of {', '.join(override.gates)}{f' by {override.actor}' if override.actor else ''}"
    hint = f"the run has begun; `ctgitops watch --env {environment}` shows what it is doing"
    return Notification(Event.OVERRIDE, environment, summary, facts, hint, origin)


def of_interrupted(run: InterruptedRun, environment: str, origin: Origin) -> Notification:
    """The notification about an earlier run that was interrupted, and could not notify receivers itself."""
    facts = [f"plan: {run.plan[:12]}", *([f"run: {run.run_url}"] if run.run_url else [])]
    facts.append(
        "database: the ledger contains each completed migration; the run that sends this message continues from there"
    )
    hint = f"`ctgitops status --env {environment}` shows what is applied"
    return Notification(Event.FAILED, environment, f"INTERRUPTED: {run.text}", tuple(facts), hint, origin)


_EVENTS = {
    Status.APPLIED: Event.APPLIED,
    Status.ROLLED_BACK: Event.ROLLED_BACK,
    Status.WAITING: Event.WAITING,
    Status.BLOCKED: Event.FAILED,
}


def of_outcome(outcome: Outcome, origin: Origin, wait: PlanWait | None = None) -> Notification | None:
    """The notification about a run that ended without an error. None if it changed nothing and nothing waits.

    `wait` is the wait for all reasons of the outcome, if they end by themselves.
    """
    name = outcome.plan.environment
    event = Event.FAILED if outcome.mismatch else _EVENTS.get(outcome.status)
    if event is None:
        return None
    facts = tuple(_facts_of(outcome, wait))
    if outcome.mismatch:
        next_step = f"`ctgitops drift --env {name}` shows the differences; do not apply this plan elsewhere"
        return Notification(event, name, outcome_verdict(outcome), facts, next_step, origin)
    hints = [*(reason.hint for reason in outcome.reasons), *(problem.hint for problem in outcome.objections)]
    return Notification(event, name, outcome_verdict(outcome), facts, next(filter(None, hints), ""), origin)


def _facts_of(outcome: Outcome, wait: PlanWait | None) -> Iterator[str]:
    """The migrations are last, because a service gets only the first lines of a long notification."""
    if outcome.mismatch:
        yield "database: the migrations are applied and recorded in the ledger"
    if wait and wait.until:
        yield f"it waits {wait.text}"
    yield from (each.what for each in outcome.reasons)
    for problem in outcome.objections:
        yield f"{problem.code}: {problem.what}{f' (at {problem.place})' if problem.place else ''}"
    if outcome.receipt:
        yield f"backup: {outcome.receipt.id}; to restore it: `{outcome.receipt.restore_with}`"
    yield from (done.name for done in outcome.done)
    if outcome.status is Status.WAITING:
        yield from (f"waits: {step.name}" for step in outcome.plan.steps)


def of_load(outcome: Outcome, origin: Origin) -> Notification | None:
    """The notification about a regression of the load after an apply. None without a regression."""
    if outcome.load is None or not outcome.load.regressions:
        return None
    found = [": ".join(filter(None, (each.kind, each.what, each.statement))) for each in outcome.load.regressions]
    # The names are last, because a service gets only the first lines of a long notification.
    state = "database: all migrations are applied; a regression changes nothing in the database"
    facts = (state, *found, *(done.name for done in outcome.done))
    name = outcome.plan.environment
    next_step = proposal(outcome.load) or f"`ctgitops performance --env {name}` shows all findings"
    return Notification(Event.REGRESSION, name, load_verdict(outcome.load), facts, next_step, origin)


def of_error(error: CtgitopsError, environment: str, origin: Origin) -> Notification:
    """The notification about a run that ended with an error."""
    event = Event.FAILED
    if isinstance(error, BackupError):
        event = Event.BACKUP
    elif isinstance(error, MustWaitError):
        event = Event.WAITING
    verb = "WAITS" if event is Event.WAITING else "FAILED"
    facts = [f"at: {error.place}"] if error.place else []
    facts += [f"database: {error.state}"] if error.state else []
    if error.cause is Cause.LOCK_TIMEOUT:
        facts += error.detail.splitlines()[:MOST_BLOCKERS]
    return Notification(event, environment, f"{verb}: {error.what}", tuple(facts), error.hint, origin)


AFTER_DRILL = "database: unchanged, because a drill only reads the backup; the newest backup is not proved"
"""The state after a failed drill."""


def of_drill(result: DrillResult, origin: Origin) -> Notification | None:
    """The notification about a failed drill. None if the backup was restored and verified."""
    if isinstance(result, PassedDrill):
        return None
    facts = [f"at: {result.error.place}"] if result.error.place else []
    facts.append(AFTER_DRILL)
    what = f"DRILL FAILED: {result.error.what}"
    return Notification(Event.DRILL, result.environment, what, tuple(facts), result.error.hint, origin)


def of_drift(result: DriftResult, origin: Origin) -> Notification | None:
    """The notification about drift, or about a comparison that was not possible. None without drift."""
    name = result.environment.name
    if isinstance(result, NotPlanned):
        what = f"NOT CHECKED, so drift is unknown: {result.error.what}"
        return Notification(Event.DRIFT, name, what, next=result.error.hint, origin=origin)
    found = result.comparison
    if not result.exit_status:
        return None
    changes = (*result.changes, *(found.changes if found else ()))
    facts = tuple(" ".join(line.split()) for line in change_lines(changes))
    steps = (*(what_next(result) if result.changes else ()), *(comparison_next(name, found) if found else ()))
    return Notification(Event.DRIFT, name, whole_verdict(result), facts, "; ".join(dict.fromkeys(steps)), origin)
