"""An exported snapshot: a consistent view of a database while other sessions continue to write."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, LiteralString, cast

import psycopg
from psycopg import sql

from ...core.receipt import SchemaRights
from ...core.schema.source_database import Locale
from ...errors import BackupError
from ..connection.connect import Address, Connection, connect
from .database_part import DatabasePart, part_of_database
from .dump_advice import cure_for, denied, not_dumped
from .public_schema import rights_of_public
from .source_database import locale_of

TABLES_AT_ONCE = 50
DIGEST = """
select coalesce(sum(('x' || substr(md5(ctgitops_row::text), 1, 16))::bit(64)::bigint::numeric), 0)::text
from {table} as ctgitops_row
"""
LARGE_OBJECTS = "pg_catalog.pg_largeobject_metadata"

# The time limits of the role and the database must not cut a dump short. With row_security = off, a row that this
# role may not see is an error and is not left out. If this process is killed, the server notices within a second
# (on operating systems that support the check). Source and copy are compared as text, so both sessions must print
# times, numbers and names alike: a dump does not include the settings of its database
PREPARE = """
select set_config(name, value, false)
from pg_catalog.pg_settings
join (values
    ('statement_timeout', '0'), ('lock_timeout', '0'), ('idle_in_transaction_session_timeout', '0'),
    ('transaction_timeout', '0'), ('idle_session_timeout', '0'), ('search_path', ''), ('row_security', 'off'),
    ('client_connection_check_interval', '1000'), ('TimeZone', 'UTC'), ('DateStyle', 'ISO, MDY'),
    ('IntervalStyle', 'postgres'), ('bytea_output', 'hex'), ('extra_float_digits', '1'), ('lc_monetary', 'C'),
    ('quote_all_identifiers', 'off')
) as wanted (name, value) using (name)
where name <> 'client_connection_check_interval' or version() ~* 'linux|darwin|bsd'
"""
_OF_USERS: LiteralString = """
    and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (
        select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
order by 1, 2
"""
# Every relation that stores rows: tables and partitions, but not partitioned tables. Materialized views are left
# out: pg_restore recomputes them, and the result may correctly differ (a stale view, now()).
TABLES = (
    """
select n.nspname, c.relname
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r'"""
    + _OF_USERS
)
# Sequences with CYCLE are left out: their value can go back to the start
SEQUENCES = (
    """
select n.nspname, c.relname
from pg_catalog.pg_sequence s
join pg_catalog.pg_class c on c.oid = s.seqrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where not s.seqcycle"""
    + _OF_USERS
)
# The bootstrap superuser of a cluster owns objects without an entry in pg_shdepend
ROLES = """
select r.rolname
from pg_catalog.pg_roles r
where r.rolname !~ '^pg_'
    and (
        r.oid = 10
        or exists (
            select from pg_catalog.pg_shdepend d
            where d.refclassid = 'pg_catalog.pg_authid'::regclass and d.refobjid = r.oid
                and d.dbid = (select oid from pg_catalog.pg_database where datname = current_database())
        )
    )
order by 1
"""
LOCALE = """
select to_jsonb(d) || jsonb_build_object('encoding', pg_catalog.pg_encoding_to_char(d.encoding))
from pg_catalog.pg_database d
where d.datname = current_database()
"""


@dataclass
class ExportedSnapshot:
    """A consistent view of a database at one point in time, for `pg_dump --snapshot` and for counting rows."""

    address: Address
    database: str | None
    id: str
    """The argument for `pg_dump --snapshot`."""
    _keeper: Connection = field(repr=False)
    _readers: list[Connection] = field(default_factory=list, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _stopped: threading.Event = field(default_factory=threading.Event, repr=False)

    def server_version(self) -> str:
        """The server's version, such as `15.18`."""
        return str(_value(self._keeper, "select current_setting('server_version')")).split(" ", maxsplit=1)[0]

    def server_major(self) -> int:
        """The server's major version: 15 for 15.18."""
        return self._keeper.info.server_version // 10000

    def database_name(self) -> str:
        """The database's name."""
        return self._keeper.info.dbname

    def database_size(self) -> int:
        """Size of the database on its server's disk in bytes, with indexes."""
        return int(str(_value(self._keeper, "select pg_catalog.pg_database_size(current_database())")))

    def extensions(self) -> tuple[str, ...]:
        """Names of the database's extensions."""
        rows = self._keeper.execute("select extname from pg_catalog.pg_extension order by 1")
        return tuple(str(name) for (name,) in rows)

    def roles(self) -> tuple[str, ...]:
        """Roles that own an object, have privileges on an object, or are named in a policy."""
        return tuple(str(name) for (name,) in self._keeper.execute(ROLES).fetchall())

    def user(self) -> str:
        """The role that reads the snapshot."""
        return self._keeper.info.user

    def left_out(self) -> tuple[str, ...]:
        """Objects that a dump leaves out, one line each with the reason."""
        return not_dumped(self._keeper)

    def public(self) -> SchemaRights | None:
        """Owner and privileges of the schema `public`."""
        return rights_of_public(self._keeper)

    def locale(self) -> Locale:
        """Encoding, collation and character classes of the database."""
        return locale_of(cast("dict[str, Any]", self._keeper.execute(LOCALE).fetchall()[0][0]))

    def inventory(self, *, exact: bool, part: DatabasePart | None = None) -> tuple[str, ...]:
        """The schema's objects, without the undefined tables of `part`. The lines are sorted, one for each object.

        With `exact`, lines have more detail, and are comparable only between servers of the same major version.
        """
        query = files("ctgitops").joinpath("postgres", "sql", "inventory.sql").read_text("utf-8")
        left_out = sql.Literal(json.dumps(part.undefined_relations if part else [])).as_string(self._keeper)
        wanted = query.replace("%(exact)s", "true" if exact else "false").replace("%(left_out)s", left_out)
        return tuple(sorted(_without_brackets(str(line)) for (line,) in self._keeper.execute(wanted.encode())))

    def part(self, tables: tuple[str, ...], *, definitions: bool) -> DatabasePart:
        """The part of the database with the rows of `tables`, and with all or only the needed definitions."""
        return part_of_database(self._keeper, tables, definitions=definitions)

    def count_rows(self, part: DatabasePart | None = None) -> dict[str, int]:
        """Maps each table (`schema.name`) to its number of rows. A separate connection counts, even during pg_dump."""
        with self.reader() as connection:
            counted: dict[str, int] = {}
            tables = part.saved if part else connection.execute(TABLES).fetchall()
            for first in range(0, len(tables), TABLES_AT_ONCE):
                if self._stopped.is_set():
                    break
                names = [(str(schema), str(name)) for schema, name in tables[first : first + TABLES_AT_ONCE]]
                numbers = connection.execute(_each("select {n}, count(*) from only {t}", names)).fetchall()
                counted |= {name_of(*names[int(str(n))]): int(str(count)) for n, count in numbers}
            if part is None and (
                objects := int(str(_value(connection, "select count(*) from pg_catalog.pg_largeobject_metadata")))
            ):
                counted[LARGE_OBJECTS] = objects
            return counted

    def digests(self, tables: tuple[str, ...]) -> dict[str, str]:
        """Maps each table in `tables` that exists to a digest of its rows. The order of the rows does not matter."""
        with self.reader() as connection:
            return {t: digest for t in tables if (digest := _digest(connection, t)) is not None}

    def sequences(self, part: DatabasePart | None = None) -> dict[str, int]:
        """Maps each sequence to its current value, not to the snapshot's value. Sequences are not transactional."""
        found = [(str(schema), str(name)) for schema, name in self._keeper.execute(SEQUENCES).fetchall()]
        names = sorted(set(found) - set(part.undefined_sequences if part else ()))
        stand: dict[str, int] = {}
        for first in range(0, len(names), TABLES_AT_ONCE):
            some = names[first : first + TABLES_AT_ONCE]
            rows = self._keeper.execute(_each("select {n}, last_value from {t}", some)).fetchall()
            stand |= {name_of(*some[int(str(n))]): int(str(value)) for n, value in rows}
        return stand

    def stop(self) -> None:
        """Cancels the running count. Can be called from any thread."""
        self._stopped.set()
        with self._lock:
            readers = list(self._readers)
        for reader in readers:
            with contextlib.suppress(psycopg.Error):
                reader.cancel_safe(timeout=5)

    @contextmanager
    def reader(self) -> Iterator[Connection]:
        """A connection that sees the snapshot. `stop` cancels the connection's query."""
        with _in_snapshot(self.address, self.database, self.id) as connection:
            with self._lock:
                self._readers.append(connection)
            try:
                yield connection
            finally:
                with self._lock:
                    self._readers.remove(connection)


@contextmanager
def exported_snapshot(address: Address, *, database: str | None = None) -> Iterator[ExportedSnapshot]:
    """Holds an exported snapshot open until the block ends. Read-only.

    Raises BackupError if the role may not read everything, or if row-level security protects a table.
    """
    role = "NAME"
    try:
        with _in_snapshot(address, database) as keeper:
            role = keeper.info.user
            exported = str(_value(keeper, "select pg_catalog.pg_export_snapshot()"))
            snapshot = ExportedSnapshot(address, database, exported, keeper)
            try:
                yield snapshot
            finally:
                snapshot.stop()
    except psycopg.Error as error:
        raise _unreadable(address, error, role) from None


def _digest(connection: Connection, table: str) -> str | None:
    row = connection.execute("select pg_catalog.to_regclass(%s)::text", [table]).fetchone()
    if row is None or row[0] is None:
        return None
    query = sql.SQL(DIGEST).format(table=sql.SQL(str(row[0])))  # quoted by the server itself
    row = connection.execute(query).fetchone()
    return str(row[0]) if row else None


def _without_brackets(line: str) -> str:
    """Removes all brackets. PostgreSQL itself drops some brackets when it parses `(a and b) and c` again."""
    return " ".join(line.replace("(", " ").replace(")", " ").split())


def portable_hash(inventory: tuple[str, ...]) -> str:
    """Hash of an inventory's lines."""
    return hashlib.sha256("\n".join(inventory).encode()).hexdigest()


@contextmanager
def _in_snapshot(address: Address, database: str | None, snapshot: str = "") -> Iterator[Connection]:
    """A connection in a read-only transaction. The transaction uses the exported `snapshot` if one is given.

    One message both begins the transaction and sets the timeouts. With two messages, the database's idle timeout could
    end the session between them.
    """
    begin = sql.SQL("begin isolation level repeatable read read only; ")
    taken = sql.SQL("set transaction snapshot {}; ").format(sql.Literal(snapshot)) if snapshot else sql.SQL("")
    with connect(address, "ctgitops backup", database=database) as connection:
        connection.execute(begin + taken + sql.SQL(PREPARE))
        yield connection


def _value(connection: Connection, query: LiteralString) -> object:
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def _each(query: LiteralString, names: list[tuple[str, str]]) -> sql.Composed:
    parts = [
        sql.SQL(query).format(n=sql.Literal(number), t=sql.Identifier(schema, name))
        for number, (schema, name) in enumerate(names)
    ]
    return sql.SQL(" union all ").join(parts)


def name_of(schema: str, name: str) -> str:
    """The name of a table in receipts."""
    return ".".join(f'"{part}"' if "." in part or '"' in part else part for part in (schema, name))


def _unreadable(address: Address, error: psycopg.Error, role: str) -> BackupError:
    said = address.hidden(error.diag.message_primary or str(error)).strip()
    context = address.hidden(error.diag.context or "").strip()
    hint = next((hint for words, hint in denied(role).items() if words in said), "")
    hint = hint or cure_for(address, f"{said} CONTEXT: {context}")
    where = f" ({context.splitlines()[0]})" if context else ""
    return BackupError(f"cannot read {address.label}: {said}{where}", state="nothing was changed", hint=hint)
