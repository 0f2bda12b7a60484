"""Takes one backup: dumps, counts rows, restores, and compares.

`commands/apply.py` and `commands/rollback.py` take a backup while they hold the run lock. This happens after the gates
and the preflight checks, and before the first migration.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from time import monotonic

from ..core.environment.backup_extent import BackupExtent
from ..core.environment.environment import BackupPolicy, BackupScope, Environment
from ..core.receipt import DUMP, EXPORT, ExportedTable, Receipt, SavedFile
from ..core.run.backup_progress import BackupAdvanced, BackupPhase
from ..core.run.progress import Listener
from ..errors import BackupError
from ..ports.backup_store import Draft, StoredCopy
from ..postgres.catalog.database_part import DatabasePart
from ..postgres.catalog.dump_advice import cure_for
from ..postgres.catalog.exported_snapshot import ExportedSnapshot, exported_snapshot, portable_hash
from ..postgres.catalog.table_export import ExportTable, tables_to_export
from ..postgres.connection.connect import Address
from ..postgres.connection.identity import read_identity
from ..postgres.server.libpq_environment import wants_tls
from ..postgres.server.programs import client_for
from ..postgres.server.scratch_database import role_statements
from ..postgres.server.watchdog import Watchdog
from .child_process import OutOfTimeError
from .counting import contents, contents_of, count, in_time
from .early_server import EarlyServer
from .encryption import Cipher
from .export import ExportJob, compare_export, refuse_if_different, write_export
from .limits import Deadline, refuse_above
from .meter import ByteCounter, bytes_measured, dump_measured, restore_measured
from .pg_dump import UNTOUCHED, Dump, full_disk, jobs, many, megabytes, pg_dump
from .pg_restore import Restoration, pg_restore
from .proof import Contents, ProofDatabase, differences
from .store import ROLES, SMALLEST_COPY, SMALLEST_DUMP, below, checksums, refuse_if_full

ProofMaker = Callable[[Contents], AbstractContextManager[ProofDatabase]]


@dataclass(frozen=True)
class BackupJob:
    """The source, policy and target of one backup."""

    environment: Environment
    policy: BackupPolicy
    source: Address
    backup: str
    """The backup's ID."""
    location: str
    """The backup's path or URL in the store."""
    draft: Draft
    tell: Listener
    early: EarlyServer = field(default_factory=partial(EarlyServer, wanted=False))
    """The throw-away server of the verification. Not wanted if another server verifies the backup."""
    cipher: Cipher = field(default_factory=Cipher)
    stored: ByteCounter = field(default_factory=ByteCounter)
    """Counts the bytes that are already in the store."""
    rates: tuple[float, ...] = ()
    """The speeds of earlier backups, in bytes of the database per second."""
    extent: BackupExtent = field(default_factory=BackupExtent)

    def say(self, words: str, phase: BackupPhase = BackupPhase.BACKUP) -> None:
        """Reports progress."""
        self.tell(BackupAdvanced(words, phase))


def take_into(taking: BackupJob, proof: ProofMaker) -> Receipt:
    """Dumps, counts rows, restores, compares, and finishes the draft. Raises BackupError."""
    deadline = Deadline(taking.policy)
    try:
        return _taken(taking, proof, deadline)
    except OutOfTimeError:
        raise deadline.error() from None


def _taken(taking: BackupJob, proof: ProofMaker, deadline: Deadline) -> Receipt:
    started = datetime.now(UTC)
    with Watchdog(taking.draft.folder) as watchdog:
        # The snapshot is held only during the dump, because it keeps VACUUM from removing dead rows in the source
        with exported_snapshot(taking.source) as snapshot:
            part = _part(taking.extent, snapshot)
            size = part.bytes if part else snapshot.database_size()
            tables = tables_to_export(snapshot, taking.policy.export.tables) if taking.policy.export else ()
            refuse_above(taking.policy, size, taking.rates)
            _refuse_full_disks(taking, size)
            client = client_for(snapshot.server_major(), tls=wants_tls(taking.source))
            dump = Dump(client, taking.source, taking.draft.folder / DUMP, jobs(), deadline.left, part)
            source = _dump_and_count(taking, dump, snapshot, watchdog)
            server_version, database = snapshot.server_version(), snapshot.database_name()
            with snapshot.reader() as connection:
                ledger_id = read_identity(connection).identity.ledger_id
            exported = _export(taking, tables, snapshot, deadline)
        (dump.folder / ROLES).write_text(role_statements(source.roles), encoding="utf-8")
        saved = checksums(taking.draft.folder)
        copy = _stored(taking, saved) if taking.policy.from_store else None
        with proof(source) as place:
            deadline.check()
            notes = _prove(taking, replace(dump, seconds=deadline.left), source, place, watchdog)
            words = place.words
            if exported:
                wrong = compare_export(taking.draft.folder, exported, place, taking.tell, deadline.check)
                refuse_if_different(wrong)
        copy = copy or _stored(taking, saved)
        _refuse_if_changed(taking.draft.folder, saved, copy)
        deadline.check()
        receipt = Receipt(
            id=taking.backup,
            environment=taking.environment.name,
            database=database,
            server_version=server_version,
            client_version=client.version,
            started_at=started,
            finished_at=datetime.now(UTC),
            location=taking.location,
            compression=client.compression,
            jobs=dump.jobs,
            rows=dict(source.rows),
            files=below(DUMP, saved),
            schema_sha256=portable_hash(source.inventory),
            proof=words,
            notes=(*_missing_tables(taking.policy, source), *notes),
            left_out=source.left_out,
            public=source.public,
            contents=dict(source.digests),
            stored=dict(copy.objects),
            stored_proof=copy.proof,
            ledger_id=ledger_id,
            locked_until=copy.locked_until,
            encrypted_to=taking.cipher.recipients,
            key_check=taking.cipher.key_check(),
            extensions=source.extensions,
            locale=asdict(source.locale),
            source_bytes=size,
            scope=taking.extent.scope.value,
            why_all=taking.extent.why_all,
            without_rows=len(part.without_rows) if part else 0,
            without_definition=len(part.undefined) if part else 0,
            foreign_keys_left_out=dict(part.foreign_keys) if part else {},
            exported=exported,
            exported_as=taking.policy.export.format.value if taking.policy.export else "",
            exported_files=below(EXPORT, saved),
        )
        taking.draft.finish(receipt.to_json())
    return receipt


def _part(extent: BackupExtent, snapshot: ExportedSnapshot) -> DatabasePart | None:
    """The part of the database that the backup saves. None for the whole database."""
    return None if extent.whole else snapshot.part(extent.tables, definitions=extent.scope is BackupScope.SCHEMA)


def _export(
    taking: BackupJob, tables: tuple[ExportTable, ...], snapshot: ExportedSnapshot, deadline: Deadline
) -> dict[str, ExportedTable]:
    """Exports the tables of the policy into the backup's local folder."""
    if not taking.policy.export:
        return {}
    of = taking.policy.export.format
    about = {
        "backup": taking.backup,
        "environment": taking.environment.name,
        "database": snapshot.database_name(),
        "server_version": snapshot.server_version(),
        "database_encoding": snapshot.locale().encoding,
    }
    began = monotonic()
    job = ExportJob(tables, of, taking.draft.folder, about, taking.tell, deadline.check)
    exported = write_export(job, snapshot)
    rows = many(sum(each.rows for each in exported.values()), "row")
    taking.say(f"exported {rows} of {many(len(exported), 'table')} as {of} in {monotonic() - began:.1f} s")
    return exported


def _stored(taking: BackupJob, files: dict[str, SavedFile]) -> StoredCopy:
    """Waits until all files are stored, and compares them. With `restore-from-store`, downloads them for the restore.

    Raises BackupError.
    """
    total = sum(file.bytes for file in files.values())
    taking.say(f"storing {many(len(files), 'file')}, {megabytes(total)}")
    with bytes_measured("storing", "stored", total, taking.tell, taking.stored):
        copy = taking.draft.store(files)
    if not copy.objects or not taking.policy.from_store:
        return copy
    taking.say(f"downloading {many(len(copy.objects), 'object')}")
    taking.stored.reset()
    with bytes_measured("downloading", "downloaded", total, taking.tell, taking.stored):
        taking.draft.fetch()
    if checksums(taking.draft.folder) != files:
        raise BackupError("the files that the store returned differ from the dump", hint="run the command again")
    return replace(copy, proof=f"{copy.proof}; downloaded and restored from there")


def _refuse_if_changed(folder: Path, saved: dict[str, SavedFile], copy: StoredCopy) -> None:
    """Raises BackupError if files changed since the dump, and the files themselves are the backup."""
    now = saved if copy.objects else checksums(folder)
    if wrong := sorted(name for name in saved.keys() | now.keys() if saved.get(name) != now.get(name)):
        what = f"files of the backup changed while it was verified: {', '.join(wrong[:3])}"
        raise BackupError(what, state=UNTOUCHED, hint="run the command again, and find out who writes to this folder")


def _refuse_full_disks(taking: BackupJob, size: int) -> None:
    refuse_if_full(taking.draft.folder.parent, size, SMALLEST_DUMP)
    if not taking.policy.verify_server:
        refuse_if_full(Path(gettempdir()), size, SMALLEST_COPY)


def _dump_and_count(taking: BackupJob, dump: Dump, snapshot: ExportedSnapshot, watchdog: Watchdog) -> Contents:
    part = dump.part
    taking.early.begin(snapshot.server_major(), snapshot.extensions())
    size = megabytes(part.bytes if part else snapshot.database_size())
    taking.say(f"dumping {size} with pg_dump {dump.client.version}, {dump.jobs} jobs, {dump.client.compression}")
    began = monotonic()
    before = snapshot.sequences(part)
    with ThreadPoolExecutor(1, thread_name_prefix="count") as pool:
        counting = pool.submit(count, snapshot, taking.policy.critical_tables, part)
        try:
            with dump_measured(taking.source, dump.folder, taking.tell, part.oids if part else None):
                pg_dump(dump, snapshot, watchdog)
            left = None if dump.seconds is None else max(0.0, dump.seconds - (monotonic() - began))
            counted = in_time(counting, left)
        except BaseException:
            counting.cancel()
            snapshot.stop()
            raise
    rows, _ = counted
    after = snapshot.sequences(part)
    written = sum(file.stat().st_size for file in dump.folder.iterdir())
    taking.say(
        f"dumped {megabytes(written)} in {monotonic() - began:.1f} s; "
        f"counted {many(sum(rows.values()), 'row')} in {many(len(rows), 'table')} in the same snapshot"
    )
    sequences = {name: (before.get(name, value), value) for name, value in after.items()}
    return contents(snapshot, counted, sequences, part)


def _missing_tables(policy: BackupPolicy, source: Contents) -> tuple[str, ...]:
    """The critical tables that do not exist. Only reports them, because the plan may create these tables."""
    return tuple(
        f"critical table {table} does not exist yet" for table in policy.critical_tables if table not in source.digests
    )


def _prove(
    taking: BackupJob, dump: Dump, source: Contents, place: ProofDatabase, watchdog: Watchdog
) -> tuple[str, ...]:
    taking.say(f"restoring the backup on {place.words}", BackupPhase.PROOF)
    began = monotonic()
    options = place.options
    restoration = Restoration(dump.client, place.address, place.database, dump.folder, dump.jobs, options, dump.seconds)
    if dump.part:
        restoration = replace(restoration, left_out=frozenset(dump.part.foreign_keys))
    with restore_measured(place.address, place.database, source.rows, taking.tell):
        complaints = pg_restore(restoration, watchdog)
    if complaints.losses:
        shown = " / ".join(complaints.losses[:3])
        hint = cure_for(taking.source, shown) or _what_helps(shown, place)
        raise BackupError(f"the dump cannot be restored on {place.words}: {shown}", state=UNTOUCHED, hint=hint)
    with exported_snapshot(place.address, database=place.database) as restored:
        copy = contents_of(restored, taking.policy.critical_tables, dump.part)
    if found := differences(source, copy):
        more = f"; and {len(found) - 5} more" if len(found) > 5 else ""
        what = f"the copy restored on {place.words} differs from the source: {'; '.join(found[:5])}{more}"
        raise BackupError(
            what, state=UNTOUCHED, hint="save the messages above and report this bug; do not continue without a backup"
        )
    taking.say(
        f"restored in {monotonic() - began:.1f} s and compared: "
        f"{many(sum(copy.rows.values()), 'row')} in {many(len(copy.rows), 'table')}, "
        f"{many(len(copy.inventory), 'schema object')}",
        BackupPhase.PROOF,
    )
    return (*complaints.harmless, *filter(None, [place.note]))


def _what_helps(words: str, place: ProofDatabase) -> str:
    if full_disk(words):
        return (
            "the throw-away server needs as much disk space as the database: free some space, or set TMPDIR to a "
            "larger disk"
        )
    if "extension" in words or "could not load library" in words or "could not access file" in words:
        return "install these extensions on this machine, or set `backup.verify_server` to a server that has them"
    if place.options and "role" in words:
        return "create these roles on the server of `backup.verify_server`: `create role NAME nologin`"
    return "fix the cause that the messages above report: a backup that cannot be restored does not count"
