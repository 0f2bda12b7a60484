"""Restores the rows of one table from a backup into a new table. Leaves the existing table unchanged."""

from __future__ import annotations

import re
import subprocess
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import takewhile
from tempfile import TemporaryFile
from typing import IO, cast

from ..core.run.backup_progress import BackupAdvanced
from ..core.run.progress import Listener
from ..errors import BackupError, UsageError
from ..postgres.catalog.table_copy import NOTHING, NewTable, TableDefinition, TableName, new_table, table_definition
from ..postgres.connection.connect import Address
from ..postgres.server.programs import Programs, client_for
from ..postgres.server.watchdog import FolderAction, Watchdog
from .drill import described
from .meter import ByteCounter, bytes_measured
from .pg_dump import jobs, many
from .pg_restore import Restoration, pg_restore
from .proof import Contents, ProofDatabase
from .restore import Saved
from .store import refuse_if_changed

_ENCODING = re.compile(rb"SET client_encoding = '([^']+)';")
_BEGIN = b" FROM stdin;\n"
_END = b"\\.\n"
ServerMaker = Callable[[Contents], AbstractContextManager[ProofDatabase]]


@dataclass(frozen=True)
class TableRestore:
    """One table of a backup, and the new table that receives its rows."""

    saved: Saved
    table: TableName
    new: TableName
    target: Address
    tell: Listener

    def say(self, words: str) -> None:
        """Reports progress."""
        self.tell(BackupAdvanced(words))

    @property
    def client(self) -> Programs:
        """The pg_restore that reads the dump."""
        receipt = self.saved.receipt
        return client_for(int(receipt.client_version.split(".")[0]), zstd=receipt.compression.startswith("zstd"))


def restore_table(job: TableRestore, place: ServerMaker) -> int:
    """Creates the new table with all rows, or creates nothing. Returns the number of rows in the receipt. Writes.

    The columns come from the schema of the backup, which is restored on a throw-away server. The existing table may be
    dropped or have other columns. Raises UsageError, BackupError.
    """
    receipt = job.saved.receipt
    refuse_if_changed(receipt.files, job.saved.dump, job.saved.location)
    definition = _definition(job, place)
    if receipt.without_rows and (missing := [str(part) for part in definition.parts if str(part) not in receipt.rows]):
        raise _partial(job, ", ".join(missing[:5]))
    expected = sum(receipt.rows.get(str(part), 0) for part in definition.parts)
    job.say(f"restoring {many(expected, 'row')} of {job.table} into {job.new}")
    counter = ByteCounter()
    with new_table(job.target, job.new, definition) as table:
        with bytes_measured("restoring", "rows", expected, job.tell, counter):
            for part in definition.parts:
                _copy(job, part, table, counter)
        if (found := table.count()) != expected:
            what = f"{job.new} would have {many(found, 'row')}, but the receipt has {expected:,} for {job.table}"
            raise BackupError(what, state=NOTHING, hint="restore another backup: `ctgitops backup list`")
    job.say(f"{job.new} has the {many(expected, 'row')} of {job.table}, without indexes, constraints and grants")
    return expected


def _definition(job: TableRestore, place: ServerMaker) -> TableDefinition:
    dump = job.saved.dump
    with place(described(job.saved)) as server, Watchdog(dump, then=FolderAction.KEEP) as watchdog:
        job.say(f"reading the columns of {job.table} on {server.words}")
        options = ("--section=pre-data", *server.options)
        restoration = Restoration(job.client, server.address, server.database, dump, jobs(), options)
        complaints = pg_restore(restoration, watchdog)
        definition = table_definition(server.address, server.database, job.table)
    if definition is not None:
        return definition
    if str(job.table) in job.saved.receipt.rows:
        said = "; ".join(complaints.losses[:3])
        hint = "restore the whole backup into an empty database"
        raise BackupError(f"cannot read the columns of {job.table}: {said}", state=NOTHING, hint=hint)
    if job.saved.receipt.without_definition:
        raise _partial(job, str(job.table))
    raise UsageError(f"{job.saved.receipt.id} has no table {job.table}", state=NOTHING, hint=_near(job))


def _partial(job: TableRestore, tables: str) -> UsageError:
    what = f"{job.saved.receipt.id} does not have the rows of {tables}: it is a partial backup"
    return UsageError(what, state=NOTHING, hint="choose a backup of the whole database: `ctgitops backup list`")


def _near(job: TableRestore) -> str:
    import difflib

    near = difflib.get_close_matches(str(job.table), job.saved.receipt.rows, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else "the receipt lists its tables in `rows`"


def _copy(job: TableRestore, part: TableName, table: NewTable, counter: ByteCounter) -> None:
    with _dumped(job, part) as stream:
        encoding = "UTF8"
        for line in stream:
            if found := _ENCODING.match(line):
                encoding = found[1].decode()
            # The names of columns may contain line breaks
            if line.startswith(b"COPY "):
                if not line.endswith(_BEGIN):
                    deque(takewhile(lambda more: not more.endswith(_BEGIN), stream), maxlen=0)
                table.copy_in(_rows(stream, counter), encoding)


def _rows(stream: IO[bytes], counter: ByteCounter) -> Iterator[bytes]:
    for line in stream:
        if line == _END:
            return
        counter(1)
        yield line


@contextmanager
def _dumped(job: TableRestore, part: TableName) -> Iterator[IO[bytes]]:
    """The SQL that pg_restore prints for the rows of one table. Raises BackupError if pg_restore fails."""
    command = [job.client.path("pg_restore"), "--data-only", "--file=-"]
    command += [f"--schema={part.schema}", f"--table={part.name}", str(job.saved.dump)]
    with (
        TemporaryFile() as said,
        subprocess.Popen(command, env=job.client.environment, stdout=subprocess.PIPE, stderr=said) as child,
    ):
        try:
            yield cast("IO[bytes]", child.stdout)
            status = child.wait()
        except BaseException:
            child.kill()
            raise
        if status:
            said.seek(0)
            words = " ".join(said.read().decode(errors="replace").split())[:400]
            raise BackupError(f"pg_restore stopped: {words}", state=NOTHING, hint="restore another backup")
