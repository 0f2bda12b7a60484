"""Renders the status of environments for a terminal. Formats one environment as a table, and several side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.activity.run_activity import Look
from . import phrases
from .problem_text import problem_lines
from .terminal_text import on_one_line, table
from .watch import activity_lines

if TYPE_CHECKING:
    from ..core.view.queue import QueuedApply
    from ..core.view.status import EnvironmentStatus, Row

LONGEST = 56
"""Maximum length of a description if the terminal's width is unknown. The JSON output has the full text."""


def statuses_text(statuses: tuple[EnvironmentStatus, ...], within: int | None = None) -> str:
    """All environments side by side, then their migrations and problems. `status_text` formats a single environment."""
    if len(statuses) == 1:
        return status_text(statuses[0], within)
    heading = ("environment", "version", "pending", "last run", "problems")
    lines = table([heading, *map(_beside, statuses)], indent=0, within=within)
    lines += _migrations(statuses, within)
    lines += _deprecations(statuses)
    lines += _queue(statuses)
    for status in statuses:
        lines += _now(status)
    for status in statuses:
        lines += _problems(status)
    return "\n".join(lines) + "\n"


def status_text(status: EnvironmentStatus, within: int | None = None) -> str:
    """One environment: every migration with its state."""
    if status.unreadable:
        said = [f"{status.environment}: CANNOT BE READ: {on_one_line(status.unreadable)}", *_remedy(status)]
        return "\n".join(said) + "\n"
    pending = f"{status.pending} pending" if status.pending else "nothing pending"
    lines = [f"{status.environment}: schema version {phrases.version(status.version)}, {pending}", ""]
    heading = ("Version", "Migration", "Description", "Date", "Status")
    rows = (_row(row, LONGEST if within is None else None) for row in status.rows)
    lines += table([heading, *rows], indent=0, within=within)
    if point := status.recovery_point:
        lines += ["", f"recovery point of the last run: {on_one_line(point.text)}"]
    lines += ["", f"ledger {status.ledger_id}"] if status.ledger_id else []
    lines += _deprecations((status,))
    lines += _queue((status,))
    lines += _now(status)
    return "\n".join([*lines, *_problems(status)]) + "\n"


def _migrations(statuses: tuple[EnvironmentStatus, ...], within: int | None) -> list[str]:
    """A table with a row for each migration, and a column for each environment that could be read."""
    seen = [status for status in statuses if not status.unreadable]
    states = {status.environment: {(row.number, row.name): row for row in status.rows} for status in seen}
    known = {(row.number, row.name): row for status in reversed(seen) for row in status.rows}
    if not known:
        return []
    heading = ("Version", "Migration", "Description", *states)
    longest = LONGEST if within is None else None
    rows = (
        (*_row(known[key], longest)[:3], *(_state(rows.get(key)) for rows in states.values())) for key in sorted(known)
    )
    return ["", *table([heading, *rows], indent=0, within=within)]


def _deprecations(statuses: tuple[EnvironmentStatus, ...]) -> list[str]:
    """The deprecated tables and columns, each with the environments that still have it."""
    where: dict[tuple[str, str], list[str]] = {}
    for status in statuses:
        for each in status.deprecations:
            since = f"{each.since:%Y-%m-%d}" if each.since else "an unknown day"
            key = (each.object, f"remove after {each.after}, deprecated by {each.migration}")
            where.setdefault(key, []).append(f"{status.environment} since {since}")
    rows = [(*key, ", ".join(environments)) for key, environments in where.items()]
    return ["", "deprecated", *table(rows)] if rows else []


def _queue(statuses: tuple[EnvironmentStatus, ...]) -> list[str]:
    """The environments with pending migrations, in the order of their applies."""
    waiting = sorted(((s.queued.position, s) for s in statuses if s.queued), key=lambda each: each[0])
    rows = [(f"{n}.", s.environment, f"{s.pending} pending", *_when(s.queued)) for n, s in waiting if s.queued]
    return ["", "queue", *table(rows)] if any(s.queued and s.queued.reasons for _, s in waiting) else []


def _when(queued: QueuedApply) -> tuple[str, str]:
    """When an apply could begin, and what starts the apply."""
    return queued.text or "could begin now", f"comes with {phrases.comes_with(queued.environment)}"


def _now(status: EnvironmentStatus) -> list[str]:
    """The current run, and the newest override."""
    lines = ["", *activity_lines(Look(status.run), status.environment)] if status.run else []
    if status.measuring:
        lines += ["", f"{status.environment}: {on_one_line(status.measuring.text)}"]
    if used := status.override:
        at = f", {phrases.moment(used.at)}" if used.at else ""
        lines += ["", f"{status.environment}: last override{at}: {on_one_line(used.text)}"]
        lines += [f"  ignored[{wait.gate}]: {on_one_line(wait.what)}" for wait in used.waits]
    return lines


def _state(row: Row | None) -> str:
    if row is None:
        return "-"
    return f"{row.state.value} {row.date:%Y-%m-%d}" if row.date else row.state.value


def _state_alone(row: Row) -> str:
    return f"{row.state.value}: {row.detail}" if row.detail else row.state.value


def _row(row: Row, longest: int | None) -> tuple[str, ...]:
    date = f"{row.date:%Y-%m-%d}" if row.date else "-"
    return (phrases.version(row.version), row.name, _short(row.description or "-", longest), date, _state_alone(row))


def _short(description: str, longest: int | None) -> str:
    """The description, shortened to `longest` characters. Unchanged if `longest` is None."""
    if longest is None or len(description) <= longest:
        return description
    return description[: longest - 1].rstrip() + "…"


def _beside(status: EnvironmentStatus) -> tuple[str, ...]:
    if status.unreadable:
        return (status.environment, "?", "?", "?", f"CANNOT BE READ: {status.unreadable}")
    problems = str(len(status.problems)) if status.problems else "none"
    return (status.environment, phrases.version(status.version), str(status.pending), last_run(status), problems)


def last_run(status: EnvironmentStatus) -> str:
    """The newest ledger entry as text: time, migration, mark and actor."""
    entry = status.last
    if entry is None:
        return "never"
    at = entry.finished_at or entry.started_at
    when = phrases.moment(at) if at else "at an unknown time"
    by = f" by {entry.actor}" if entry.actor else ""
    return f"{when}, {entry.name} {entry.mark.replace('-', ' ')}{by}"


def _problems(status: EnvironmentStatus) -> list[str]:
    lines: list[str] = ["", f"{status.environment}:", *_remedy(status)] if status.remedy else []
    for problem in status.problems:
        lines += ["", f"{status.environment}:", *(f"  {line}" for line in problem_lines(problem))]
    return lines


def _remedy(status: EnvironmentStatus) -> list[str]:
    return [f"  help: {on_one_line(status.remedy)}"] if status.remedy else []
