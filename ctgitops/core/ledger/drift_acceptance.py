"""Schema differences that `baseline` accepted. The ledger stores these differences, and drift reports omit them."""

from __future__ import annotations

import json

from ..schema.compare import Added, Altered, Change, Changes, Removed
from ..schema.snapshot import as_data, from_data
from .ledger import Ledger, Mark

NAME = "baseline"
"""The name of the ledger entries that store accepted differences. These entries belong to no migration."""


def accepted_in(ledger: Ledger) -> Changes:
    """All accepted differences. Leaves out differences that have changed since they were accepted."""
    entries = (e for e in ledger.entries if e.mark is Mark.BASELINED and e.number is None and e.name == NAME)
    return tuple(change for entry in entries for change in changes_from(entry.sql or "[]"))


def is_accepted(change: Change, accepted: Changes) -> bool:
    """Whether a difference is an accepted one, or a part of one that had further differences of formatting."""
    if change in accepted or not isinstance(change, Altered):
        return change in accepted
    attributes = set(change.attributes)
    return any(isinstance(a, Altered) and a.after == change.after and attributes <= set(a.attributes) for a in accepted)


def changes_text(changes: Changes) -> str:
    """Changes as JSON, the form in which the ledger stores them."""
    return json.dumps([change_data(change) for change in changes], ensure_ascii=False)


def changes_from(text: str) -> Changes:
    """Parses the changes from a text that `changes_text` returned."""
    return tuple(_read(each) for each in json.loads(text))


def change_data(change: Change) -> dict[str, object]:
    """A schema change as JSON data."""
    match change:
        case Added(each):
            return {"added": as_data(each)}
        case Removed(each):
            return {"removed": as_data(each)}
        case Altered(before, after):
            return {"before": as_data(before), "after": as_data(after)}


def _read(written: dict[str, dict[str, object]]) -> Change:
    if "added" in written:
        return Added(from_data(written["added"]))
    if "removed" in written:
        return Removed(from_data(written["removed"]))
    return Altered(from_data(written["before"]), from_data(written["after"]))
