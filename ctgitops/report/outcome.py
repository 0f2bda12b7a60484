"""Renders the outcome of an apply or rollback, as a page or as a part of one."""

from __future__ import annotations

from ..core.gate.request import Origin
from ..core.run.outcome import Outcome, Status
from . import escape, findings, phrases
from .diff_lines import change_lines
from .page import fit, render
from .text import outcome_verdict

MARKS = {
    Status.UP_TO_DATE: "✅",
    Status.APPLIED: "✅",
    Status.ROLLED_BACK: "↩️",
    Status.WAITING: "⏳",
    Status.BLOCKED: "⛔",
    Status.ONLY_SHOWN: "👁️",
}


def outcome_page(outcome: Outcome, origin: Origin, template: str, longest: int) -> str:
    """Renders the template: what was done, how to roll back, or why nothing was done."""
    found = dict.fromkeys(outcome.plan.problems, ()) if outcome.status is Status.BLOCKED else {}
    problems = findings.parts_of(found, origin)
    receipt = outcome.receipt
    values: dict[str, object] = {
        "mark": "⛔" if outcome.unkept else MARKS[outcome.status],
        "unkept": bool(outcome.unkept),
        "unpredicted": outcome.unpredicted,
        "next_command": outcome.next_command,
        "verdict": outcome_verdict(outcome),
        "environment": outcome.plan.environment,
        "fingerprint": outcome.plan.fingerprint[:12],
        "watched": phrases.watched(outcome.plan.manner) if outcome.status is Status.APPLIED else "",
        "receipt": receipt,
        "size": phrases.size(receipt.bytes) if receipt else "",
        "rows": phrases.count(sum(receipt.rows.values()), "row") if receipt else "",
        "origin": origin,
        "tally": findings.folded(problems),
    }
    shown_only = [step.name for step in outcome.plan.steps] if outcome.status is Status.ONLY_SHOWN else []
    done = [(d.name, phrases.millis(d.millis)) for d in outcome.done]
    losses = [(w.loss.migration, w.told, w.matters) for w in outcome.losses]
    left = [(each.migration, each.told) for each in outcome.left]
    differs = change_lines(outcome.unkept.differs) if outcome.unkept else []
    counts = {
        "differs": len(differs),
        "reasons": len(outcome.reasons),
        "left": len(left),
        "losses": len(losses),
        "steps": len(shown_only),
        **findings.counts(problems),
        "done": len(done),
    }

    def draw(kept: dict[str, int]) -> str:
        shown = {
            "problems": findings.trimmed(problems, kept),
            "differs": escape.fence("\n".join(differs[: kept["differs"]]), "diff") if differs else "",
            "reasons": outcome.reasons[: kept["reasons"]],
            "losses": losses[: kept["losses"]],
            "steps": shown_only[: kept["steps"]],
            "left": left[: kept["left"]],
            "done": done[: kept["done"]],
            "more": sum(counts.values()) - sum(kept.values()),
        }
        return render(template, values | shown)

    return fit(draw, counts, longest)
