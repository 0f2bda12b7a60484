"""An environment, as its manifest describes it: a database, its target, and the conditions for changing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from ..migration.migration import Migration
from ..migration.schema_version import SchemaVersion
from ..migration.selector import Selector
from .apply_policy import ApplyPolicy

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Trigger(StrEnum):
    """The event that brings an environment to its target."""

    PUSH = "push"
    RELEASE = "release"
    SCHEDULE = "schedule"
    MANUAL = "manual"


class Reviewed(StrEnum):
    """How a file is treated that was not in the plan of any merged pull request."""

    REQUIRED = "required"
    WARN = "warn"
    OFF = "off"


class DataPreflight(StrEnum):
    """How a plan checks for rows that would make a migration fail."""

    COUNTS = "counts"
    KEYS = "keys"
    """Reports the primary keys of a few of those rows."""
    OFF = "off"


@dataclass(frozen=True)
class Target:
    """How far an environment is brought: everything, up to a schema version, or up to a migration's number."""

    version: SchemaVersion | None = None
    number: int | None = None
    name: str = ""
    """The name of the migration with that number, where the target names it."""

    @classmethod
    def parse(cls, text: str) -> Target | None:
        """The target that a selector spells; None for any other text."""
        found = Selector.parse(text)
        return cls(found.version, found.number, found.name) if found else None

    def __str__(self) -> str:
        if self.version:
            return str(self.version)
        if self.name:
            return self.name
        return "latest" if self.number is None else f"{self.number:03}"

    def reaches(self, migration: Migration) -> bool:
        """Whether `migration` is within this target."""
        if self.number is not None:
            return migration.number <= self.number
        if self.version is not None:
            return migration.version is not None and migration.version <= self.version
        return True


@dataclass(frozen=True)
class Window:
    """When changes are allowed: on these days, between two local times; past midnight if `end` is earlier."""

    days: frozenset[str]
    start: time
    end: time
    timezone: str

    def contains(self, moment: datetime) -> bool:
        """Whether `moment`, which has a time zone, is in the window; `start` is included, `end` is not."""
        local = moment.astimezone(ZoneInfo(self.timezone))
        clock = local.time().replace(tzinfo=None)
        today = WEEKDAYS[local.weekday()] in self.days
        if self.start < self.end:
            return today and self.start <= clock < self.end
        yesterday = WEEKDAYS[(local.weekday() - 1) % 7] in self.days
        return (today and clock >= self.start) or (yesterday and clock < self.end)

    def __str__(self) -> str:
        days = ", ".join(day.capitalize() for day in WEEKDAYS if day in self.days)
        return f"{days} {self.start:%H:%M} to {self.end:%H:%M} {self.timezone}"


@dataclass(frozen=True)
class Timeouts:
    """How long a run waits. `lock` is the longest time that other sessions can wait behind a migration."""

    lock: timedelta = timedelta(milliseconds=200)
    statement: timedelta = timedelta(minutes=15)
    retry_for: timedelta = timedelta(minutes=10)


class Then(StrEnum):
    """The reaction to a condition that preflight found."""

    WAIT = "wait"
    """Wait until the condition ends, for at most `timeouts.retry_for`; then end the run without changes."""
    REFUSE = "refuse"
    IGNORE = "ignore"


@dataclass(frozen=True)
class Limits:
    """The thresholds above which a condition counts."""

    transaction: timedelta = timedelta(seconds=5)
    """A transaction that is open for longer counts as long."""
    lag: timedelta = timedelta(seconds=30)
    connections: int = 3
    """The number of connections that must be free."""


@dataclass(frozen=True)
class PreflightPolicy:
    """The reaction to each condition."""

    long_transactions: Then = Then.WAIT
    backups: Then = Then.WAIT
    wraparound: Then = Then.WAIT
    replica_lag: Then = Then.WAIT
    connections: Then = Then.REFUSE
    limits: Limits = field(default_factory=Limits)
    asked: frozenset[str] = frozenset()
    """The conditions that the manifest names: each must be checked, and a failed check is a reason to refuse."""


@dataclass(frozen=True)
class BackupPolicy:
    """What is backed up before the first step, and where the backup is stored."""

    to: str
    """A folder, relative to the repository's root or absolute."""
    critical_tables: tuple[str, ...] = ()
    """Tables, as `schema.name`, whose row contents are compared, not only their row counts."""
    verify_server: str | None = None
    """Name of the secret with the URL of a server for the throw-away database; None: the run starts a server."""


@dataclass(frozen=True)
class ShadowPolicy:
    """The throw-away database on which a plan's trial runs."""

    wanted: bool = True
    major: int | None = None
    """The major version of its server; None: that of the real one."""
    extensions: tuple[str, ...] = ()
    """Extensions that a migration may create there although CREATE EXTENSION needs a superuser."""
    url_secret: str = ""
    """The variable with the URL of the server to create it on; empty: ctgitops starts a server."""
    image: str = ""
    """The container image of the server to create it on; empty: a PostgreSQL installed on this machine, if any."""


@dataclass(frozen=True)
class Environment:
    """One manifest. It contains the name of the secret with the database's URL, never the URL."""

    name: str
    url_secret: str
    target: Target = field(default_factory=Target)
    after: str | None = None
    bake: timedelta = timedelta()
    trigger: Trigger = Trigger.MANUAL
    tags: str = "*"
    reviewed: Reviewed = Reviewed.OFF
    windows: tuple[Window, ...] = ()
    timeouts: Timeouts = field(default_factory=Timeouts)
    manner: ApplyPolicy = field(default_factory=ApplyPolicy)
    preflight: PreflightPolicy = field(default_factory=PreflightPolicy)
    backup: BackupPolicy | None = None
    seeds: tuple[str, ...] = ()
    """Folders with its seed files, relative to the repository's root."""
    shadow: ShadowPolicy = field(default_factory=ShadowPolicy)
    data_preflight: DataPreflight = DataPreflight.COUNTS
    drift_ignore: tuple[str, ...] = ()
    """Patterns of objects that may differ from the schema that the migrations produce."""
    database_id: str | None = None
    """The ledger ID that its database must have; None where the manifest pins none."""
    lint: Mapping[str, str] = field(default_factory=dict, hash=False)
    """By rule, the severity of its findings here, where it differs from the policy's."""
    path: str = ""
    """Its manifest's file, relative to the repository's root."""
