"""Restores a finished backup into a separate database, compares it with its receipt, and measures the recovery time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from time import monotonic

from ..core.receipt import EXPORT, Receipt
from ..core.run.backup_progress import BackupAdvanced
from ..core.run.progress import Listener
from ..core.schema.source_database import Locale
from ..errors import BackupError
from ..postgres.catalog.exported_snapshot import exported_snapshot, portable_hash
from ..postgres.server.libpq_environment import wants_tls
from ..postgres.server.programs import client_for
from ..postgres.server.watchdog import FolderAction, Watchdog
from .counting import contents_of
from .export import compare_export
from .meter import restore_measured
from .pg_dump import jobs, many, megabytes
from .pg_restore import Restoration, pg_restore
from .proof import Contents, ProofDatabase
from .restore import Saved
from .store import refuse_if_changed

NOT_RESTORABLE = "the backup is no longer proved; the source database was not read or changed"


@dataclass(frozen=True)
class DrillJob:
    """The backup to restore, and where to restore it."""

    saved: Saved
    place: Callable[[Contents], AbstractContextManager[ProofDatabase]]
    tell: Listener

    def say(self, words: str) -> None:
        """Reports progress."""
        self.tell(BackupAdvanced(words))


def described(saved: Saved) -> Contents:
    """Facts about the backup's database, from the receipt and the dump. A throw-away server needs these facts."""
    receipt = saved.receipt
    return Contents(
        major=int(receipt.server_version.split(".", maxsplit=1)[0]),
        rows=receipt.rows,
        sequences={},
        inventory=(),
        exact_inventory=(),
        extensions=receipt.extensions,
        roles=saved.roles,
        locale=Locale(**receipt.locale),
    )


def restore_beside(job: DrillJob) -> str:
    """Restores into a throw-away database, and compares it with the receipt. Returns a description of the server.

    Raises BackupError if a file, a row count, the content of a critical table or the schema differs.
    """
    receipt, dump = job.saved.receipt, job.saved.dump
    job.say(f"checking {many(len(receipt.saved_files), 'file')}, {megabytes(receipt.bytes)}")
    refuse_if_changed(receipt.files, dump, job.saved.location)
    refuse_if_changed(receipt.exported_files, job.saved.folder / EXPORT, job.saved.location)
    with job.place(described(job.saved)) as place, Watchdog(dump, then=FolderAction.KEEP) as watchdog:
        job.say(f"restoring on {place.words}")
        zstd = receipt.compression.startswith("zstd")
        client = client_for(int(receipt.client_version.split(".")[0]), tls=wants_tls(place.address), zstd=zstd)
        restoration = Restoration(client, place.address, place.database, dump, jobs(), place.options)
        restoration = replace(restoration, left_out=frozenset(receipt.foreign_keys_left_out))
        began = monotonic()
        with restore_measured(place.address, place.database, receipt.rows, job.tell):
            complaints = pg_restore(restoration, watchdog)
        with exported_snapshot(place.address, database=place.database) as restored:
            copy = contents_of(restored, tuple(receipt.contents))
        wrong = [*complaints.losses, *differences_from(receipt, copy)]
        if receipt.exported:
            wrong += compare_export(job.saved.folder, receipt.exported, place, job.tell)
        if wrong:
            more = f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""
            what = f"{receipt.id}, restored on {place.words}, differs from its receipt: {'; '.join(wrong[:5])}{more}"
            raise BackupError(what, state=NOT_RESTORABLE, hint="take a new backup now, and find out what changed")
        counted = f"{many(sum(copy.rows.values()), 'row')} in {many(len(copy.rows), 'table')}"
        job.say(f"restored in {monotonic() - began:.1f} s: {counted} and the schema match the receipt")
        return place.words


def differences_from(receipt: Receipt, copy: Contents) -> list[str]:
    """The differences between a receipt and a restored database, as text.

    The schema shows which tables exist, because the receipt of a part counts no rows of tables that it saves without
    rows.
    """
    wrong = [
        f"{table}: {receipt.rows.get(table, 0):,} rows in the receipt, {copy.rows.get(table, 0):,} restored"
        for table in sorted(receipt.rows.keys() | copy.rows.keys())
        if receipt.rows.get(table, 0) != copy.rows.get(table, 0)
    ]
    wrong += [f"{table}: different contents" for table, of in receipt.contents.items() if copy.digests.get(table) != of]
    if portable_hash(copy.inventory) != receipt.schema_sha256:
        wrong.append("the hash of the schema is different")
    return wrong
