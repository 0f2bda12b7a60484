"""The data that a pull request's comment stores for later runs, which cannot read every database. Pure.

A job has only the secrets of its own environment, and no ledger records a refused plan. So each run stores the state of
each environment that it reads as JSON in the comment. If a later run can read the ledger, the ledger takes precedence.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, field, replace
from datetime import datetime
from typing import Any

from ...lazy import dataclass
from ...untrusted_json import read_json
from ..environment.environment import Environment
from ..gate.gate import Unreadable
from ..ledger.ledger import Ledger
from ..ledger.open_prediction import open_predictions
from .pull_request_record import NOT_ASKED, READY, Cell, Ledgers, PastRollback, Record, RunEnd, Stage
from .way_back import BackupNote, WayBack

LONGEST = 12_000
"""Maximum length of the JSON text. A longer text has the stages of the cells, without their times and backups."""
LONGEST_TEXT = 300

Json = dict[str, Any]


@dataclass(frozen=True)
class Span:
    """Successive migrations of a record with the same stage."""

    first: str
    last: str
    stage: Stage


@dataclass(frozen=True)
class Remembered:
    """The stored data of one environment. Untrusted: pages escape the text, and no decision depends on the data."""

    last: int = 0
    """The ID of the last ledger entry that the run read."""
    cells: Mapping[str, Cell] = field(default_factory=dict)
    spans: tuple[Span, ...] = ()
    """The stages of the migrations, in order. A long record has spans instead of `cells`."""
    end: RunEnd | None = None
    back: WayBack | None = None


Memory = Mapping[str, Remembered]


def newer_than(memory: Memory, ledgers: Ledgers) -> bool:
    """Whether the comment was written from newer ledger entries than those in `ledgers`."""
    return any(memory[name].last > _last(ledger) for name, ledger in _read(ledgers).items() if name in memory)


def with_memory(record: Record, memory: Memory, ledgers: Ledgers, ran: Collection[str] = ()) -> Record:
    """The record, completed with stored data about environments that this run did not read or apply to.

    `ran` contains the environments whose last run is in the record, even if that run was successful.
    """
    read = _read(ledgers)
    ends, ways = dict(record.ends), dict(record.ways_back)
    names = [row.name for row in record.rows]
    stored = {name: {**old.cells, **_cells_of(old.spans, names)} for name, old in memory.items()}
    for environment in record.environments:
        name = environment.name
        old = memory.get(name)
        if old is None:
            continue
        old = replace(old, cells=stored[name])
        if name not in read and _not_asked(ledgers.get(name)):
            record = _with_cells(record, name, old.cells)
            ways = {**ways, name: old.back} if old.back else ways
        if name not in ran and old.end and _still(old, record.cells(environment), read.get(name)):
            ends[name] = _ready(old.end, environment) if _followed(environment, record, stored) else old.end
    return replace(record, ends=ends, ways_back=ways)


def _followed(environment: Environment, record: Record, stored: Mapping[str, Mapping[str, Cell]]) -> bool:
    """Whether the environment in `after` has all migrations of the record now, but had not when they were stored."""
    before = next((each for each in record.environments if each.name == environment.after), None)
    return before is not None and _has_all(record.cells(before)) and not _has_all(stored.get(before.name, {}))


def _has_all(cells: Mapping[str, Cell]) -> bool:
    return bool(cells) and {cell.stage for cell in cells.values()} <= {Stage.APPLIED, Stage.REMOVED}


def _ready(end: RunEnd, environment: Environment) -> RunEnd:
    """The result of a run that waited for the environment in `after`, which has the migrations now."""
    if end.stage is not Stage.WAITING or "after" not in end.gates:
        return end
    what = f"its last run waited for {environment.after}, which has the migrations now"
    return RunEnd(Stage.WAITING, what, gates=(READY,), run_url=end.run_url)


def memory_text(record: Record, memory: Memory, ledgers: Ledgers) -> str:
    """The JSON text for the comment."""
    read = _read(ledgers)
    kept: Json = {}
    for environment in record.environments:
        name = environment.name
        last = _last(read[name]) if name in read else memory.get(name, Remembered()).last
        cells = {migration: _cell_json(cell) for migration, cell in record.cells(environment).items()}
        end, back = record.ends.get(name), record.ways_back.get(name)
        kept[name] = {"last": last, "cells": cells, "end": _short(end), "back": asdict(back) if back else None}
    short = {e.name: {**kept[e.name], "cells": {}, "spans": _spans(record.cells(e))} for e in record.environments}
    shortest = {name: {**each, "back": None} for name, each in short.items()}
    texts = (json.dumps(each, default=str) for each in (kept, short, shortest))
    return next((text for text in texts if len(text) <= LONGEST), "")


def memory_in(text: str) -> Memory:
    """Parses the JSON text of a comment. Returns an empty result if the text is not valid."""
    try:
        found = read_json(text) if text else {}
        return {str(name): _remembered(each) for name, each in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _read(ledgers: Ledgers) -> dict[str, Ledger]:
    return {name: ledger for name, ledger in ledgers.items() if isinstance(ledger, Ledger)}


def _last(ledger: Ledger | Unreadable | None) -> int:
    return ledger.last.id if isinstance(ledger, Ledger) and ledger.last else 0


def _not_asked(ledger: Ledger | Unreadable | None) -> bool:
    return ledger is None or (isinstance(ledger, Unreadable) and ledger.exit_status == NOT_ASKED)


def _with_cells(record: Record, name: str, cells: Mapping[str, Cell]) -> Record:
    index = next(i for i, environment in enumerate(record.environments) if environment.name == name)
    rows = tuple(
        replace(row, cells=(*row.cells[:index], cells.get(row.name, row.cells[index]), *row.cells[index + 1 :]))
        for row in record.rows
    )
    return replace(record, rows=rows)


def _still(old: Remembered, now: Mapping[str, Cell], ledger: Ledger | None) -> bool:
    """Whether a stored result is still current, because the ledger has no newer entry about the migrations."""
    if old.end and old.end.stage is Stage.DIFFERS and ledger:
        return any(open_predictions(ledger))
    applied = bool(now) and all(cell.stage is Stage.APPLIED for cell in now.values())
    same = all(name in old.cells and _same(old, old.cells[name], cell) for name, cell in now.items())
    return same and (ledger is None or not applied)


def _same(old: Remembered, before: Cell, now: Cell) -> bool:
    return before.stage is now.stage if old.spans else _state(before) == _state(now)


def _spans(cells: Mapping[str, Cell]) -> list[list[str]]:
    spans: list[list[str]] = []
    for name, cell in cells.items():
        if spans and spans[-1][2] == cell.stage:
            spans[-1][1] = name
        else:
            spans.append([name, name, cell.stage])
    return spans


def _cells_of(spans: tuple[Span, ...], names: list[str]) -> dict[str, Cell]:
    """The cells that the spans stand for. `names` contains the migrations of the record, in order."""
    places = {name: place for place, name in enumerate(names)}
    found: dict[str, Cell] = {}
    for span in spans:
        if span.first in places and span.last in places:
            between = names[places[span.first] : places[span.last] + 1]
            found |= dict.fromkeys(between, Cell(span.stage))
    return found


def _state(cell: Cell) -> tuple[Stage, datetime | None]:
    return cell.stage, cell.at


def _cell_json(cell: Cell) -> Json:
    past = [{"at": p.at, "run_url": p.run_url, "receipt": _receipt_json(p.receipt)} for p in cell.past[-3:]]
    fields = {"stage": cell.stage, "at": cell.at, "run_url": cell.run_url, "error": cell.error[:LONGEST_TEXT]}
    return {**fields, "receipt": _receipt_json(cell.receipt), "past": past}


def _receipt_json(receipt: str) -> Json | None:
    note = BackupNote.of(receipt)
    if note is None:
        return None
    found = {"id": note.id, "finished_at": note.taken_at, "restore_with": note.restore_with}
    return {**found, "vanishes": True} if note.vanishes else found


def _short(end: RunEnd | None) -> Json | None:
    return asdict(replace(end, what=end.what[:LONGEST_TEXT], hint=end.hint[:LONGEST_TEXT])) if end else None


def _remembered(each: Json) -> Remembered:
    end, back = each.get("end"), each.get("back")
    return Remembered(
        int(each["last"]),
        {str(name): _cell(cell) for name, cell in each["cells"].items()},
        tuple(Span(str(first), str(last), Stage(stage)) for first, last, stage in each.get("spans", ())),
        _end(end) if end else None,
        _back(back) if back else None,
    )


def _end(each: Json) -> RunEnd:
    what, hint, path, run_url = (str(each[key]) for key in ("what", "hint", "path", "run_url"))
    return RunEnd(Stage(each["stage"]), what, hint, tuple(map(str, each["gates"])), path, run_url)


def _back(each: Json) -> WayBack:
    undone, others, irreversible = (tuple(map(str, each[key])) for key in ("undone", "others", "irreversible"))
    note = each.get("backup")
    texts = [str(note[key]) for key in ("id", "taken_at", "restore_with")] if note else []
    backup = BackupNote(texts[0], texts[1], texts[2], bool(note.get("vanishes"))) if note else None
    return WayBack(str(each["to"]), undone, others, irreversible, backup, str(each.get("pitr", "")))


def _cell(each: Json) -> Cell:
    past = tuple(PastRollback(_moment(p["at"]), str(p["run_url"]), _receipt(p["receipt"])) for p in each["past"])
    at, receipt = _moment(each["at"]), _receipt(each["receipt"])
    return Cell(Stage(each["stage"]), at, str(each["run_url"]), str(each["error"]), receipt, past)


def _receipt(found: Json | None) -> str:
    return json.dumps(found) if found else ""


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
