"""Renders the history of environments for a terminal and as Markdown. Each environment has a lane, newest run first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.gate.override import is_override
from ..core.ledger.ledger import Mark
from ..core.view.preview import NotPlanned
from . import phrases
from .escape import code, plain, prose
from .history_json import has_backup
from .terminal_text import on_one_line, table

if TYPE_CHECKING:
    from ..core.view.run_history import History, Lane, RecordedRun

MOST_RUNS = 50
"""How many runs of an environment are shown. The JSON output and the HTML page show all runs."""
MOST_NAMES = 3
_HEADING = ("when", "run", "version", "who", "pull request", "duration", "backup", "migrations")


def history_text(history: History, within: int | None = None) -> str:
    """Formats the history for a terminal."""
    return "\n\n".join("\n".join(_text(lane, within)) for lane in history.lanes) + "\n"


def _text(lane: Lane, within: int | None) -> list[str]:
    if lane.unreadable:
        hint = [f"  help: {on_one_line(lane.unreadable.hint)}"] if lane.unreadable.hint else []
        return [f"{lane.environment}: CANNOT BE READ: {on_one_line(lane.unreadable.why)}", *hint]
    lines = [f"{lane.environment}: {verdict(lane)}"]
    if lane.runs:
        lines += ["", *table([_HEADING, *map(_row, _shown(lane))], within=within)]
    for run in _shown(lane):
        lines += [f"  {_when(run)} {on_one_line(what)}" for what in _errors(run)]
    lines += [f"  deprecated: {on_one_line(each.text)}" for each in lane.deprecations]
    return lines + [f"  {line}" for line in _left_out(lane)]


def history_markdown(history: History) -> str:
    """Formats the history for a summary."""
    return "\n\n".join("\n".join(_markdown(lane)) for lane in history.lanes) + "\n"


def _markdown(lane: Lane) -> list[str]:
    name = plain(lane.environment)
    if lane.unreadable:
        return [f"### {name}: cannot be read", "", prose(lane.unreadable.why), "", prose(lane.unreadable.hint)]
    lines = [f"### {name}: {plain(verdict(lane))}"]
    if lane.runs:
        lines += ["", f"| {' | '.join(_HEADING)} |", f"|{':--|' * len(_HEADING)}"]
        lines += [f"| {' | '.join(_cells(run))} |" for run in _shown(lane)]
    lines += ["", *(f"- {plain(_when(run))}: {prose(what)}" for run in _shown(lane) for what in _errors(run))]
    lines += [f"- deprecated: {plain(each.text)}" for each in lane.deprecations]
    return lines + [plain(line) for line in _left_out(lane)]


def _cells(run: RecordedRun) -> list[str]:
    *first, names = _row(run)
    return [*(plain(cell) for cell in first), code(names)]


def verdict(lane: Lane) -> str:
    """The state of an environment in one line: version, migrations, drift, and problems."""
    ledger = lane.ledger
    if not ledger.entries:
        return "no ledger, so no history"
    said = [f"schema version {phrases.version(ledger.version)}", phrases.count(len(ledger.applied), "migration")]
    said += [phrases.count(len(lane.runs), "run"), _drift(lane)]
    said += [f"UNFINISHED: {entry.name}" for entry in ledger.unfinished.values()]
    if lane.broken_at is not None:
        said.append(f"LEDGER CHANGED BY HAND at entry {lane.broken_at}")
    return ", ".join(said)


def _drift(lane: Lane) -> str:
    if lane.drift is None:
        return "drift not checked"
    if isinstance(lane.drift, NotPlanned):
        return f"drift UNKNOWN ({on_one_line(lane.drift.error.what)})"
    return f"DRIFT: {phrases.count(len(lane.drift.changes), 'difference')}" if lane.drift.changes else "no drift"


def _shown(lane: Lane) -> tuple[RecordedRun, ...]:
    return tuple(reversed(lane.runs[-MOST_RUNS:]))


def _left_out(lane: Lane) -> list[str]:
    more = len(lane.runs) - MOST_RUNS
    return (
        [f"{phrases.count(more, 'older run')} not shown; `--format json` and `--html` contain all runs"]
        if more > 0
        else []
    )


def _row(run: RecordedRun) -> tuple[str, ...]:
    names = run.names
    more = [f"{len(names) - MOST_NAMES} more"] if len(names) > MOST_NAMES else []
    return (
        _when(run),
        run.result.value.upper() if run.result.is_bad else run.result.value,
        phrases.version(run.version),
        run.first.actor or "-",
        f"#{number}" if (number := next((e.pull_request for e in run.entries if e.pull_request), None)) else "-",
        "-" if run.millis is None else phrases.millis(run.millis),
        "yes" if any(has_backup(entry.receipt) for entry in run.entries) else "no",
        ", ".join([*names[:MOST_NAMES], *more]) or "-",
    )


def _when(run: RecordedRun) -> str:
    return phrases.moment(run.finished_at) if run.finished_at else "unknown time"


def _errors(run: RecordedRun) -> list[str]:
    # Each migration that a squashed file replaced has the file as its reason, and the file has an entry of its own
    failed = [e for e in run.entries if e.error and not is_override(e) and e.mark is not Mark.APPLIED]
    return [
        *(f"OVERRIDE: {used.text}" for used in run.overrides),
        *(f"{entry.name}: {entry.mark.value}: {entry.error}" for entry in failed),
    ]
