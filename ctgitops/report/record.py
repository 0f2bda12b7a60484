"""Renders the record of a pull request, which replaces its plan comment after the merge or after it was closed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from ..core.environment.environment import Environment, Trigger
from ..core.gate.request import Origin
from ..core.run.outcome import Outcome, Status
from ..core.view.pull_request_record import Cell, Record, RecordRow, Stage
from ..errors import CtgitopsError, MustWaitError
from . import escape, links, phrases
from .markdown import outcome_page
from .page import MAX, fit, render
from .text import outcome_verdict
from .text_error import error_text

Part = dict[str, Any]
Ended = Mapping[str, Outcome | CtgitopsError]

MARKS = {
    Stage.APPLIED: "✅",
    Stage.WAITING: "⏳",
    Stage.FAILED: "⛔",
    Stage.UNFINISHED: "⛔",
    Stage.ROLLED_BACK: "↩️",
    Stage.UNREADABLE: "⛔",
    Stage.BLOCKED: "⛔",
}
WORST_FIRST = (
    Stage.UNFINISHED,
    Stage.FAILED,
    Stage.UNREADABLE,
    Stage.BLOCKED,
    Stage.ROLLED_BACK,
    Stage.WAITING,
    Stage.APPLIED,
)


def record_markdown(record: Record, ended: Ended, origin: Origin | None = None, *, longest: int = MAX) -> str:
    """Shows when each migration was applied to each environment, or what it waits for. Starts with recent failures."""
    origin = origin or Origin()
    failed = [_failure(name, error, origin) for name, error in ended.items() if isinstance(error, CtgitopsError)]
    runs = [_run(name, outcome, origin, longest) for name, outcome in ended.items() if isinstance(outcome, Outcome)]
    rows = [_row(row, record.environments, ended) for row in record.rows]
    mark, verdict = _verdict(record, ended)

    def draw(kept: dict[str, int]) -> str:
        values: dict[str, object] = {
            "mark": mark,
            "verdict": verdict,
            "failed": failed,
            "names": [environment.name for environment in record.environments],
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
    """The last line of a record: the users who approved the pull request, without a mention; None is not known."""
    if users is None:
        return "\n<sub>the approvals could not be read</sub>\n"
    said = escape.code(phrases.joined(users)) if users else escape.plain("no review")
    return f"\n<sub>approved by {said}</sub>\n"


def closed_markdown(origin: Origin | None = None) -> str:
    """The final comment on a pull request that was closed without being merged."""
    return render("closed.md.j2", {"run_url": links.address((origin or Origin()).run_url)})


def _verdict(record: Record, ended: Ended) -> tuple[str, Markup]:
    stages = {environment: _stage(record, environment, ended) for environment in record.environments}
    applied = tuple(environment.name for environment, stage in stages.items() if stage is Stage.APPLIED)
    said = [Markup("Applied to {}").format(escape.plain(phrases.joined(applied)))] if applied else []
    said += [_said(environment, stage, ended) for environment, stage in stages.items() if stage is not Stage.APPLIED]
    if odd := [name for name, outcome in ended.items() if isinstance(outcome, Outcome) and outcome.mismatch]:
        warning = Markup("{} DIFFERS FROM THE PREDICTION").format(escape.plain(phrases.joined(tuple(odd))))
        return "⛔", Markup(" · ").join([warning, *said])
    worst = min(stages.values(), key=WORST_FIRST.index, default=Stage.WAITING)
    mark = MARKS[worst] if worst is not Stage.WAITING else "✅" if applied else "🟣"
    return mark, Markup(" · ").join(said) or escape.plain("Merged")


def _stage(record: Record, environment: Environment, ended: Ended) -> Stage:
    outcome = ended.get(environment.name)
    if isinstance(outcome, CtgitopsError):
        return Stage.WAITING if isinstance(outcome, MustWaitError) else Stage.FAILED
    if outcome and outcome.status is Status.BLOCKED:
        return Stage.BLOCKED
    return min(record.stages(environment), key=WORST_FIRST.index, default=Stage.WAITING)


SAID = {
    Stage.WAITING: "{} waits for {}",
    Stage.FAILED: "{} FAILED",
    Stage.UNFINISHED: "{} is UNFINISHED",
    Stage.ROLLED_BACK: "Rolled back on {}",
    Stage.UNREADABLE: "{} CANNOT BE READ",
    Stage.BLOCKED: "{} is BLOCKED, nothing was changed",
}


def _said(environment: Environment, stage: Stage, ended: Ended) -> Markup:
    held = stage is Stage.WAITING and _held(ended.get(environment.name))
    words_of = Markup("{} WAITS, nothing was changed" if held else SAID[stage])  # noqa: S704 - the text is a constant
    return words_of.format(escape.plain(environment.name), escape.plain(_waits(environment)))


def _held(ended: Outcome | CtgitopsError | None) -> tuple[str, ...]:
    """Why a run did not apply a waiting migration."""
    if isinstance(ended, MustWaitError):
        return (ended.what,)
    if not isinstance(ended, Outcome):
        return ()
    return (outcome_verdict(ended),) if ended.status is Status.BLOCKED else tuple(r.what for r in ended.reasons[:2])


def _waits(environment: Environment) -> str:
    """The event after the merge that triggers the apply."""
    if environment.trigger is Trigger.PUSH:
        return "the run on merge"
    return phrases.comes_with(environment)


def _row(row: RecordRow, environments: tuple[Environment, ...], ended: Ended) -> Part:
    cells = list(zip(row.cells, environments, strict=True))
    there = {environment.name for cell, environment in cells if cell.stage is Stage.APPLIED}
    return {
        "name": row.name,
        "version": phrases.version(row.version).replace("-", "\N{EN DASH}"),
        "cells": [_cell(cell, environment, ended, there) for cell, environment in cells],
    }


def _cell(cell: Cell, environment: Environment, ended: Ended, there: set[str]) -> Part:
    waits: list[Markup] = []
    if cell.stage is Stage.WAITING:
        held = _held(ended.get(environment.name))
        waits = [escape.prose(why) for why in held or _expected(environment, there)]
    return {
        "mark": MARKS[cell.stage],
        "stage": "" if cell.stage in (Stage.APPLIED, Stage.WAITING) else cell.stage.upper(),
        "at": phrases.moment(cell.at) if cell.at and cell.stage is not Stage.WAITING else "",
        "run_url": links.address(cell.run_url),
        "error": escape.one_line(cell.error.split("\n", 1)[0], 200) if cell.error else "",
        "waits": waits,
        "backup": _backup(cell.receipt) if cell.stage is Stage.APPLIED else "",
    }


def _expected(environment: Environment, there: set[str]) -> tuple[str, ...]:
    """The unmet conditions of the manifest for an apply. `there` names the environments that have the migration."""
    rest = phrases.waits_for(environment)[1:]
    if environment.after in there:
        baking = phrases.bake(environment)
        rest = (*([f"{baking} on {environment.after}"] if baking else []), *rest[1:])
    return (_waits(environment), *rest)


def _backup(receipt: str) -> str:
    try:
        return str(json.loads(receipt)["id"]) if receipt else ""
    except (ValueError, KeyError, TypeError):
        return ""


def _failure(name: str, error: CtgitopsError, origin: Origin) -> Part:
    return {
        "environment": name,
        "what": escape.prose(error.what),
        "place": links.place(error.place, origin),
        "state": escape.prose(error.state),
        "hint": escape.prose(error.hint),
        "text": escape.fence(error_text(error), "text"),
    }


def _run(name: str, outcome: Outcome, origin: Origin, longest: int) -> Part:
    body = outcome_page(outcome, origin, "outcome_parts.md.j2", longest // 3)
    return {"name": name, "verdict": outcome_verdict(outcome), "body": Markup(body)}  # noqa: S704 - the template escaped it
