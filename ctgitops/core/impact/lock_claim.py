"""A lint finding that predicts blocking, and the locks that the trial measured for the statement. Pure.

A finding names the statement, the column and the remedy. The trial shows which lock was really held, for how long, and
on how many rows. A measurement is reported only with the finding for the same statement. So each fact is reported once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ..workspace.finding import Finding, Severity
from .impact import WRITES, Held, LockWindow, StatementImpact, StepImpact, Work

if TYPE_CHECKING:
    from ..plan.plan import Step
    from .projection import Effect, Wait


@dataclass(frozen=True)
class Claim:
    """One finding that predicts blocking, with the measurement of its statement."""

    finding: Finding
    held: tuple[Held, ...]
    """The locks that blocked other sessions while the statement worked. Empty if no lock blocked them."""
    waits: tuple[Wait, ...]
    """The predicted waits for the locks in `held`. Leaves out waits that an earlier finding reports."""
    beside: tuple[tuple[str, Work], ...]
    """The work of statements that have no finding, as pairs of a relation and a kind of work."""
    earlier: int | None
    """The line of the earlier finding that reports the same wait. None if this finding reports the wait."""

    def also(self, relation: str) -> tuple[Work, ...]:
        """The kinds of work in `beside` on one relation."""
        return tuple(work for name, work in self.beside if name == relation)


def claims_of(step: Step, effect: Effect) -> tuple[Claim, ...]:
    """A claim for each finding whose statement the trial reached."""
    claiming = [f for f in step.findings if f.blocks_writes and f.severity is not Severity.NOTICE]
    found = [(finding, seen) for finding in claiming if (seen := _statement(step, effect.impact, finding))]
    others = [each for each in effect.impact.statements if not any(each in seen for _, seen in found)]
    beside = tuple(dict.fromkeys((work.relation, work.work) for each in others for work in each.worked))
    lines: dict[Held, int] = {}
    claims = []
    for finding, seen in found:
        held = _shut_by(effect.impact, seen)
        waits = tuple(wait for wait in effect.waits if wait.held in held and wait.held not in lines)
        earlier = next((lines[each] for each in held if each in lines), None)
        claims.append(Claim(finding, held, waits, beside, None if waits else earlier))
        lines |= {wait.held: finding.place.line or 1 for wait in waits}
    return tuple(claims)


def reported_by(claims: Iterable[Claim]) -> frozenset[str]:
    """The relations whose waits are reported by the findings."""
    return frozenset(wait.held.relation for claim in claims for wait in claim.waits)


def _statement(step: Step, impact: StepImpact, finding: Finding) -> tuple[StatementImpact, ...]:
    """The measurements of the statement at a finding's place."""
    script = step.script
    if finding.place.path != script.path:
        return ()
    where = (finding.place.line or 1, finding.place.column or 1)
    begins = (script.place(script.start_of(statement)) for statement in script.statements)
    line = max((place.line or 1 for place in begins if (place.line or 1, place.column or 1) <= where), default=0)
    return tuple(each for each in impact.statements if each.line == line)


def _shut_by(impact: StepImpact, seen: tuple[StatementImpact, ...]) -> tuple[Held, ...]:
    """The locks that block writes while the statements in `seen` work. Includes locks that earlier statements took."""
    working = tuple(each for each in seen if each.blocking)
    names = {held.relation for each in working for held in each.taken if WRITES in held.mode.conflicts}
    names |= {work.relation for each in working for work in each.blocking}
    return tuple(window.held for window in impact.windows if window.held.relation in names and _in(window, working))


def _in(window: LockWindow, working: tuple[StatementImpact, ...]) -> bool:
    return any(each in window.during for each in working)
