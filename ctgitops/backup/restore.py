"""Restores a backup into an empty database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ..core.receipt import DUMP, Receipt
from ..core.run.backup_progress import BackupAdvanced
from ..core.run.progress import Listener
from ..core.schema.snapshot import Snapshot
from ..errors import BackupError, CtgitopsError, UsageError
from ..postgres.catalog.exported_snapshot import exported_snapshot
from ..postgres.catalog.public_schema import restore_rights_of_public
from ..postgres.catalog.schema_snapshot import take_snapshot
from ..postgres.connection.connect import Address
from ..postgres.server.libpq_environment import database_of, wants_tls
from ..postgres.server.local_server import LocalServer
from ..postgres.server.programs import client_for, server_for
from ..postgres.server.scratch_database import (
    create_roles,
    has_tablespaces,
    may_give_to,
    missing_roles,
    objects_in,
    roles_in,
)
from ..postgres.server.watchdog import FolderAction, Watchdog
from .early_server import RESTORE_SETTINGS
from .meter import restore_measured
from .pg_dump import jobs, many, megabytes
from .pg_restore import Restoration, RestoreMessages, pg_restore
from .store import ROLES, refuse_if_changed

UNRESTORED = "nothing was restored"
LONGEST_STATEMENT = 100
_MAY_NOT_CREATE = ("permission denied for database", "permission denied for schema public")


@dataclass(frozen=True)
class Saved:
    """A backup from a store, with its files in a local folder."""

    receipt: Receipt
    folder: Path
    """The local folder with the backup's files."""
    location: str
    """The backup's path or URL in the store, for messages."""

    @property
    def dump(self) -> Path:
        """The folder that pg_dump wrote."""
        return self.folder / DUMP

    @property
    def roles(self) -> tuple[str, ...]:
        """Roles that own an object in the backup, or have privileges on such an object."""
        file = self.dump / ROLES
        return roles_in(file.read_text(encoding="utf-8")) if file.exists() else ()


@dataclass(frozen=True)
class RestoreJob:
    """A backup and the target into which it is restored."""

    saved: Saved
    target: Address
    tell: Listener

    def say(self, words: str) -> None:
        """Reports progress."""
        self.tell(BackupAdvanced(words))


def restore_into(saved: Saved, target: Address, tell: Listener) -> Receipt:
    """Checks the backup and the target, restores, and compares row counts. Writes. Raises BackupError, UsageError."""
    receipt = saved.receipt
    restoring = RestoreJob(saved, target, tell)
    for line in receipt.extent:
        restoring.say(line)
    restoring.say(f"checking {many(len(receipt.files), 'file')}, {megabytes(receipt.bytes)}")
    refuse_if_changed(receipt.files, saved.dump, saved.location)
    _refuse_unless_empty(target)
    options = _owners(restoring)
    # pg_restore must be new enough for the dump's format; the server may be newer than pg_restore
    major = int(receipt.client_version.split(".")[0])
    client = client_for(major, tls=wants_tls(target), zstd=receipt.compression.startswith("zstd"))
    restoring.say(f"restoring with pg_restore {client.version}")
    restoration = Restoration(client, target, database_of(target), saved.dump, jobs(), options)
    restoration = replace(restoration, left_out=frozenset(receipt.foreign_keys_left_out))
    with (
        _half_way(target),
        Watchdog(saved.dump, then=FolderAction.KEEP) as watchdog,
        restore_measured(target, None, receipt.rows, tell),
    ):
        complaints = pg_restore(restoration, watchdog)
    _public_as_it_was(restoring)
    _compare(restoring, complaints)
    return receipt


def schema_of(saved: Saved, tell: Listener) -> Snapshot:
    """Restores a backup on a local throw-away server, and reads its schema. Raises BackupError, UsageError."""
    if saved.receipt.without_definition:
        what = f"{saved.receipt.id} is a partial backup, without the definitions of {saved.receipt.without_definition}"
        hint = "choose a backup with all definitions (`scope: database` or `schema`): `ctgitops backup list`"
        raise UsageError(f"{what} tables", state=UNRESTORED, hint=hint)
    programs = server_for(int(saved.receipt.server_version.split(".", maxsplit=1)[0]))
    with LocalServer(programs, settings=RESTORE_SETTINGS) as server:
        address = server.create_database("backup")
        create_roles(address, saved.roles)
        restore_into(saved, address, tell)
        taken = take_snapshot(address)
        return replace(taken, about=replace(taken.about, database=saved.receipt.database))


@contextmanager
def _half_way(target: Address) -> Iterator[None]:
    """Adds to every error in a block that the target is incomplete, because the restore has already begun."""
    try:
        yield
    except CtgitopsError as error:
        state = f"{target.label} is incomplete or not verified"
        hint = "fix the cause, then create a new database (`createdb NAME`) and restore into it"
        raise BackupError(error.what, state=state, hint="; ".join(filter(None, (error.hint, hint)))) from None


def _refuse_unless_empty(target: Address) -> None:
    if things := objects_in(target):
        more = f" and {len(things) - 5} more" if len(things) > 5 else ""
        what = f"{target.label} is not empty: it has {', '.join(things[:5])}{more}"
        hint = "create a new database (`createdb NAME`), restore into it, and switch over once it is verified"
        raise UsageError(what, state=UNRESTORED, hint=hint)


def _owners(restoring: RestoreJob) -> tuple[str, ...]:
    """pg_restore's options that leave out owners and tablespaces if the target does not allow them.

    Raises UsageError if a role is missing.
    """
    roles = restoring.saved.roles
    if missing := missing_roles(restoring.target, roles):
        named = ", ".join(missing)
        what = f"{restoring.target.label} lacks roles that own objects or have privileges in the backup: {named}"
        file = f"{restoring.saved.location}/{DUMP}/{ROLES}"
        hint = f"create them by hand, or all at once: `psql URL -f {file}` (it is safe to ignore `already exists`)"
        raise UsageError(what, state=UNRESTORED, hint=hint)
    places = () if has_tablespaces(restoring.target) else ("--no-tablespaces",)
    if may_give_to(restoring.target, roles):
        return places
    restoring.say("this role is not allowed to set the owners of objects, so it becomes the owner of all objects")
    return ("--no-owner", *places)


def _public_as_it_was(restoring: RestoreJob) -> None:
    """Restores owner and privileges of the schema `public`, which pg_restore can do only as superuser."""
    wanted = restoring.saved.receipt.public
    if wanted and (left := restore_rights_of_public(restoring.target, wanted)):
        what = "the owner or the privileges of schema public differ from the backup"
        restoring.say(f"{what}; run as a superuser: {' '.join(left)}")


def _compare(restoring: RestoreJob, complaints: RestoreMessages) -> None:
    with _half_way(restoring.target), exported_snapshot(restoring.target) as snapshot:
        rows = snapshot.count_rows()
        digests = snapshot.digests(tuple(restoring.saved.receipt.contents))
    receipt = restoring.saved.receipt
    unsaved = None if receipt.scope == "database" else 0
    wrong = [
        f"{table}: {receipt.rows.get(table, 0):,} in the receipt, {rows.get(table, 0):,} restored"
        for table in sorted(receipt.rows.keys() | rows.keys())
        if receipt.rows.get(table, unsaved) != rows.get(table)
    ]
    wrong += [f"{t}: contents differ from the receipt" for t, d in receipt.contents.items() if digests.get(t) != d]
    counted = f"{many(sum(rows.values()), 'row')} in {many(len(rows), 'table')}"
    if wrong:
        state = f"restored, but incomplete: {'; '.join(wrong[:5])}"
    else:
        state = f"restored: {counted}, which matches the receipt"
    if complaints.losses or wrong:
        shown = " / ".join(map(_short, complaints.losses[:5])) or "rows are missing, added or different"
        hint = _advice(complaints.losses)
        raise BackupError(f"not all of {receipt.id} was restored: {shown}", state=state, hint=hint)
    restoring.say(f"{state}; backed up from {receipt.environment} at {receipt.started_at:%Y-%m-%d %H:%M:%S} UTC")


def _short(loss: str) -> str:
    """pg_restore's message about one statement. Cuts a long statement."""
    said, command, statement = loss.partition(" Command was: ")
    long = len(statement) > LONGEST_STATEMENT
    return f"{said}{command}{statement[:LONGEST_STATEMENT]}{'…' if long else ''}"


def _advice(losses: tuple[str, ...]) -> str:
    if any(denied in loss for loss in losses for denied in _MAY_NOT_CREATE):
        return "create a new database that this role owns (`createdb --owner=ROLE NAME`), and restore into it"
    return "see what failed: grant missing privileges by hand, or create a new database and restore again"
