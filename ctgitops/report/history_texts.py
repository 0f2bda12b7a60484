"""The SQL texts of a history. Each text occurs once, redacted and shortened, with its locks and findings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from ..core.ledger.drift_acceptance import NAME as ACCEPTANCE
from ..core.ledger.open_prediction import NAME as PREDICTION
from ..lazy import dataclass
from ..sql.parse import SqlSyntaxError
from ..sql.redact import redact
from ..sql.script import Script

if TYPE_CHECKING:
    from ..core.ledger.ledger import Entry
    from ..core.workspace.finding import Finding
    from ..sql.locks import LockMode
    from .json import Object

LONGEST_SQL = 40_000
"""Maximum length of one text, in characters."""
MOST_SQL = 8_000_000
"""Maximum length of all texts together, in characters. The newest texts are kept."""

_WITHOUT_SQL = (ACCEPTANCE, PREDICTION)
"""The names of entries whose column `sql` contains schema changes as JSON."""

_PLAIN = re.compile(r'"([a-z_][a-z0-9_]*)"')
"""Matches a quoted name that does not need its quotes."""
_Key = tuple[str, str | None, str | None, str | None]


@dataclass
class MigrationTexts:
    """Collects the texts of ledger entries."""

    findings: Mapping[str, tuple[Finding, ...]]
    """Maps the checksums of the files in the checkout to their findings."""
    _texts: dict[_Key, Entry] = field(default_factory=dict)
    _places: dict[_Key, int] = field(default_factory=dict)

    def index(self, entry: Entry) -> int | None:
        """The index of the entry's text. None if the entry has no SQL of a migration or seed file."""
        if not entry.sql or (entry.number is None and entry.name in _WITHOUT_SQL):
            return None
        key = (entry.name, entry.checksum, entry.sql, entry.rollback_sql)
        self._texts.setdefault(key, entry)
        return self._places.setdefault(key, len(self._places))

    def data(self) -> list[Object]:
        """All texts. If they are too long in total, leaves out the SQL of the oldest texts."""
        left, written = MOST_SQL, []
        for entry in reversed(self._texts.values()):
            sql, back = redact(entry.sql or ""), redact(entry.rollback_sql or "")
            size = min(len(sql), LONGEST_SQL) + min(len(back), LONGEST_SQL)
            keep = size <= left
            left -= size if keep else 0
            written.append(self._text(entry, sql if keep else None, back if keep else None))
        return written[::-1]

    def _text(self, entry: Entry, sql: str | None, back: str | None) -> Object:
        found = self.findings.get(entry.checksum or "")
        return {
            "name": entry.name,
            "checksum": entry.checksum,
            "sql": _cut(sql),
            "rollback_sql": _cut(back) or None,
            "left_out": max(0, len(entry.sql or "") - LONGEST_SQL) if sql is not None else len(entry.sql or ""),
            "locks": _locks(entry),
            "findings": None if found is None else [_finding(each) for each in found],
        }


def _cut(text: str | None) -> str | None:
    return text[:LONGEST_SQL] if text is not None else None


def _locks(entry: Entry) -> list[Object] | None:
    """The strongest lock on each relation that the statements name. None if the text cannot be parsed."""
    try:
        statements = Script(entry.sql or "", entry.name).statements
    except SqlSyntaxError:
        return None
    made = {statement.makes for statement in statements}
    strongest: dict[str, LockMode] = {}
    for lock in (lock for statement in statements for lock in statement.locks):
        if lock.name not in made:
            strongest[lock.name] = max(lock.mode, strongest.get(lock.name, lock.mode))
    return [{"relation": _PLAIN.sub(r"\1", name), "mode": mode.in_pg_locks} for name, mode in strongest.items()]


def _finding(finding: Finding) -> Object:
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "what": finding.what,
        "line": finding.place.line,
    }
