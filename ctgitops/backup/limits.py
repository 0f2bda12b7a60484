"""Limits the size and time of a backup. Refuses a backup before its dump, or stops it when its time is over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import median
from time import monotonic

from ..core.backup.stored_backup import environment_of
from ..core.environment.environment import BackupPolicy, BackupScope
from ..core.receipt import Receipt
from ..errors import BackupError
from ..ports.backup_store import BackupStore
from .objects import NotAllowedError
from .pg_dump import UNTOUCHED, megabytes

NEWEST = 5
"""The number of earlier backups that are used for an estimate."""


@dataclass(frozen=True)
class Deadline:
    """The time at which a backup must have ended."""

    policy: BackupPolicy
    began: float = field(default_factory=monotonic)

    @property
    def left(self) -> float | None:
        """The seconds until the end, at least 0. None without a limit."""
        limit = self.policy.max_time
        return max(0.0, self.began + limit.total_seconds() - monotonic()) if limit else None

    def check(self) -> None:
        """Raises BackupError if the time is over."""
        if self.left == 0:
            raise self.error()

    def error(self) -> BackupError:
        """The error of a backup that is stopped because its time is over."""
        what = f"the backup was stopped, because it took longer than `backup.max_time`, {_words(self.policy.max_time)}"
        return BackupError(what, state=UNTOUCHED, hint=ways_out(self.policy, "max_time"))


def rates_of(receipts: Iterable[Receipt]) -> tuple[float, ...]:
    """The speed of each earlier backup, in bytes of the database per second. Counts dump, storage and verification."""
    found = ((each.source_bytes, (each.finished_at - each.started_at).total_seconds()) for each in receipts)
    return tuple(size / seconds for size, seconds in found if size and seconds > 0)


def refuse_above(policy: BackupPolicy, size: int, rates: Sequence[float]) -> None:
    """Raises BackupError if `size` bytes exceed the limit, or take too long at the median of `rates`."""
    if policy.max_size and size > policy.max_size:
        what = f"the backup would dump {megabytes(size)}, and `backup.max_size` is {megabytes(policy.max_size)}"
        raise BackupError(what, state=UNTOUCHED, hint=ways_out(policy, "max_size"))
    if policy.max_time is None or not rates:
        return
    seconds = timedelta(seconds=size / median(rates))
    if seconds > policy.max_time:
        at = f"{megabytes(size)} at {megabytes(round(median(rates)))} a second, as in earlier backups"
        what = (
            f"the backup would take about {_words(seconds)} ({at}), and `backup.max_time` is {_words(policy.max_time)}"
        )
        raise BackupError(what, state=UNTOUCHED, hint=ways_out(policy, "max_time"))


def earlier_rates(policy: BackupPolicy, store: BackupStore, environment: str) -> tuple[float, ...]:
    """The rates of an environment's newest backups. Empty without `max_time`. Read-only.

    Empty if the store does not permit listing. Leaves out backups with an unreadable receipt.
    """
    if policy.max_time is None:
        return ()
    found: list[Receipt] = []
    with suppress(NotAllowedError):
        for backup in reversed(store.ids()):
            if len(found) < NEWEST and environment_of(backup) == environment:
                with suppress(ValueError):
                    found += [Receipt.from_json(text)] if (text := store.receipt(backup)) else []
    return rates_of(found)


def ways_out(policy: BackupPolicy, limit: str) -> str:
    """Advice for a database that is above a limit."""
    raised = f"let a provider take the backup (`backup.by`), or raise `backup.{limit}` in the manifest"
    if policy.provider:
        return f"raise `backup.{limit}` in the manifest"
    if policy.scope is not BackupScope.DATABASE:
        return raised
    return f"set `backup.scope: affected`, which saves only the rows of tables that a plan changes, {raised}"


def _words(time: timedelta | None) -> str:
    """A duration such as `1 h 5 min` or `12 s`."""
    seconds = round(time.total_seconds()) if time else 0
    hours, minutes = seconds // 3600, seconds // 60 % 60
    parts = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes) + [f"{seconds % 60} s"] * (seconds < 3600)
    return " ".join(parts)
