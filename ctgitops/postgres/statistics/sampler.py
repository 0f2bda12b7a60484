"""Takes one sample of a database's load. The sample names what could not be read, which is not an error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace
from datetime import UTC, datetime
from typing import TypeVar

import psycopg

from ...core.performance.interval import STATEMENTS, TABLES
from ...core.performance.sample import Blind, Sample, StatementFigures
from ...errors import CtgitopsError, LedgerError
from ...lazy import dataclass
from ..connection.connect import Address, Connection, connect
from .activity import IO_SINCE, read_database, read_io, read_lag, read_waiting
from .generic_plans import read_plans
from .relations import read_indexes, read_tables
from .statements import WHAT, read_statements

T = TypeVar("T")
SETTINGS = {
    "default_transaction_read_only": "on",
    "search_path": "pg_catalog",
    "statement_timeout": "5s",
    "lock_timeout": "100ms",
    "idle_in_transaction_session_timeout": "10s",
    "jit": "off",
}
"""Settings of the session that takes a sample. They prevent a sample from disturbing other sessions."""


def take_sample(address: Address, *, plans: bool = True) -> Sample:
    """Reads the statistics on a separate connection. With `plans`, also reads generic plans. Raises LedgerError."""
    try:
        with connect(address, "ctgitops/performance", SETTINGS) as connection:
            sample = _Reading(connection, address).sample()
    except psycopg.Error as error:
        what = f"the statistics of {address.label} could not be read: {_said(address, error)}"
        raise LedgerError(what, state="nothing was changed") from None
    return _with_plans(sample, address) if plans and sample.statements else sample


def _with_plans(sample: Sample, address: Address) -> Sample:
    try:
        plans, why = read_plans(address, sample.statements or {})
    except (psycopg.Error, CtgitopsError) as error:
        plans, why = {}, _said(address, error)
    blind = (Blind("the plans of statements", why, matters=False),) if why else ()
    return replace(sample, plans=plans, blind=(*sample.blind, *blind))


def _said(address: Address, error: Exception) -> str:
    return " ".join(address.hidden(str(error)).split())


@dataclass
class _Reading:
    """Reads the parts of a sample one after the other, on one connection."""

    connection: Connection
    address: Address
    blind: list[Blind] = field(default_factory=list)

    def sample(self) -> Sample:
        statements = self._part(WHAT, read_statements)
        tables = self._part("tables", read_tables)
        indexes = self._part("indexes", read_indexes, matters=False)
        counted = self._part("transactions", read_database)
        lag = self._part("replica lag", read_lag, matters=False)
        if lag is None:
            self.blind.append(Blind("replica lag", "this role may not see the lag of replicas", matters=False))
        waiting, hidden = self._part("lock waits", read_waiting, matters=False) or (None, 0)
        if hidden:
            self.blind.append(Blind("lock waits", f"{hidden} sessions of other roles are hidden", matters=False))
        if self.connection.info.server_version < IO_SINCE:
            self.blind.append(Blind("pg_stat_io", "this view exists from PostgreSQL 16 on", matters=False))
        io = self._part("pg_stat_io", read_io, matters=False)
        figures: dict[str, StatementFigures] | None = statements.figures if statements else None
        return Sample(
            self._now(),
            figures,
            tables,
            indexes,
            counted[0] if counted else None,
            waiting if not hidden else None,
            lag,
            io or {},
            resets={STATEMENTS: statements.reset if statements else "", TABLES: counted[1] if counted else ""},
            blind=tuple(dict.fromkeys((*(statements.blind if statements else ()), *self.blind))),
        )

    def _part(self, what: str, read: Callable[[Connection], T], *, matters: bool = True) -> T | None:
        try:
            return read(self.connection)
        except psycopg.Error as error:
            if self.connection.closed:
                raise
            self.blind.append(Blind(what, _said(self.address, error), matters))
            return None

    def _now(self) -> datetime:
        row = self.connection.execute("select pg_catalog.clock_timestamp()", binary=True).fetchone()
        return row[0].astimezone(UTC) if row and isinstance(row[0], datetime) else datetime.now(UTC)
