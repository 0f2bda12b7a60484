"""Renders Markdown for pull requests and job summaries: the plan comment, and the record of what a run did."""

from __future__ import annotations

from ..core.gate.request import Origin
from ..core.problem import Problem
from ..core.run.outcome import Outcome
from ..core.view.preview import Look
from ..core.view.status import EnvironmentStatus
from ..core.workspace.finding import Finding, Severity
from ..core.workspace.workspace import Workspace
from . import findings, phrases
from .comment import Comment
from .escape import fence
from .outcome import outcome_page
from .page import MAX, fit, render
from .text_status import statuses_text


def plans_markdown(looks: tuple[Look, ...], origin: Origin | None = None, *, longest: int = MAX) -> str:
    """The plan comment: all environments on one page, at most `longest` characters."""
    comment = Comment(looks, origin or Origin())
    return fit(lambda kept: render("plan.md.j2", comment.values(kept)), comment.counts, longest)


def outcome_markdown(outcome: Outcome, origin: Origin | None = None, *, longest: int = MAX) -> str:
    """The record of a run: what was applied, how to roll back, or why nothing was applied."""
    return outcome_page(outcome, origin or Origin(), "outcome.md.j2", longest)


def statuses_markdown(statuses: tuple[EnvironmentStatus, ...]) -> str:
    """The status of environments as in the terminal: a table of many columns is best read in a fixed-width font."""
    return f"{fence(statuses_text(statuses).rstrip(), 'text')}\n"


def check_markdown(
    workspace: Workspace, problems: tuple[Problem, ...], found_by_lint: tuple[Finding, ...] = (), *, longest: int = MAX
) -> str:
    """The problems and findings of the files, for a run's summary."""
    said = (finding.problem for finding in found_by_lint if finding.severity is not Severity.NOTICE)
    found = dict.fromkeys((*problems, *sorted(said, key=lambda each: not each.fails)), ())
    parts = findings.parts_of(found, Origin())
    counts = findings.counts(parts)
    looked_at = (
        phrases.count(len(workspace.migrations), "migration"),
        phrases.count(len(workspace.environments), "environment"),
        phrases.count(len(problems), "problem"),
        *([phrases.count(len(found_by_lint), "finding")] if found_by_lint else []),
        *phrases.not_analysed((*problems, *(finding.problem for finding in found_by_lint))),
    )
    mark = "⛔" if any(p.is_error for p in found) else "✅"
    values = {"mark": mark, "verdict": ", ".join(looked_at), "tally": findings.folded(parts)}

    def draw(kept: dict[str, int]) -> str:
        shown = {"problems": findings.trimmed(parts, kept), "more": sum(counts.values()) - sum(kept.values())}
        return render("check.md.j2", values | shown)

    return fit(draw, counts, longest)
