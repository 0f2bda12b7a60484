"""Takes and restores proved backups in a local folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import gettempdir

from ..core.environment.environment import BackupPolicy, Environment
from ..core.receipt import Receipt
from ..core.run.progress import Listener
from ..errors import BackupError, CtgitopsError, UsageError
from ..postgres.connection.connect import Address
from .child_process import termination_as_interrupt
from .pg_dump import UNTOUCHED
from .proof import Contents, ProofDatabase, beside_us, on_server
from .restore import restore_from
from .store import SMALLEST_COPY, SMALLEST_DUMP, local_folder, new_folder, refuse_if_full
from .take import Taking, take_into


@dataclass(frozen=True)
class LocalBackups:
    """Backups in the folder that `backup.to` names, relative to the repository's `root`."""

    root: Path
    address_of: Callable[[Environment], Address]
    address_of_secret: Callable[[str], Address]

    def take(self, environment: Environment, tell: Listener) -> Receipt:
        """Dumps, counts, restores, compares, and writes the receipt last. Only reads the database.

        Raises BackupError, after which the folder contains nothing of this backup.
        """
        policy = environment.backup
        if policy is None:
            raise UsageError(f"{environment.name} has no `backup` in its manifest", hint="say where to in `backup.to`")
        with _no_backup(), termination_as_interrupt():
            source = self.address_of(environment)
            place = local_folder(self.root, policy.to)
            with new_folder(place, environment.name, datetime.now(UTC)) as folder:
                taking = Taking(environment, policy, source, folder, tell)
                receipt = take_into(taking, lambda source: self._proof(policy, source), _disks(place, policy))
                folder.finish(receipt)
        return receipt

    def restore(self, receipt_path: str, url: str, tell: Listener) -> Receipt:
        """Restores a backup into the empty database at `url` and counts its rows. Writes there.

        Raises BackupError, or UsageError before anything is written.
        """
        with termination_as_interrupt():
            return restore_from(self.root / receipt_path, Address(url, label="the database to restore into"), tell)

    def _proof(self, policy: BackupPolicy, source: Contents) -> AbstractContextManager[ProofDatabase]:
        return (
            on_server(self.address_of_secret(policy.verify_server), source)
            if policy.verify_server
            else beside_us(source)
        )


def _disks(place: Path, policy: BackupPolicy) -> Callable[[int], None]:
    def refuse(size: int) -> None:
        refuse_if_full(place, size, SMALLEST_DUMP)
        if not policy.verify_server:
            refuse_if_full(Path(gettempdir()), size, SMALLEST_COPY)

    return refuse


@contextmanager
def _no_backup() -> Iterator[None]:
    """Turns any error into a BackupError with one state: there is no proved backup, so nothing was changed."""
    try:
        yield
    except BackupError as error:
        if error.state:
            raise
        raise BackupError(error.what, place=error.place, state=UNTOUCHED, hint=error.hint) from None
    except CtgitopsError as error:
        raise BackupError(error.what, place=error.place, state=UNTOUCHED, hint=error.hint) from None
    except KeyboardInterrupt:
        what = "the run was asked to stop while a backup was taken"
        raise BackupError(what, state=UNTOUCHED, hint="run the same again") from None
    except OSError as error:
        what = f"cannot write the backup: {error.strerror} ({error.filename})"
        raise BackupError(what, state=UNTOUCHED, hint="free space, or name another folder in `backup.to`") from None
