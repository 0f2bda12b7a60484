"""Renders the history of environments as JSON. The HTML page contains the same document."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from ..core.gate.override import override_in
from ..core.ledger.drift_acceptance import change_data
from ..core.recovery_point import RecoveryPoint
from ..core.view.preview import NotPlanned
from ..sql.redact import redact_message
from .history_texts import MigrationTexts
from .json import Object, dump, error_data

if TYPE_CHECKING:
    from ..core.gate.request import Origin
    from ..core.ledger.ledger import Entry
    from ..core.schema.compare import Changes
    from ..core.view.drift import DriftResult
    from ..core.view.run_history import History, Lane, RecordedRun
    from ..core.view.schema_tree import SchemaTree

LONGEST_VALUE = 4_000
"""Maximum length of an attribute, such as the body of a function, in characters."""
MOST_CHANGES = 40_000_000
"""Maximum size of all schema changes together, in characters. Schema changes beyond this size are unknown."""
_BACKUP = ("id", "location", "finished_at", "bytes", "tables", "rows", "restore_with", "scope", "by")


def history_json(history: History, origin: Origin, now: datetime, tool: str) -> str:
    """The history as a JSON document."""
    return dump(history_data(history, origin, now, tool))


def history_data(history: History, origin: Origin, now: datetime, tool: str) -> Object:
    """The content of the JSON document."""
    texts = MigrationTexts(history.findings)
    lanes = [_lane(lane, texts) for lane in history.lanes]
    return {
        "generated_at": now.isoformat(),
        "tool_version": tool,
        "repository_url": origin.repository_url or None,
        "commit_sha": origin.commit_sha or None,
        "without_schemas": history.without_schemas,
        "unmatched": list(history.servers),
        "environments": lanes,
        "texts": texts.data(),
        "schemas": [] if history.without_schemas else _schemas(history.tree),
    }


def _lane(lane: Lane, texts: MigrationTexts) -> Object:
    unreadable = lane.unreadable
    ledger = lane.ledger
    return {
        "environment": lane.environment,
        "unreadable": unreadable and {"what": unreadable.why, "hint": unreadable.hint},
        "version": str(ledger.version) if ledger.version else None,
        "migrations": len(ledger.applied),
        "entries": len(ledger.entries),
        "unfinished": [entry.name for entry in ledger.unfinished.values()],
        "broken_at": lane.broken_at,
        "drift": _drift(lane.drift),
        "schema": lane.nodes[ledger.entries[-1].id] if ledger.entries else None,
        "deprecations": [each.to_data() for each in lane.deprecations],
        "runs": [_run(run, lane, texts) for run in lane.runs],
    }


def _drift(drift: DriftResult | None) -> Object:
    if drift is None:
        return {"state": "not-checked", "changes": [], "error": None}
    if isinstance(drift, NotPlanned):
        return {"state": "unknown", "changes": [], "error": error_data(drift.error)}
    return {"state": "drift" if drift.changes else "none", "changes": _bounded(drift.changes), "error": None}


def _run(run: RecordedRun, lane: Lane, texts: MigrationTexts) -> Object:
    first = run.first
    receipts = [entry.receipt for entry in run.entries if entry.receipt]
    point = next(filter(None, map(RecoveryPoint.of, receipts)), None)
    return {
        "id": first.id,
        "result": run.result.value,
        "actor": first.actor,
        "commit_sha": first.commit_sha,
        "pull_request": next((e.pull_request for e in run.entries if e.pull_request), None),
        "run_url": first.run_url,
        "plan": first.plan,
        "started_at": _moment(run.started_at),
        "finished_at": _moment(run.finished_at),
        "millis": run.millis,
        "version": str(run.version) if run.version else None,
        "backup": next(filter(None, map(_backup, receipts)), None),
        "recovery_point": point.text if point else None,
        "tool_version": first.tool_version,
        "server_version": first.server_version,
        "entries": [_entry(entry, lane, texts) for entry in run.entries],
    }


def _entry(entry: Entry, lane: Lane, texts: MigrationTexts) -> Object:
    used = override_in(entry)
    return {
        "id": entry.id,
        "number": entry.number,
        "name": entry.name,
        "version": entry.version,
        "mark": entry.mark.value,
        "at": _moment(entry.finished_at or entry.started_at),
        "millis": entry.millis,
        "error": redact_message(entry.error) if entry.error and not used else None,
        "override": used and {"text": redact_message(used.text), "waits": [wait.what for wait in used.waits]},
        "text": None if used else texts.index(entry),
        "schema": lane.nodes.get(entry.id),
    }


def has_backup(receipt: str | None) -> bool:
    """Whether the column `receipt` of an entry describes a backup. It may describe only a recovery point."""
    return bool(receipt and _backup(receipt))


def _backup(receipt: str) -> Object | None:
    try:
        found = json.loads(receipt)
        return {key: found.get(key) for key in _BACKUP} if found.get("id") else None
    except (ValueError, AttributeError):
        return None


def _schemas(tree: SchemaTree) -> list[Object]:
    written: list[Object] = []
    size, full = 0, "the history has more schema changes than this document can contain"
    for node in tree.nodes:
        changes = None if node.changes is None or size > MOST_CHANGES else _bounded(node.changes)
        size += sum(len(str(change)) for change in changes or ())
        why = "" if changes is not None else node.why_unknown or (full if node.known else "it was not rebuilt")
        written.append(
            {
                "id": node.id,
                "parent": node.parent,
                "name": node.entry.name if node.entry else None,
                "version": node.entry.version if node.entry else None,
                "unknown": why,
                "changes": changes or [],
            }
        )
    return written


def _bounded(changes: Changes) -> list[Object]:
    return [{side: _object(each) for side, each in change_data(change).items()} for change in changes]


def _object(each: object) -> Object:
    data = dict(each) if isinstance(each, dict) else {}
    return {**data, "attributes": dict(_attributes(data["attributes"].items()))}


def _attributes(attributes: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    for name, value in attributes:
        if len(value) > LONGEST_VALUE:
            digest = sha256(value.encode()).hexdigest()[:12]
            yield name, f"{value[:LONGEST_VALUE]}\n… cut: {len(value):,} characters, SHA-256 {digest}…"
        else:
            yield name, value


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
