"""Progress of pg_dump or pg_restore, from the server's statistics."""

from __future__ import annotations

from ..connection.connect import Address, Connection, connect

_SETTINGS = {
    "default_transaction_read_only": "on",
    "lock_timeout": "1s",
    "statement_timeout": "5s",
    "search_path": "pg_catalog",
}
_SIZES = """
select c.oid, pg_catalog.pg_table_size(c.oid)
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
"""
_READ = """
select p.relid, p.bytes_processed
from pg_catalog.pg_stat_progress_copy p
join pg_catalog.pg_stat_activity a on a.pid = p.pid
where p.datname = pg_catalog.current_database() and p.command = 'COPY TO' and a.application_name = 'ctgitops backup'
"""
_WRITTEN = """
select (select coalesce(sum(n_tup_ins), 0) from pg_catalog.pg_stat_user_tables)
    + (select coalesce(sum(p.tuples_processed), 0) from pg_catalog.pg_stat_progress_copy p
       where p.datname = pg_catalog.current_database() and p.command = 'COPY FROM'),
    (select count(*) from pg_catalog.pg_stat_user_tables where n_tup_ins > 0)
"""


class _ProgressQuery:
    """Runs progress queries on a separate connection, which the first query opens."""

    def __init__(self, address: Address, database: str | None = None) -> None:
        self._address = address
        self._database = database
        self._connection: Connection | None = None

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = connect(self._address, "ctgitops/progress", _SETTINGS, database=self._database)
        return self._connection

    def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            self._connection.close()


class DumpProgress(_ProgressQuery):
    """Measures how many bytes of the tables pg_dump has read.

    A small table is not counted if pg_dump reads it completely between two queries.
    """

    def __init__(self, address: Address, only: frozenset[int] | None = None) -> None:
        super().__init__(address)
        self._only = only
        self._sizes: dict[int, int] = {}
        """The size in bytes of each table, by OID."""
        self._running: set[int] = set()
        self._ended: set[int] = set()

    def __call__(self) -> tuple[int, int]:
        """Counts the bytes that pg_dump has read, and all bytes of the tables. Read-only.

        Raises psycopg.Error, CtgitopsError.
        """
        connection = self._connected()
        if not self._sizes:
            rows = connection.execute(_SIZES.encode()).fetchall()
            sizes = {int(str(oid)): int(str(size)) for oid, size in rows if size is not None}
            self._sizes = {oid: size for oid, size in sizes.items() if self._only is None or oid in self._only}
        now = {int(str(oid)): int(str(read)) for oid, read in connection.execute(_READ.encode()).fetchall()}
        self._ended |= self._running - now.keys()
        self._running = set(now)
        read = sum(self._sizes.get(oid, 0) for oid in self._ended - now.keys())
        read += sum(min(size, self._sizes.get(oid, 0)) for oid, size in now.items())
        return read, sum(self._sizes.values())


class RestoreProgress(_ProgressQuery):
    """Measures how many rows pg_restore has written, and into how many tables."""

    def __call__(self) -> tuple[int, int]:
        """Counts the written rows, and the tables that have rows. Read-only. Raises psycopg.Error, CtgitopsError."""
        rows, tables = self._connected().execute(_WRITTEN.encode()).fetchall()[0]
        return int(str(rows)), int(str(tables))
