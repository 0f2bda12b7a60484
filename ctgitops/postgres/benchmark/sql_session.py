"""Runs the SQL of a benchmark in a throw-away database, in transactions that are rolled back."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING

import psycopg

from ...core.benchmark.comparison import Turn
from ...core.benchmark.failure import BenchmarkError
from ...core.benchmark.plan_tree import plan_lines
from ...errors import LedgerError
from ...sql.explainable import is_explainable
from ...sql.parse import SqlSyntaxError
from ...sql.redact import redact_message
from ...sql.script import Script
from ..connection.connect import Address, Connection, connect

if TYPE_CHECKING:
    from ...core.benchmark.benchmark import Benchmark

SETTINGS = {
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    "max_parallel_workers_per_gather": "0",
    "standard_conforming_strings": "on",
}
"""Settings of the sessions. Workers of a parallel query would compete for the processors of a small machine."""
LONGEST_STATEMENT = 200
# Counters of this transaction. In one transaction, the server does not move them to the shared statistics
_BLOCKS = """
select coalesce(sum(pg_catalog.pg_stat_get_xact_blocks_fetched(c.oid)), 0) from pg_catalog.pg_class c
where c.oid >= 16384 and c.relkind in ('r', 'i', 'm', 't')
"""
# The counters of an index are not those of its table
_SCANNED = """
select pg_catalog.format('%I.%I', n.nspname, c.relname), c.reltuples <> 0
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid >= 16384 and c.relkind in ('r', 'm') and c.relpersistence <> 't' and n.nspname <> 'ctgitops'
    and (pg_catalog.pg_stat_get_xact_numscans(c.oid) > 0 or exists (select from pg_catalog.pg_index i
        where i.indrelid = c.oid and pg_catalog.pg_stat_get_xact_numscans(i.indexrelid) > 0))
order by 1
"""
_CANCELLED = "57014"


class SqlSession:
    """Implements `ports.benchmark.BenchmarkSession`."""

    def __init__(self, connection: Connection, script: Script) -> None:
        self._connection = connection
        self._script = script
        self._scanned: dict[str, bool] = {}
        self._texts = tuple(script.text_of(statement) for statement in script.statements)

    def plans(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The plan of each statement, in the state that the earlier statements leave. Raises BenchmarkError."""
        found = []
        with self._rolled_back():
            for text in self._texts:
                if is_explainable(text):
                    row = self._run(f"explain (format json, verbose, costs off) {text}").fetchone()
                    found.append((" ".join(text.split())[:LONGEST_STATEMENT], plan_lines(row[0] if row else None)))
                self._run(text)
            self._scanned = {str(name): bool(rows) for name, rows in self._connection.execute(_SCANNED)}
        return tuple(found)

    def scanned(self) -> Mapping[str, bool]:
        """The tables that the statements scan, and whether they had rows when the copy was analysed."""
        return self._scanned

    def turn(self, times: int) -> Turn:
        """The median time of a run. The blocks are those of the last run. Raises BenchmarkError."""
        seconds: list[float] = []
        began = time.perf_counter()
        blocks = 0.0
        for left in range(times, 0, -1):
            with self._rolled_back():
                counted = self._blocks() if left == 1 else 0.0
                started = time.perf_counter()
                for text in self._texts:
                    self._run(text)
                seconds.append(time.perf_counter() - started)
                blocks = self._blocks() - counted if left == 1 else 0.0
        return Turn(median(seconds) * 1000, blocks, time.perf_counter() - began)

    def _run(self, text: str) -> psycopg.Cursor[tuple[object, ...]]:
        return self._connection.execute(text.encode())

    def _blocks(self) -> float:
        row = self._connection.execute(_BLOCKS).fetchone()
        return float(str(row[0])) if row else 0.0

    @contextmanager
    def _rolled_back(self) -> Iterator[None]:
        try:
            self._connection.execute("begin")
            yield
        except psycopg.Error as error:
            raise _failure(error, self._script, lost=self._connection.closed) from None
        finally:
            if not self._connection.closed:
                # A rollback does not remove prepared statements
                self._connection.execute("rollback; deallocate all")


@contextmanager
def sql_session(benchmark: Benchmark, variables: Mapping[str, str]) -> Iterator[SqlSession]:
    """A session in a throw-away database. Raises BenchmarkError."""
    script = _script(benchmark)
    try:
        connection = connect(
            Address(variables["DATABASE_URL"], "a throw-away database"), "ctgitops/benchmark", SETTINGS
        )
    except LedgerError as error:
        raise BenchmarkError(error.what, unknown=True) from None
    with connection:
        connection.prepare_threshold = None
        yield SqlSession(connection, script)


def _script(benchmark: Benchmark) -> Script:
    """The statements of a benchmark. Raises BenchmarkError for SQL that cannot run in a transaction."""
    script = Script(benchmark.text, benchmark.path)
    try:
        statements = script.statements
    except SqlSyntaxError as error:
        what = f"{script.place(error.offset)}: {error.message}"
        raise BenchmarkError(what, unknown=True) from None
    if not statements:
        raise BenchmarkError("there is no statement in it", unknown=True)
    for statement in statements:
        word = statement.transaction_control or statement.refused_in_transaction
        if word or statement.copies_through_client:
            why = f"{word} cannot run in the transaction of a benchmark"
            if not word:
                why = "COPY from STDIN or to STDOUT cannot run in a benchmark"
            raise BenchmarkError(f"{script.place(script.start_of(statement))}: {why}", unknown=True)
    return script


def _failure(error: psycopg.Error, script: Script, *, lost: bool) -> BenchmarkError:
    said = error.diag.message_primary or str(error).strip() or "the connection was lost"
    what = redact_message(said, script.secrets)
    return BenchmarkError(what, timed_out=error.sqlstate == _CANCELLED, unknown=lost)
