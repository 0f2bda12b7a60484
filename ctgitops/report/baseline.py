"""Renders the result of `baseline` as text, Markdown and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.ledger.drift_acceptance import change_data
from . import phrases
from .diff_lines import change_lines
from .drift import diff_fence
from .escape import plain
from .json import dump
from .page import MAX
from .terminal_text import on_one_line

if TYPE_CHECKING:
    from ..core.run.baseline import Baseline

UNSEEN = "a schema does not show which rows the migrations inserted: check that these rows exist"


def baseline_text(done: Baseline) -> str:
    """Formats the result for a terminal."""
    lines = [f"{done.environment}: {verdict(done)}", *(f"  not matched: {on_one_line(n)}" for n in done.unmatched)]
    if done.changes:
        lines += ["", "  - schema of the files, + schema of the database", "", *change_lines(done.changes)]
    return "\n".join([*lines, "", *(f"  {line}" for line in _after(done))]) + "\n"


def verdict(done: Baseline) -> str:
    """The verdict, which is the first line."""
    differences = phrases.count(len(done.changes), "difference")
    if not done.names:
        return f"NOT BASELINED: {differences} from the schema of the files; nothing was changed"
    accepted = f"with {differences} accepted: {done.reason}" if done.changes else done.reason
    names = f"{phrases.count(len(done.names), 'migration')}, {done.names[0]} to {done.names[-1]}"
    listed = f", as {done.tool} lists them" if done.tool else ""
    listed += f"; {done.in_step} is kept in step" if done.in_step else ""
    return f"baselined with {names}{listed}; {accepted}"


def _after(done: Baseline) -> list[str]:
    if done.names:
        return [f"note: {UNSEEN}", f"next: ctgitops plan --env {done.environment}"]
    return [
        "next: choose another `--at`, add the missing objects in a migration, or change the database",
        'or accept the differences: the same command with `--accept-differences "why"`',
    ]


def baseline_markdown(done: Baseline) -> str:
    """Formats the result for a comment or summary."""
    parts = [f"### {'✅' if done.names else '⛔'} {plain(done.environment)}: {plain(verdict(done))}"]
    parts += [f"- not matched: {plain(note)}" for note in done.unmatched]
    parts += (
        ["`-` schema of the files, `+` schema of the database", diff_fence(done.changes, MAX - 2000)]
        if done.changes
        else []
    )
    return "\n\n".join([*parts, *(plain(line) for line in _after(done))]) + "\n"


def baseline_json(done: Baseline) -> str:
    """Formats the result as JSON."""
    fields = {
        "environment": done.environment,
        "exit_status": done.exit_status,
        "baselined": list(done.names),
        "reason": done.reason if done.names else None,
        "unmatched": list(done.unmatched),
        "changes": [change_data(change) for change in done.changes],
    }
    return dump(fields)
