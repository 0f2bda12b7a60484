"""A notification: the result of a run in a few lines, as text for people and JSON for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from ..core.environment.receiver import Event
from ..core.gate.request import Origin
from ..core.run.outcome import Outcome, Status
from ..core.view.drift import DriftResult
from ..core.view.preview import NotPlanned
from ..errors import BackupError, CtgitopsError, MustWaitError
from .drift import verdict, what_next
from .json import Object, dump
from .load import load_verdict, proposal
from .terminal_text import on_one_line
from .text import outcome_verdict

LONGEST_LINE, MOST_LINES = 400, 12
_MARKUP = str.maketrans({"<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}", "@": "@\N{ZERO WIDTH SPACE}"})
"""Characters that could mention people, or hide a link, in the markup of chat services."""


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

    @property
    def title(self) -> str:
        """The environment, the event and the summary."""
        return _harmless(f"{self.environment}: {self.summary}")

    @property
    def text(self) -> str:
        """The facts, the next step and the links. Each has one line without markup."""
        lines = [*self.facts, *([f"next: {self.next}"] if self.next else []), *self._links()]
        return "\n".join(map(_harmless, lines[:MOST_LINES]))

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


def _harmless(line: str) -> str:
    """The line without mentions, links that hide their address, and control characters."""
    text = on_one_line(line).translate(_MARKUP).replace("](", "] (")
    return text if len(text) <= LONGEST_LINE else f"{text[: LONGEST_LINE - 1]}…"


_EVENTS = {
    Status.APPLIED: Event.APPLIED,
    Status.ROLLED_BACK: Event.ROLLED_BACK,
    Status.WAITING: Event.WAITING,
    Status.BLOCKED: Event.FAILED,
}


def of_outcome(outcome: Outcome, origin: Origin) -> Notification | None:
    """The notification about a run that ended without an error. None if the run changed nothing and nothing waits."""
    event = Event.FAILED if outcome.mismatch else _EVENTS.get(outcome.status)
    if event is None:
        return None
    facts = [done.name for done in outcome.done]
    facts += [f"{each.what}{_until(each.until)}" for each in outcome.reasons]
    facts += [f"{problem.code}: {problem.what}" for problem in outcome.objections]
    if outcome.receipt:
        facts.append(f"backup: {outcome.receipt.id}")
    hints = [*(reason.hint for reason in outcome.reasons), *(problem.hint for problem in outcome.objections)]
    name = outcome.plan.environment
    return Notification(event, name, outcome_verdict(outcome), tuple(facts), next(filter(None, hints), ""), origin)


def of_load(outcome: Outcome, origin: Origin) -> Notification | None:
    """The notification about a regression of the load after an apply. None without one."""
    if outcome.load is None or not outcome.load.regressions:
        return None
    found = [": ".join(filter(None, (each.kind, each.what, each.statement))) for each in outcome.load.regressions]
    facts = (*(done.name for done in outcome.done), *found, "database: all is applied; the load is only observed")
    name = outcome.plan.environment
    next_step = proposal(outcome.load) or f"`ctgitops performance --env {name}` shows all findings"
    return Notification(Event.REGRESSION, name, load_verdict(outcome.load), facts, next_step, origin)


def _until(moment: datetime | None) -> str:
    return f" (until {moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC)" if moment else ""


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
    return Notification(event, environment, f"{verb}: {error.what}", tuple(facts), error.hint, origin)


def of_drift(result: DriftResult, origin: Origin) -> Notification | None:
    """The notification about drift, or about a comparison that was not possible. None if there is no drift."""
    name = result.environment.name
    if isinstance(result, NotPlanned):
        what = f"NOT CHECKED, so drift is unknown: {result.error.what}"
        return Notification(Event.DRIFT, name, what, next=result.error.hint, origin=origin)
    if not result.changes:
        return None
    facts = tuple(str(change) for change in result.changes)
    return Notification(Event.DRIFT, name, verdict(result), facts, what_next(result)[0], origin)
