"""Renders the record of a pull request, which its comment shows above the plan after the merge."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from ..core.environment.environment import Environment, Trigger
from ..core.gate.request import Origin
from ..core.run.outcome import Outcome
from ..core.view.pull_request_record import WORST_FIRST, Cell, PastRollback, Record, RecordRow, RunEnd, Stage
from ..core.view.way_back import BackupNote
from ..errors import CtgitopsError, MustWaitError
from . import escape, links, phrases
from .markdown import outcome_page
from .outcome_text import outcome_verdict
from .override import override_markdown
from .page import MAX, fit, render
from .record_steps import APPROVAL, at_ref, is_repaired, next_step
from .record_words import HELD, MARKS, SAID
from .text_error import error_text
from .workflow_inputs import inputs_of, with_inputs

if TYPE_CHECKING:
    from ..core.gate.override import UsedOverride

Part = dict[str, Any]
Ended = Mapping[str, Outcome | CtgitopsError]


def record_markdown(record: Record, ended: Ended, origin: Origin | None = None, *, longest: int = MAX) -> str:
    """Shows each environment's state, next step and rollback, and then each migration.

    `ended` contains the results of this run, which give details. `record` contains the facts from all runs.
    """
    origin = origin or Origin()
    failed = [_failure(name, error, origin) for name, error in ended.items() if isinstance(error, CtgitopsError)]
    runs = [
        _run(name, outcome, origin, longest)
        for name, outcome in ended.items()
        if isinstance(outcome, Outcome) and APPROVAL not in [reason.gate for reason in outcome.reasons]
    ]
    rows = [_row(row, record) for row in record.rows]
    mark, verdict = _verdict(record)

    def draw(kept: dict[str, int]) -> str:
        values: dict[str, object] = {
            "mark": mark,
            "verdict": verdict,
            "steps": [_step(environment, record) for environment in record.environments],
            "ways": [_way(record, name) for name in record.ways_back],
            "actions": links.address(f"{origin.repository_url}/actions" if origin.repository_url else ""),
            "failed": failed,
            "overrides": [_override(name, used) for name, each in record.overrides.items() for used in each],
            "names_of_environments": [environment.name for environment in record.environments],
            "rows": rows[: kept["rows"]],
            "more_rows": len(rows) - kept["rows"],
            "runs": runs[: kept["runs"]],
            "commit": origin.commit_sha[:7],
            "actor": origin.actor,
            "run_url": links.address(origin.run_url),
        }
        return render("record.md.j2", values)

    return fit(draw, {"runs": len(runs), "rows": len(rows)}, longest)


def approved_markdown(users: tuple[str, ...] | None) -> str:
    """The last line of a record: who approved the pull request, without mentions. `users` is None if unknown."""
    if users is None:
        return "\n<sub>the approvals could not be read</sub>\n"
    said = f"approved by {escape.code(phrases.joined(users))}" if users else "no approving review"
    return f"\n<sub>{said}</sub>\n"


def failure_markdown(error: CtgitopsError, origin: Origin) -> str:
    """The record of a merge whose run ended before it read any environment."""
    values = {"failed": _failure("", error, origin), "run_url": links.address(origin.run_url)}
    return render("record_failure.md.j2", values)


def closed_markdown(origin: Origin | None = None) -> str:
    """The final comment on a pull request that was closed without a merge."""
    return render("closed.md.j2", {"run_url": links.address((origin or Origin()).run_url)})


def _override(environment: str, used: UsedOverride) -> Markup:
    return Markup("<b>{}</b>: {}").format(escape.plain(environment), override_markdown(used))


def _verdict(record: Record) -> tuple[str, Markup]:
    stages = {environment: record.stage(environment) for environment in record.environments}
    if set(stages.values()) == {Stage.REMOVED}:
        return MARKS[Stage.REMOVED], escape.plain("No environment applies the migration: its file was removed")
    applied = tuple(environment.name for environment, stage in stages.items() if stage is Stage.APPLIED)
    said = [Markup("Applied to {}").format(escape.plain(phrases.joined(applied)))] if applied else []
    said += [_said(environment, stage, record) for environment, stage in stages.items() if stage is not Stage.APPLIED]
    worst = min(stages.values(), key=WORST_FIRST.index, default=Stage.WAITING)
    mark = MARKS[worst] if worst is not Stage.WAITING else "✅" if applied else "🟣"
    return mark, Markup(" · ").join(said) or escape.plain("Merged")


WHY = 160
"""Maximum length of a reason in the verdict, in characters."""


def _said(environment: Environment, stage: Stage, record: Record) -> Markup:
    end = record.ends.get(environment.name)
    if stage is Stage.WAITING and end:
        held = next((HELD[gate] for gate in end.gates if gate in HELD), "")
        # After the approval, the apply changes the database before a run writes here again.
        unchanged = "" if APPROVAL in end.gates else _unchanged(environment, record)
        said = Markup(held).format(escape.plain(environment.after or ""))  # noqa: S704 - the text is a constant
        return Markup("{} WAITS{}{}").format(escape.plain(environment.name), said, unchanged)
    if stage is Stage.WAITING and is_repaired(environment, record):
        return escape.plain(f"{environment.name} waits to be applied again")
    if stage is Stage.BLOCKED and end:
        return _blocked(environment, end)
    words_of = Markup(SAID[stage])  # noqa: S704 - the text is a constant
    return words_of.format(escape.plain(environment.name), escape.plain(_waits(environment)))


def _blocked(environment: Environment, end: RunEnd) -> Markup:
    """The file and the reason, because a mistake in the manifest of one environment blocks every environment."""
    where = Markup("{}: ").format(escape.code(end.path)) if end.path else Markup()
    name, why = escape.plain(environment.name), escape.prose(escape.one_line(end.what, WHY))
    return Markup("{} is BLOCKED, nothing was changed: {}{}").format(name, where, why)


def _unchanged(environment: Environment, record: Record) -> str:
    """How many migrations are applied in an environment whose run waits.

    An earlier run may have applied some migrations before it was killed.
    """
    stages = [cell.stage for cell in record.cells(environment).values()]
    applied = stages.count(Stage.APPLIED)
    return f", {applied} of {len(stages)} migrations are applied" if applied else ", nothing was changed"


def _waits(environment: Environment) -> str:
    """The event after the merge that triggers the apply."""
    if environment.trigger is Trigger.PUSH:
        return "the run on merge"
    return phrases.comes_with(environment)


def _step(environment: Environment, record: Record) -> Part:
    stage, step = record.stage(environment), next_step(environment, record)
    waits = stage is Stage.WAITING and environment.name not in record.ends
    now = "waits" if waits else stage.value if stage is Stage.APPLIED else stage.value.upper()
    return {
        "name": environment.name,
        "mark": MARKS[stage],
        "now": now,
        "why": step.why,
        "next": step.what,
        "who": step.who,
    }


def _way(record: Record, name: str) -> Part:
    way = record.ways_back[name]
    pairs = [("command", "rollback"), ("environment", name), ("to", way.to)]
    return {
        "name": name,
        "at_ref": next((at_ref(each) for each in record.environments if each.name == name), ""),
        "inputs": escape.prose(inputs_of(pairs)),
        "undone": list(way.undone[:8]),
        "others": list(way.others[:8]),
        "irreversible": list(way.irreversible[:8]),
        "more": {key: max(0, len(getattr(way, key)) - 8) for key in ("undone", "others", "irreversible")},
        "backup": _note(way.backup),
        "pitr": way.pitr,
    }


def _note(backup: BackupNote | None) -> Part:
    if backup is None:
        return {}
    point = _moment(backup.taken_at)
    return {
        "id": backup.id,
        "point": phrases.moment(point) if point else "",
        "restore_with": backup.restore_with,
        "vanishes": backup.vanishes,
    }


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _row(row: RecordRow, record: Record) -> Part:
    cells = list(zip(row.cells, record.environments, strict=True))
    there = {environment.name for cell, environment in cells if cell.stage is Stage.APPLIED}
    return {
        "name": row.name,
        "version": phrases.version(row.version).replace("-", "\N{EN DASH}"),
        "cells": [_cell(cell, environment, record.ends.get(environment.name), there) for cell, environment in cells],
    }


def _cell(cell: Cell, environment: Environment, end: RunEnd | None, there: set[str]) -> Part:
    waiting = cell.stage is Stage.WAITING
    stage = end.stage if waiting and end and end.stage is Stage.BLOCKED else cell.stage
    waits = _why_not(environment, end, there) if waiting else ()
    waits = waits[1:] if cell.past and end is None else waits
    return {
        "mark": MARKS[stage],
        "stage": "" if stage in (Stage.APPLIED, Stage.WAITING) else stage.upper(),
        "at": phrases.moment(cell.at) if cell.at and not waiting else "",
        "run_url": links.address(cell.run_url),
        "error": escape.one_line(cell.error.split("\n", 1)[0], 200) if cell.error else "",
        "waits": [escape.prose(why) for why in waits],
        "backup": _backup(cell.receipt) if not waiting else "",
        "past": [_past(each) for each in cell.past],
    }


def _past(each: PastRollback) -> Part:
    at = phrases.moment(each.at) if each.at else ""
    return {"at": at, "run_url": links.address(each.run_url), "backup": _backup(each.receipt)}


def _why_not(environment: Environment, end: RunEnd | None, there: set[str]) -> tuple[str, ...]:
    """Why a migration is not applied: the result of the last run, or an unmet condition of the manifest."""
    if end is None:
        return _expected(environment, there)
    if end.stage in (Stage.WAITING, Stage.BLOCKED):
        return (end.what,)
    return ("not applied: the run ended before this migration",)


def _expected(environment: Environment, there: set[str]) -> tuple[str, ...]:
    """The unmet conditions of the manifest for an apply. `there` contains the environments that have the migration."""
    rest = phrases.waits_for(environment)[1:]
    if environment.after in there:
        baking = phrases.bake(environment)
        rest = (*([f"{baking} on {environment.after}"] if baking else []), *rest[1:])
    return (_waits(environment), *rest)


def _backup(receipt: str) -> str:
    note = BackupNote.of(receipt)
    return note.id if note else ""


def _failure(name: str, error: CtgitopsError, origin: Origin) -> Part:
    return {
        "environment": name,
        "waits": isinstance(error, MustWaitError),
        "what": escape.prose(error.what),
        "place": links.place(error.place, origin),
        "state": escape.prose(error.state),
        "hint": escape.prose(with_inputs(error.hint)),
        "text": escape.fence(error_text(error), "text"),
    }


def _run(name: str, outcome: Outcome, origin: Origin, longest: int) -> Part:
    body = outcome_page(outcome, origin, "outcome_parts.md.j2", longest // 3)
    return {"name": name, "verdict": outcome_verdict(outcome), "body": Markup(body)}  # noqa: S704 - the template escaped it
