"""The ledger: an append-only log of all changes to a database. Its entries determine the applied migrations."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from ..migration.schema_version import SchemaVersion, highest

if TYPE_CHECKING:
    from ..migration.migration import Migration
    from .identity import Identity
    from .resumption import ProgressRow

GENESIS = "0" * 64
"""`previous_hash` of the first entry of a ledger."""
_as_json = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps would make an encoder for each entry


class Mark(StrEnum):
    """The kind of event that an entry records."""

    BASELINED = "baselined"
    STARTED = "started"
    APPLIED = "applied"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    DEFERRED = "deferred"
    ROLLED_BACK = "rolled-back"
    REPAIRED = "repaired"


CHANGES_NOTHING = frozenset({Mark.FAILED, Mark.INTERRUPTED, Mark.DEFERRED})
"""Marks of attempts that did not complete. Such attempts do not change which migrations are applied."""


@dataclass(frozen=True)
class Entry:
    """One row of the ledger. The fields are the row's columns. Entries of seed files have no `number`."""

    mark: Mark
    name: str
    number: int | None = None
    version: str | None = None
    checksum: str | None = None
    sql: str | None = None
    rollback_sql: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    millis: int | None = None
    error: str | None = None
    """The error of a failure, the user's reason for a repair, or the failure that caused an automatic rollback."""
    actor: str | None = None
    commit_sha: str | None = None
    pull_request: int | None = None
    run_url: str | None = None
    plan: str | None = None
    """The fingerprint of the plan."""
    receipt: str | None = None
    """The receipt of the preceding backup, as JSON."""
    tool_version: str | None = None
    server_version: str | None = None
    id: int = 0
    previous_hash: str = ""
    hash: str = ""

    @classmethod
    def of_file(cls, mark: Mark, migration: Migration, error: str | None = None) -> Entry:
        """The entry for a migration, with the text of its current file."""
        version = str(migration.version) if migration.version else None
        down = migration.down.sql if migration.down else None
        text = (migration.checksum, migration.up.sql, down)
        return cls(mark, migration.name, migration.number, version, *text, error=error)

    @property
    def schema_version(self) -> SchemaVersion | None:
        """`version` as a SchemaVersion. None if the entry has no version."""
        return SchemaVersion.parse(self.version) if self.version else None

    @property
    def marks_applied(self) -> bool:
        """Whether the migration is applied after this entry. False after a repair entry without a checksum."""
        return self.mark in {Mark.APPLIED, Mark.BASELINED} or (self.mark is Mark.REPAIRED and self.checksum is not None)


def entry_hash(entry: Entry) -> str:
    """The hash that chains an entry to its predecessor. The database computes the same hash on INSERT.

    SHA-256 over a JSON array: the previous hash, and every column but `id` and `hash`. Times are UTC with microseconds.
    """
    columns = [
        entry.previous_hash,
        entry.number,
        entry.name,
        entry.version,
        entry.mark.value,
        entry.checksum,
        entry.sql,
        entry.rollback_sql,
        _moment(entry.started_at),
        _moment(entry.finished_at),
        entry.millis,
        entry.error,
        entry.actor,
        entry.commit_sha,
        entry.pull_request,
        entry.run_url,
        entry.plan,
        entry.receipt,
        entry.tool_version,
        entry.server_version,
    ]
    return hashlib.sha256(_as_json(columns).encode()).hexdigest()


def _moment(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


@dataclass(frozen=True)
class Ledger:
    """All entries, oldest first. A database without a ledger has an empty `Ledger`."""

    entries: tuple[Entry, ...] = field(default=())
    progress: tuple[ProgressRow, ...] = ()
    """Progress rows of unfinished migrations: the parts that were begun or completed, oldest first."""
    unrecorded: frozenset[int] = frozenset()
    """Unfinished migrations that an old version of ctgitops began. This version did not write progress rows."""
    identity: Identity | None = None
    """The identity of the ledger's database."""

    @cached_property
    def applied(self) -> dict[int, Entry]:
        """Maps the number of each applied migration to the entry that applied it."""
        return dict(sorted(self._folded[0].items()))

    @cached_property
    def unfinished(self) -> dict[int, Entry]:
        """Maps the number of each incomplete migration outside a transaction to its `started` entry."""
        return {number: started[-1] for number, started in sorted(self._folded[1].items())}

    def traces_of(self, number: int) -> tuple[ProgressRow, ...]:
        """The progress rows of an unfinished migration. Includes all attempts since its last apply or rollback."""
        runs = {entry.id for entry in self._folded[1].get(number, ())}
        return tuple(trace for trace in self.progress if trace.number == number and trace.entry in runs)

    @cached_property
    def _folded(self) -> tuple[dict[int, Entry], dict[int, list[Entry]]]:
        applied: dict[int, Entry] = {}
        unfinished: dict[int, list[Entry]] = {}
        for entry in self.entries:
            if entry.number is None or entry.mark in CHANGES_NOTHING:
                continue  # a failed migration was rolled back, unless a `started` entry precedes the failure
            if entry.mark is Mark.STARTED:
                unfinished.setdefault(entry.number, []).append(entry)
                continue
            unfinished.pop(entry.number, None)
            if entry.marks_applied:
                applied[entry.number] = entry
            else:
                applied.pop(entry.number, None)
        return applied, unfinished

    @cached_property
    def seeded(self) -> dict[str, str]:
        """Maps the name of each seed file and repeatable file to its checksum at its last run or baseline."""
        marks = {Mark.APPLIED, Mark.BASELINED}
        return {e.name: e.checksum or "" for e in self.entries if e.number is None and e.mark in marks}

    @property
    def version(self) -> SchemaVersion | None:
        """The highest schema version of the applied migrations. None if no migration has a version."""
        return highest([v for e in self.applied.values() if (v := e.schema_version)])

    @property
    def in_order(self) -> tuple[Entry, ...]:
        """The applied migrations in the order in which they were applied. A repair does not change the order."""
        return tuple(self._folded[0].values())

    @property
    def last(self) -> Entry | None:
        """The newest entry."""
        return self.entries[-1] if self.entries else None

    def with_entries(self, *entries: Entry) -> Ledger:
        """The ledger with additional entries, numbered and hashed as in the database."""
        chain = list(self.entries)
        for entry in entries:
            number, previous = (chain[-1].id + 1, chain[-1].hash) if chain else (1, GENESIS)
            linked = replace(entry, id=number, previous_hash=previous)
            chain.append(replace(linked, hash=entry_hash(linked)))
        return replace(self, entries=tuple(chain))

    def broken_at(self) -> Entry | None:
        """The first entry whose hash does not continue the chain. A person has then changed the ledger by hand."""
        previous = GENESIS
        for entry in self.entries:
            if entry.previous_hash != previous or entry.hash != entry_hash(entry):
                return entry
            previous = entry.hash
        return None
