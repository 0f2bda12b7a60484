"""An environment, as its manifest defines it: a database, its target, and the conditions for changing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ..migration.selector import Selector
from .apply_policy import ApplyPolicy
from .given import Given

if TYPE_CHECKING:
    from .freeze import Freeze
    from .performance_policy import PerformancePolicy
    from .receiver import Receiver
    from .repeated_freeze import RepeatedFreeze
    from .window import Window

FURTHEST = timedelta(days=400)
"""How far into the future the end of a wait is searched. With repeated freezes, a wait may never end."""


class Trigger(StrEnum):
    """The event on which the Action applies migrations to an environment."""

    PUSH = "push"
    RELEASE = "release"
    SCHEDULE = "schedule"
    MANUAL = "manual"


class Reviewed(StrEnum):
    """What apply does with a plan that contains a file which no merged pull request showed."""

    REQUIRED = "required"
    WARN = "warn"
    OFF = "off"


class DataPreflight(StrEnum):
    """Whether and how `plan` checks for existing rows that would make a migration fail."""

    COUNTS = "counts"
    KEYS = "keys"
    """Also reports the primary keys of a few of the violating rows."""
    OFF = "off"


@dataclass(frozen=True)
class Timeouts:
    """The timeouts of a run. `lock` limits how long a migration waits for a lock and makes other sessions wait."""

    lock: timedelta = timedelta(milliseconds=200)
    statement: timedelta = timedelta(minutes=15)
    retry_for: timedelta = timedelta(minutes=10)


class PreflightAction(StrEnum):
    """What a run does if preflight finds a condition."""

    WAIT = "wait"
    """Waits until the condition ends, for at most `timeouts.retry_for`. After that, ends the run without changes."""
    REFUSE = "refuse"
    IGNORE = "ignore"


@dataclass(frozen=True)
class Limits:
    """The thresholds above which preflight reports a condition."""

    transaction: timedelta = timedelta(seconds=5)
    """After this time, an open transaction counts as a long transaction."""
    lag: timedelta = timedelta(seconds=30)
    connections: int = 3
    """The number of connections that must be available."""


@dataclass(frozen=True)
class PreflightPolicy:
    """What a run does for each condition that preflight can find."""

    long_transactions: PreflightAction = PreflightAction.WAIT
    backups: PreflightAction = PreflightAction.WAIT
    wraparound: PreflightAction = PreflightAction.WAIT
    replica_lag: PreflightAction = PreflightAction.WAIT
    connections: PreflightAction = PreflightAction.REFUSE
    limits: Limits = field(default_factory=Limits)
    asked: frozenset[str] = frozenset()
    """The conditions that the manifest names. The run does not begin if one of these conditions cannot be checked."""


@dataclass(frozen=True)
class StoreSettings:
    """The settings with which a client reaches a bucket. None of the settings is secret."""

    endpoint: str = ""
    region: str = ""
    path_style: bool | None = None
    """Whether the bucket is in the URL's path instead of the host name. None for the client's default."""
    ca: str = ""
    """A file with the certificates of the trusted authorities. The path is relative to the repository's root."""
    server_side_encryption: str = ""
    object_lock: timedelta | None = None
    """How long new objects of an S3 bucket cannot be deleted. None if ctgitops does not lock them."""


class BackupScope(StrEnum):
    """What a backup saves."""

    DATABASE = "database"
    AFFECTED = "affected"
    """All definitions, and the rows of the tables that the plan affects."""
    SCHEMA = "schema"
    """All definitions. Only the ledger is saved with its rows."""


class BackupMaker(StrEnum):
    """Who takes a backup."""

    PG_DUMP = "pg_dump"
    PGBACKREST = "pgbackrest"
    COMMAND = "command"


@dataclass(frozen=True)
class PgBackRestSettings:
    """How pgBackRest is run."""

    stanza: str = ""
    config: str = ""
    """The configuration file. Empty for the default file."""
    type: str = "incr"
    """`full`, `diff` or `incr`."""


@dataclass(frozen=True)
class KeepPolicy:
    """Which old backups stay. A backup stays if at least one key keeps it. A key with 0 keeps no backup."""

    last: int = 0
    """The number of newest backups that stay."""
    days: int = 0
    """The number of days for which each backup stays."""
    weeks: int = 0
    """The number of calendar weeks, including the current week. The newest backup of each of these weeks stays."""
    months: int = 0
    """The number of calendar months, including the current month. The newest backup of each of these months stays."""


class ExportFormat(StrEnum):
    """The format of exported tables."""

    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True)
class ExportPolicy:
    """The tables that a backup also exports to files that can be read without PostgreSQL."""

    tables: tuple[str, ...]
    """Each table is `schema.name`, exactly as in the database."""
    format: ExportFormat = ExportFormat.CSV


@dataclass(frozen=True)
class BackupPolicy:
    """The backup that a run takes before its first step."""

    to: str
    """The place for backups: a folder, or the URL of a bucket. A relative folder starts at the repository's root."""
    critical_tables: tuple[str, ...] = ()
    """Tables whose restored rows are compared with the original rows. For others, only row counts are compared."""
    verify_server: str | None = None
    """The secret with the URL of the server on which backups are verified. None if the run starts a server."""
    encrypt_to: tuple[str, ...] = ()
    """The public keys, of age or SSH, to which each object except the receipt is encrypted."""
    from_store: bool = False
    """Whether the proof restores the copy in the store instead of the local dump."""
    store: StoreSettings = field(default_factory=StoreSettings)
    keep: KeepPolicy | None = None
    """Which old backups stay. None if no backup is ever removed."""
    by: BackupMaker = BackupMaker.PG_DUMP
    command: tuple[str, ...] = ()
    """For `by: command`, the program and its arguments."""
    pgbackrest: PgBackRestSettings = field(default_factory=PgBackRestSettings)
    scope: BackupScope = BackupScope.DATABASE
    max_size: int = 0
    """The size in bytes up to which a database is dumped. 0 for no limit."""
    max_time: timedelta | None = None
    """The longest time that a backup and its proof may take. None for no limit."""
    export: ExportPolicy | None = None

    @property
    def in_folder(self) -> bool:
        """Whether the backups are in a folder of the machine that executes the run."""
        return not self.provider and "://" not in self.to

    @property
    def provider(self) -> str:
        """The provider that takes and keeps the backups. Empty if ctgitops takes and stores them."""
        return "" if self.by is BackupMaker.PG_DUMP else self.by.value


@dataclass(frozen=True)
class ShadowPolicy:
    """The throw-away database for the trial of a plan."""

    wanted: bool = True
    major: int | None = None
    """The major version of the trial's server. None for the major version of the environment's server."""
    extensions: tuple[str, ...] = ()
    """Extensions that a migration may create in the trial although CREATE EXTENSION requires a superuser."""
    url_secret: str = ""
    """The variable with the URL of the server for the trial. If empty, ctgitops starts a server."""
    image: str = ""
    """The container image for the trial's server. If empty, ctgitops uses a local PostgreSQL."""


@dataclass(frozen=True)
class Environment:
    """One manifest. It contains the name of the secret with the database's URL, never the URL."""

    name: str
    url_secret: str
    target: Selector = field(default_factory=Selector)
    after: str | None = None
    bake: timedelta = timedelta()
    trigger: Trigger = Trigger.MANUAL
    tags: str = "*"
    reviewed: Reviewed = Reviewed.OFF
    disposable: bool = False
    """Whether `reset` may drop everything in the environment's database."""
    windows: tuple[Window, ...] = ()
    given: Given = field(default_factory=Given)
    """The schemas that the platform creates, from the policy."""
    freezes: tuple[Freeze | RepeatedFreeze, ...] = ()
    """The periods in which nothing is applied, of the manifest and of the policy."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    apply_policy: ApplyPolicy = field(default_factory=ApplyPolicy)
    preflight: PreflightPolicy = field(default_factory=PreflightPolicy)
    backup: BackupPolicy | None = None
    flags: frozenset[str] | None = frozenset()
    """The flags that are set in this environment. None if every flag is set, as in a replay of all files."""
    seeds: tuple[str, ...] = ()
    """Folders with seed files, relative to the repository's root."""
    shadow: ShadowPolicy = field(default_factory=ShadowPolicy)
    data_preflight: DataPreflight = DataPreflight.COUNTS
    drift_ignore: tuple[str, ...] = ()
    """Patterns of objects that drift ignores."""
    database_id: str | None = None
    """The ledger ID that the database must have. None if the manifest does not set it."""
    role: str = ""
    """The role that migrations run as, by SET ROLE. Empty for the role of the URL."""
    performance: PerformancePolicy | None = None
    """How a run measures the load before and after its migrations. None if a run does not measure the load."""
    notify: tuple[Receiver, ...] = ()
    """The receivers of notifications about this environment. The receivers of the policy are notified too."""
    lint: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Maps lint rules to their severities in this environment. Contains only severities that differ from the policy."""
    path: str = ""
    """The manifest's path, relative to the repository's root."""

    @property
    def zone(self) -> str:
        """The time zone of the windows, or else of the freezes. UTC without either."""
        zones = (*(window.timezone for window in self.windows), *(freeze.timezone for freeze in self.freezes))
        return next(iter(zones), "UTC")

    def opens(self, moment: datetime) -> datetime | None:
        """The first time from `moment` on outside all freezes, and inside a window if there are windows.

        None if no such time is within about a year.
        """
        latest = moment + FURTHEST
        while moment <= latest:
            freeze = next((found for each in self.freezes if (found := each.at(moment))), None)
            if freeze:
                moment = freeze.end
            elif self.windows and not any(window.contains(moment) for window in self.windows):
                moment = min(window.next_start(moment) for window in self.windows)
            else:
                return moment
        return None
