"""The commands `backup list` and `backup drill`. Both work with finished backups of several environments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from ..core.backup.drill import DrillResult, FailedDrill, PassedDrill
from ..core.backup.listing import BackupListing
from ..core.environment.environment import BackupMaker, Environment
from ..errors import CtgitopsError

if TYPE_CHECKING:
    from ..core.run.progress import Listener
    from ..ports.backups import FinishedBackups
    from ..ports.database import Databases


def with_backups(environments: Iterable[Environment], *, drilled: bool = False) -> tuple[Environment, ...]:
    """The environments whose manifest has `backup`. With `drilled`, only those whose backups a drill can restore."""
    found = (each for each in environments if each.backup)
    return tuple(each for each in found if not drilled or provider_of(each) != BackupMaker.PGBACKREST)


def provider_of(environment: Environment) -> str:
    """The provider that takes and keeps the backups. Empty for backups that ctgitops stores."""
    return environment.backup.provider if environment.backup else ""


def list_backups(
    environments: Iterable[Environment], now: datetime, *, databases: Databases, backups: FinishedBackups
) -> tuple[BackupListing, ...]:
    """The backups of each environment. An unreadable ledger or store does not affect the others. Read-only."""
    return tuple(_listing(each, now, databases, backups) for each in environments)


def _listing(environment: Environment, now: datetime, databases: Databases, backups: FinishedBackups) -> BackupListing:
    to = environment.backup.to if environment.backup else ""
    listing = BackupListing(environment.name, to, now, by=provider_of(environment))
    if listing.by:
        return listing
    try:
        listing = replace(listing, backups=backups.stored(environment)[::-1])
    except CtgitopsError as error:
        return replace(listing, error=error)
    try:
        return replace(listing, ledger=databases.of(environment).ledger())
    except CtgitopsError as error:
        return replace(listing, unread=error.what)


def drill(environments: Iterable[Environment], *, backups: FinishedBackups, tell: Listener) -> tuple[DrillResult, ...]:
    """Restores the newest backup of each environment. Continues with the other environments after a failure."""
    return tuple(_drill(each, backups, tell) for each in environments)


def _drill(environment: Environment, backups: FinishedBackups, tell: Listener) -> DrillResult:
    try:
        return PassedDrill(environment.name, backups.drill(environment, tell))
    except CtgitopsError as error:
        return FailedDrill(environment.name, error)
