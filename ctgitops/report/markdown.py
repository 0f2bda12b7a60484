"""Renders Markdown for pull requests and job summaries: the plan comment, and the outcome of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.gate.request import Origin
from ..core.performance.report import LoadState
from ..core.run.outcome import Outcome, Status
from ..core.view.verdict import verdict_of
from ..core.workspace.finding import Finding, Severity
from . import escape, findings, phrases
from .backup_lines import proved
from .comment import Comment
from .diff_lines import change_lines
from .impact import text_lines
from .load import load_parts
from .outcome_text import outcome_verdict
from .override import override_markdown
from .page import MAX, fit, render
from .proof import sentences
from .text import next_step
from .text_status import statuses_text
from .verdict import MARKS as STATE_MARKS

if TYPE_CHECKING:
    from ..core.problem import Problem
    from ..core.view.preview import PlanResult, Preview
    from ..core.view.status import EnvironmentStatus
    from ..core.workspace.workspace import Workspace

MARKS = {
    Status.UP_TO_DATE: "✅",
    Status.APPLIED: "✅",
    Status.ROLLED_BACK: "↩️",
    Status.WAITING: "⏳",
    Status.BLOCKED: "⛔",
}


def plans_markdown(
    results: tuple[PlanResult, ...], origin: Origin | None = None, *, longest: int = MAX, summary_has_all: bool = True
) -> str:
    """The plan comment: all environments on one page of at most `longest` characters.

    A shortened page says where the whole plan is: in the summary of the run, or only in a file.
    """
    comment = Comment(results, origin or Origin(), summary_has_all)
    return fit(lambda kept: render("plan.md.j2", comment.values(kept)), comment.counts, longest)


def outcome_markdown(outcome: Outcome, origin: Origin | None = None, *, longest: int = MAX) -> str:
    """The page about a run: the applied migrations and how to roll them back, or why no migration was applied."""
    return outcome_page(outcome, origin or Origin(), "outcome.md.j2", longest)


def _trial(preview: Preview) -> tuple[str, ...]:
    """The effects of a dry run's steps on other sessions, and the results of its trial. One line each."""
    effects = (f"{name}: {line}" if name else line for name, line in text_lines(preview))
    return (*effects, *(sentences(preview.proof, preview.plan, preview.destroys) if preview.proof else ()))


def outcome_page(outcome: Outcome, origin: Origin, template: str, longest: int) -> str:
    """Renders the outcome of a run with `template`."""
    problems = findings.parts_of(dict.fromkeys(outcome.objections, ()), origin)
    receipt = outcome.receipt
    values: dict[str, object] = {
        "mark": _mark(outcome),
        "mismatch": bool(outcome.mismatch),
        "unpredicted": outcome.unpredicted,
        "next_command": next_step(outcome.preview, outcome.next_command) if outcome.preview else "",
        "verdict": outcome_verdict(outcome),
        "environment": outcome.plan.environment,
        "fingerprint": outcome.plan.fingerprint[:12],
        "watched": phrases.watched(outcome.plan.apply_policy) if outcome.status is Status.APPLIED else "",
        "load": load_parts(outcome.load) if outcome.load else None,
        "receipt": receipt,
        "pitr": outcome.recovery_point.text if outcome.recovery_point else "",
        "proved": proved(receipt) if receipt else "",
        "origin": origin,
        "tally": findings.folded(problems),
        "override": override_markdown(outcome.override),
        "trial": _trial(outcome.preview) if outcome.preview else (),
    }
    shown_only = _marked_steps(outcome)
    done = [(d.name, phrases.millis(d.millis)) for d in outcome.done]
    losses = [(w.loss.migration, w.text, w.matters) for w in outcome.losses]
    left = [(each.migration, each.text) for each in outcome.left]
    differs = change_lines(outcome.mismatch.differs) if outcome.mismatch else []
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


def _marked_steps(outcome: Outcome) -> list[tuple[str, str]]:
    """The mark and the name of each step of a dry run."""
    if outcome.preview is None:
        return []
    states = verdict_of(outcome.preview).steps
    return [(STATE_MARKS[states[step.number]], step.name) for step in outcome.plan.steps]


def _mark(outcome: Outcome) -> str:
    if outcome.preview:
        return STATE_MARKS[verdict_of(outcome.preview).state]
    if outcome.mismatch:
        return "⛔"
    changed = outcome.load is not None and outcome.load.state is not LoadState.UNCHANGED
    warns = outcome.objections or changed or (outcome.receipt and outcome.receipt.vanishes)
    return "🟠" if outcome.status is Status.APPLIED and warns else MARKS[outcome.status]


def statuses_markdown(statuses: tuple[EnvironmentStatus, ...]) -> str:
    """The same text as on a terminal, because a wide table is easier to read in a fixed-width font."""
    return f"{escape.fence(statuses_text(statuses).rstrip(), 'text')}\n"


def check_markdown(
    workspace: Workspace, problems: tuple[Problem, ...], found_by_lint: tuple[Finding, ...] = (), *, longest: int = MAX
) -> str:
    """The problems and findings in the files, for the summary of a run."""
    said = (finding.problem for finding in found_by_lint if finding.severity is not Severity.NOTICE)
    found = dict.fromkeys((*problems, *sorted(said, key=lambda each: not each.fails)), ())
    parts = findings.parts_of(found, Origin())
    counts = findings.counts(parts)
    mark = "⛔" if any(p.is_error for p in found) else "✅"
    verdict = phrases.checked(workspace, problems, found_by_lint)
    values = {"mark": mark, "verdict": verdict, "tally": findings.folded(parts)}

    def draw(kept: dict[str, int]) -> str:
        shown = {"problems": findings.trimmed(parts, kept), "more": sum(counts.values()) - sum(kept.values())}
        return render("check.md.j2", values | shown)

    return fit(draw, counts, longest)
