"""The identifiers that Sqitch computes from `sqitch.plan` and writes to its ledger. Pure.

Source: `lib/App/Sqitch/Plan/Change.pm`, `Plan/Tag.pm` and `Role/DBIEngine.pm`, version 1.4. An ID is a SHA-1 over the
change's line in the plan and the ID of the preceding change.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..core.migration.tool_record import ToolRecord

if TYPE_CHECKING:
    from .tool import Folder, Source

PLAN = "sqitch.plan"
_LINE = re.compile(
    r"(?P<mark>@?)(?P<name>[^\s@#:\[\]]+)(?:\s+\[(?P<needs>[^\]]*)\])?\s+(?P<date>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)\s+"
    r"(?P<who>.+?)\s+<(?P<email>[^>]*)>\s*(?:#\s?(?P<note>.*))?"
)
_PRAGMA = re.compile(r"%(?P<name>[\w-]+)=(?P<value>.*)")


@dataclass
class _Change:
    id: str
    values: dict[str, str]
    needs: tuple[str, ...]
    rows: list[dict[str, str]] = field(default_factory=list)
    """The rows of the change's dependencies and tags."""


def record(source: Source, raw: bytes, folder: Folder) -> ToolRecord | None:
    """The change's ID, the SHA-1 of its deploy script, and its data in `sqitch.plan`.

    None if the plan cannot be read, or if the change depends on a change of another project.
    """
    changes = _changes(folder.texts.get(PLAN, ""))
    if changes is None or source.number > len(changes):
        return None
    change = changes[source.number - 1]
    if any(row["kind"] == "require" and not row["id"] for row in change.rows):
        return None
    values = {**change.values, "script_hash": hashlib.sha1(raw, usedforsecurity=False).hexdigest()}
    return ToolRecord(change.id, (change.id,), values, tuple(change.rows))


def _changes(text: str) -> list[_Change] | None:
    pragmas: dict[str, str] = {}
    changes: list[_Change] = []
    known: dict[str, str] = {}
    for line in text.splitlines():
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        if pragma := _PRAGMA.fullmatch(bare):
            pragmas[pragma["name"]] = pragma["value"].strip()
        elif (match := _LINE.fullmatch(bare)) is None or "project" not in pragmas:
            return None
        elif match["mark"]:
            if not changes:
                return None
            _tag(match, pragmas, changes[-1], known, changes)
        else:
            changes.append(_change(match, pragmas, changes, known))
            known[match["name"]] = changes[-1].id
    return changes


def _change(match: re.Match[str], pragmas: dict[str, str], changes: list[_Change], known: dict[str, str]) -> _Change:
    words = (match["needs"] or "").split()
    needs = tuple(word for word in words if not word.startswith("!"))
    conflicts = tuple(word[1:] for word in words if word.startswith("!"))
    lines = [
        f"project {pragmas['project']}",
        *([f"uri {pragmas['uri']}"] if "uri" in pragmas else []),
        f"change {match['name']}",
        *([f"parent {changes[-1].id}"] if changes else []),
        *_signature(match),
        *(["requires\n  + " + "\n  + ".join(needs)] if needs else []),
        *(["conflicts\n  - " + "\n  - ".join(conflicts)] if conflicts else []),
        *_note_lines(match),
    ]
    values = {**_values(match), "change": match["name"], "project": pragmas["project"], "uri": pragmas.get("uri", "")}
    rows = [{"kind": "require", "name": name, "id": known.get(name.lstrip(":"), "")} for name in needs]
    rows += [{"kind": "conflict", "name": name, "id": ""} for name in conflicts]
    return _Change(_identifier("change", lines), values, needs, rows)


def _tag(
    match: re.Match[str],
    pragmas: dict[str, str],
    change: _Change,
    known: dict[str, str],
    changes: list[_Change],
) -> None:
    lines = [
        f"project {pragmas['project']}",
        *([f"uri {pragmas['uri']}"] if "uri" in pragmas else []),
        f"tag @{match['name']}",
        f"change {change.id}",
        *_signature(match),
        *_note_lines(match),
    ]
    change.rows.append({"kind": "tag", "name": f"@{match['name']}", "id": _identifier("tag", lines), **_values(match)})
    known[f"@{match['name']}"] = change.id
    for each in changes:  # `name@tag` is the newest change of that name at the tag
        known[f"{each.values['change']}@{match['name']}"] = each.id


def _signature(match: re.Match[str]) -> Iterator[str]:
    yield f"planner {match['who']} <{match['email']}>"
    yield f"date {match['date']}"


def _note(match: re.Match[str]) -> str:
    note = (match["note"] or "").strip()
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "r": "\r"}.get(found[1], found[1]), note)


def _note_lines(match: re.Match[str]) -> Iterator[str]:
    if note := _note(match):
        yield ""
        yield note


def _values(match: re.Match[str]) -> dict[str, str]:
    return {"note": _note(match), "planned_at": match["date"], "planner": match["who"], "email": match["email"]}


def _identifier(kind: str, lines: list[str]) -> str:
    content = "\n".join(lines).encode()
    return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()
