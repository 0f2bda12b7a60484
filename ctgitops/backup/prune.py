"""Removes old backups of an environment according to `backup.keep`, and leftovers of interrupted runs."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..core.backup.retention import Pruned, retention
from ..core.environment.environment import Environment, KeepPolicy
from ..errors import BackupError, CtgitopsError
from ..ports.backup_store import BackupStore
from ..postgres.connection.connect import Address
from ..postgres.session.retention_facts import retention_facts
from .catalogue import INCOMPLETE, leftovers, remove, stored_backups
from .objects import NotAllowedError
from .pg_dump import many

_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True)
class PruneJob:
    """The environment, its database and its store."""

    environment: Environment
    keep: KeepPolicy
    source: Address
    store: BackupStore
    say: Callable[[str], None]
    others: Callable[[], Mapping[str, Address]] = field(default=dict)
    """Returns the databases of the other environments with the same backup destination. Raises CtgitopsError."""


def prune(job: PruneJob, *, dry_run: bool) -> Pruned:
    """Decides which backups to remove, and removes them unless `dry_run`. Writes to the store.

    Removes the receipt of a backup first. After an interruption, the backup therefore no longer counts, and the next
    run removes the rest. If the store refuses a removal, `refused` says so. Raises CtgitopsError before any removal.
    """
    left = leftovers(job.store, job.environment.name, job.source)
    facts = retention_facts(job.environment, job.source, job.others())
    decisions = retention(job.keep, stored_backups(job.store, job.environment.name), facts)
    pruned = Pruned(job.environment.name, decisions, tuple(map(job.store.location, left)), dry_run=dry_run)
    if dry_run:
        return pruned
    try:
        remove(job.store, left, job.say, INCOMPLETE)
        remove(job.store, tuple(each.id for each in pruned.goes), job.say, "which `backup.keep` no longer keeps")
    except (BackupError, OSError) as error:
        refused = what_was_refused(error)
        if refused is None:
            raise
        job.say(f"old backups remain, because the store refuses to remove them: {refused}")
        return Pruned(pruned.environment, decisions, pruned.leftovers, refused=refused)
    return pruned


def prune_after_backup(job: PruneJob) -> None:
    """Prunes after a new backup was verified. Only reports an error, because the new backup matters more."""
    try:
        pruned = prune(job, dry_run=False)
    except (CtgitopsError, OSError) as error:
        job.say(f"old backups stay: {error}")
    else:
        if pruned.goes and not pruned.refused:
            job.say(f"{many(len(pruned.goes), 'old backup')} removed, {len(pruned.stay)} kept")


def what_was_refused(error: BackupError | OSError) -> str | None:
    """Why the store refused a removal because of a missing permission. None for another error."""
    if isinstance(error, NotAllowedError):
        return error.what
    refused = isinstance(error, OSError) and error.errno in _REFUSED
    return f"{error.strerror} ({error.filename})" if refused else None  # type: ignore[union-attr]
