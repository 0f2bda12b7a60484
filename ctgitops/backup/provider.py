"""Backups that a provider takes: pgBackRest, or a command that fulfils the contract in `core/provider_backup.py`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

from ..core.backup.drill import Drill
from ..core.environment.backup_extent import BackupExtent
from ..core.environment.environment import BackupPolicy, Environment
from ..core.provider_backup import VERSION, ProviderBackup, drilled, verified
from ..core.receipt import Receipt
from ..core.run.backup_progress import BackupAdvanced, BackupPhase
from ..core.run.progress import Listener
from ..errors import BackupError
from ..postgres.catalog.exported_snapshot import exported_snapshot
from ..postgres.connection.connect import Address
from ..postgres.session.database import PostgresDatabase
from .child_process import OutOfTimeError, converse
from .drill import NOT_RESTORABLE
from .limits import Deadline
from .pg_dump import UNTOUCHED

LONGEST = 300
"""The maximum length of a program's message in an error."""


@dataclass(frozen=True)
class ProviderJob:
    """The task of a provider to take one backup."""

    environment: Environment
    policy: BackupPolicy
    source: Address
    extent: BackupExtent
    root: Path
    environ: Mapping[str, str] = field(repr=False)

    def called(self, command: list[str], text: str, deadline: Deadline) -> str:
        """Runs a program with `text` on its standard input. Returns its standard output. Raises BackupError."""
        first = command[0]
        program = str(self.root / first) if "/" in first else first
        try:
            done = converse([program, *command[1:]], text, self.environ, self.root, deadline.left)
        except OutOfTimeError:
            raise deadline.error() from None
        except OSError as error:
            what = f"cannot run {first}: {error.strerror}"
            hint = "the path is relative to the repository's root, and the file must be executable"
            raise BackupError(what, state=UNTOUCHED, hint=hint) from None
        if done.status:
            said = " ".join(self.source.hidden(done.said or done.out).split())[-LONGEST:]
            what = f"{' '.join(command[:1])} ended with exit status {done.status}: {said or 'no output'}"
            raise BackupError(what, state=UNTOUCHED, hint="run the program by hand, as docs/providers.md shows")
        return done.out


class Provider(Protocol):
    """Takes backups and verifies them."""

    def backup(self, since: datetime) -> ProviderBackup:
        """Takes a backup, which must be newer than `since`. Raises BackupError, ValueError."""

    def verify(self, backup: ProviderBackup) -> str:
        """Verifies the backup. Returns how it was verified, as text. Raises BackupError, ValueError."""


@dataclass(frozen=True)
class CommandProvider:
    """A command of the repository. Receives and returns JSON."""

    job: ProviderJob
    facts: Mapping[str, Any]
    deadline: Deadline

    def backup(self, since: datetime) -> ProviderBackup:
        """Calls the command with `"call": "backup"`."""
        return ProviderBackup.of(self._call("backup", {}), since)

    def verify(self, backup: ProviderBackup) -> str:
        """Calls the command with `"call": "verify"` and the backup."""
        return verified(self._call("verify", {"backup": backup.to_data()}))

    def _call(self, call: str, more: Mapping[str, Any]) -> str:
        text = json.dumps({"version": VERSION, "call": call, **self.facts, **more})
        return self.job.called(list(self.job.policy.command), text, self.deadline)


@dataclass(frozen=True)
class PgBackRest:
    """pgBackRest, for a stanza that is configured on this machine."""

    job: ProviderJob
    deadline: Deadline

    def backup(self, since: datetime) -> ProviderBackup:
        """Takes a backup of the type that the manifest sets. Waits until its WAL is archived."""
        policy = self.job.policy.pgbackrest
        before = {each["label"] for each in self._backups()}
        self._run("backup", f"--type={policy.type}", f"--annotation=ctgitops={self.job.environment.name}")
        new = [each for each in self._backups() if each["label"] not in before]
        if not new:
            raise ValueError("`pgbackrest info` lists no new backup")
        last = new[-1]
        label, stop = str(last["label"]), datetime.fromtimestamp(last["timestamp"]["stop"], UTC)
        restore = f"{' '.join(self._command)} --set={label} --type=immediate --target-action=promote restore"
        answer = {"id": label, "time": stop.isoformat(), "lsn": (last.get("lsn") or {}).get("stop"), "restore": restore}
        return ProviderBackup.of(json.dumps(answer), since)

    def verify(self, backup: ProviderBackup) -> str:
        """Verifies the checksums of the repository."""
        # Its exit status is 0 whatever it finds, and without --verbose it says nothing of a valid repository
        said = self._run("verify", "--output=text", "--verbose")
        if "status: ok" not in said or f"backup: {backup.id}, status: valid" not in said:
            said = " ".join(said.split())[:LONGEST]
            raise ValueError(f"`pgbackrest verify` does not report the backup as valid: {said}")
        errors = [each for each in self._backups() if each["label"] == backup.id and each.get("error")]
        if errors:
            raise ValueError("`pgbackrest info` reports page checksum errors in the backup")
        return "`pgbackrest verify` compared the checksums of the backup and of its WAL"

    @property
    def _command(self) -> tuple[str, ...]:
        policy = self.job.policy.pgbackrest
        config = (f"--config={policy.config}",) if policy.config else ()
        return ("pgbackrest", *config, f"--stanza={policy.stanza}")

    def _run(self, *arguments: str) -> str:
        return self.job.called([*self._command, *arguments], "", self.deadline)

    def _backups(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self._run("info", "--output=json"))
        return found[0].get("backup", []) if found else []


def drill_by_command(job: ProviderJob, tell: Listener) -> Drill:
    """Makes the command restore its newest backup on a throw-away server. Measures the time. Raises BackupError.

    Does not connect to the database of the environment.
    """
    deadline, began_at, began = Deadline(job.policy), datetime.now(UTC), monotonic()
    tell(BackupAdvanced("command restores its newest backup", BackupPhase.PROOF))
    try:
        text = json.dumps({"version": VERSION, "call": "drill", "environment": job.environment.name})
        backup, time, how = drilled(job.called(list(job.policy.command), text, deadline))
    except ValueError as error:
        what = f"the drill by command is not accepted: {job.source.hidden(str(error))}"
        hint = "docs/providers.md describes the required output"
        raise BackupError(what, state=NOT_RESTORABLE, hint=hint) from None
    except BackupError as error:
        raise BackupError(error.what, state=NOT_RESTORABLE, hint=error.hint) from None
    place = f"{how}; the backup is of {time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return Drill(backup, began_at, 0, monotonic() - began, place, by=job.policy.by.value)


def take_by_provider(job: ProviderJob, tell: Listener) -> Receipt:
    """Makes the provider take and verify a backup. ctgitops itself only reads the database. Raises BackupError."""
    deadline, since = Deadline(job.policy), datetime.now(UTC)
    with exported_snapshot(job.source) as snapshot:
        server_version, database = snapshot.server_version(), snapshot.database_name()
    by = job.policy.by.value
    provider = _provider(job, deadline, database, server_version)
    try:
        tell(BackupAdvanced(f"{by} takes a backup"))
        taken = provider.backup(since)
        tell(BackupAdvanced(f"{by} verifies {taken.id}", BackupPhase.PROOF))
        how = provider.verify(taken)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        what = f"the backup by {by} is not accepted: {job.source.hidden(str(error))}"
        raise BackupError(what, state=UNTOUCHED, hint="docs/providers.md describes the required output") from None
    return Receipt(
        id=taken.id,
        environment=job.environment.name,
        database=database,
        server_version=server_version,
        client_version="",
        started_at=since,
        finished_at=taken.time,
        location=f"{by}:{taken.id}",
        compression="",
        jobs=0,
        rows={},
        files={},
        schema_sha256="",
        proof=how,
        notes=taken.notes,
        by=by,
        restore_by=taken.restore,
        lsn=taken.lsn,
    )


def _provider(job: ProviderJob, deadline: Deadline, database: str, server_version: str) -> Provider:
    if not job.policy.command:
        return PgBackRest(job, deadline)
    identity = PostgresDatabase(job.source).ledger().identity
    facts = {
        "environment": job.environment.name,
        "plan": {"fingerprint": job.extent.plan or None, "migrations": list(job.extent.migrations)},
        "database": {
            "name": database,
            "server_version": server_version,
            "system_identifier": str(identity.here.system_identifier or "") or None if identity else None,
            "ledger_id": (identity.ledger_id or None) if identity else None,
        },
    }
    return CommandProvider(job, facts, deadline)
