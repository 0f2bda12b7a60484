"""The statistics of a database, and their record in the tables `performance` and `traffic`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import errors
from psycopg.types.json import Jsonb

from ... import __version__
from ...core.performance.interval import TABLES
from ...core.performance.record import LoadRecord, Measuring, Moment
from ...core.performance.report import LoadReport
from ...core.performance.traffic import MOST_TABLES, TrafficSample
from ...errors import Cause, LedgerError
from ...lazy import dataclass
from ..connection.cancellable_query import rest
from ..connection.connect import Address, Connection, connected
from ..connection.names import SCHEMA
from .sampler import SETTINGS, take_sample

if TYPE_CHECKING:
    from ...core.performance.sample import Sample

WRITES = {**SETTINGS, "default_transaction_read_only": "off", "lock_timeout": "1s"}
LONGEST_REST_SECONDS = 60.0
WEEKS = 8
"""The number of weeks whose samples of the load are read. Older samples say little about the present."""
_NOW = "select extract(epoch from %s - pg_catalog.clock_timestamp())::float8"
_EXISTS = "select pg_catalog.to_regclass(%s) is not null"
_ADD = f"""
insert into {SCHEMA}.performance
    (moment, at, environment, migrations, plan, figures, report, actor, run_url, tool_version)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""  # noqa: S608 - constants only
_RECORDED = f"""
select moment, at, environment, migrations, plan, report, coalesce(run_url, ''), coalesce(actor, '')
from {SCHEMA}.performance where moment = 'end' and report is not null order by id
"""  # noqa: S608 - constants only
_MEASURING = f"""
select moment, at, environment, migrations, plan, null, coalesce(run_url, ''), coalesce(actor, '')
from {SCHEMA}.performance
where environment = %s and at + %s > pg_catalog.clock_timestamp() order by id desc limit 1
"""  # noqa: S608 - constants only
_ADD_TRAFFIC = f"insert into {SCHEMA}.traffic (at, figures, tool_version) values (%s, %s, %s)"  # noqa: S608
_TRAFFIC = f"""
select at, figures from {SCHEMA}.traffic
where at > pg_catalog.now() - pg_catalog.make_interval(weeks => %s) order by id
"""  # noqa: S608 - constants only


@dataclass(frozen=True)
class PostgresStatistics:
    """Implements `ports.statistics.Statistics`."""

    address: Address

    @property
    def _option(self) -> str:
        """The option that names the environment, which is the first word of the address's label."""
        return f"--env {self.address.label.split()[0]}"

    def sample(self, *, plans: bool = True) -> Sample:
        """Reads the statistics, on a separate connection. Read-only."""
        return take_sample(self.address, plans=plans)

    def wait_until(self, moment: datetime, /) -> None:
        """Waits until `moment` according to the server's clock. Holds no connection during the wait.

        A clock that is set back does not prolong the wait.
        """
        with connected(self.address, "ctgitops/performance", SETTINGS) as connection:
            row = connection.execute(_NOW, [moment]).fetchone()
        left = float(str(row[0])) if row else 0.0
        while left > 0:
            rest(min(left, LONGEST_REST_SECONDS))
            left -= LONGEST_REST_SECONDS

    def record(self, record: LoadRecord, /) -> None:
        """Adds a row to the table `performance`. Writes."""
        report = Jsonb(record.report.to_data()) if record.report else None
        values: list[object] = [
            record.moment.value,
            record.at,
            record.environment,
            list(record.migrations),
            record.plan,
        ]
        values += [Jsonb(record.figures or {}), report, record.actor or None, record.run_url or None, __version__]
        with self._connected("performance", WRITES) as connection:
            connection.execute(_ADD.encode(), values)

    def recorded(self) -> tuple[LoadRecord, ...]:
        """The load reports of all runs, oldest first. Read-only."""
        with self._connected("performance", SETTINGS) as connection:
            if not _exists(connection, "performance"):
                return ()
            rows = connection.execute(_RECORDED.encode(), binary=True).fetchall()
        with self._well_formed("performance"):
            return tuple(_record(row) for row in rows)

    def measuring(self, environment: str, within: timedelta, /) -> Measuring | None:
        """The newest run that applied its plan, and may still measure. None without the privilege. Read-only."""
        with self._connected("performance", SETTINGS) as connection:
            if not _exists(connection, "performance"):
                return None
            try:
                row = connection.execute(_MEASURING.encode(), [environment, within], binary=True).fetchone()
            except errors.InsufficientPrivilege:  # the roles of the docs may read the table
                return None
        with self._well_formed("performance"):
            last = _record(row) if row else None
        return Measuring(last, last.at + within) if last and last.moment is Moment.AFTER else None

    def add_traffic(self) -> TrafficSample:
        """Takes a sample of the load, and stores it. Writes."""
        taken = traffic_of(take_sample(self.address, plans=False))
        with self._connected("traffic", WRITES) as connection:
            connection.execute(_ADD_TRAFFIC.encode(), [taken.at, Jsonb(taken.to_data()), __version__])
        return taken

    def traffic_samples(self) -> tuple[TrafficSample, ...]:
        """The samples of the last weeks, oldest first. Read-only."""
        with self._connected("traffic", SETTINGS) as connection:
            if not _exists(connection, "traffic"):
                return ()
            rows = connection.execute(_TRAFFIC.encode(), [WEEKS]).fetchall()
        with self._well_formed("traffic"):
            return tuple(TrafficSample.from_data(at, figures) for at, figures in rows)  # type: ignore[arg-type]

    @contextmanager
    def _well_formed(self, table: str) -> Iterator[None]:
        """Raises LedgerError if a row has a form that only another version of ctgitops can read."""
        try:
            yield
        except (KeyError, TypeError, ValueError, AttributeError):
            what = f"{SCHEMA}.{table} of {self.address.label} has a row that ctgitops {__version__} cannot read"
            hint = "use the newest ctgitops that wrote to this ledger"
            raise LedgerError(what, state="nothing was changed", hint=hint) from None

    @contextmanager
    def _connected(self, table: str, settings: dict[str, str]) -> Iterator[Connection]:
        """Yields a connection. An error about `table` names the next command."""
        try:
            with connected(self.address, "ctgitops/performance", settings) as connection:
                yield connection
        except errors.UndefinedTable:
            what = f"the ledger of {self.address.label} has no table {SCHEMA}.{table}"
            hint = f"run `ctgitops apply {self._option}` once: it upgrades the ledger, even if nothing is pending"
            raise _not_set_up(LedgerError(what, state="nothing was changed", hint=hint)) from None
        except psycopg.Error as error:
            said = " ".join(self.address.hidden(str(error.diag.message_primary or error)).split())
            what = f"{SCHEMA}.{table} of {self.address.label} cannot be used: {said}"
            again = f"run the SQL of `ctgitops roles {self._option}` again"
            hint = f"{again}, or connect as the role that applies ({SCHEMA}.{table})"
            lost = LedgerError(what, state="nothing was changed", hint=hint)
            raise (_not_set_up(lost) if isinstance(error, errors.InsufficientPrivilege) else lost) from None


def _not_set_up(error: LedgerError) -> LedgerError:
    error.cause = Cause.NOT_SET_UP
    return error


def _exists(connection: Connection, table: str) -> bool:
    row = connection.execute(_EXISTS, [f"{SCHEMA}.{table}"]).fetchone()
    return bool(row and row[0])


def _record(row: tuple[Any, ...]) -> LoadRecord:
    moment, at, environment, migrations, plan, report, run_url, actor = row
    data = json.loads(report) if isinstance(report, (str, bytes)) else report
    found = LoadReport.from_data(data) if data else None
    return LoadRecord(Moment(moment), at, environment, tuple(migrations), plan, found, None, run_url, actor)


def traffic_of(sample: Sample) -> TrafficSample:
    """The part of a sample that `traffic` stores. Raises LedgerError if the counters could not be read."""
    if sample.database is None:
        why = "; ".join(each.why for each in sample.blind) or "unknown"
        raise LedgerError(f"the transactions could not be counted: {why}", state="nothing was changed")
    used = {name: t.seq_scans + t.index_scans + t.written for name, t in (sample.tables or {}).items()}
    busiest = sorted(used, key=lambda name: used[name], reverse=True)[:MOST_TABLES]
    transactions = sample.database.commits + sample.database.rollbacks
    tables = {name: used[name] for name in busiest}
    return TrafficSample(sample.at, transactions, tables, sample.waiting, sample.lag, sample.resets.get(TABLES, ""))
