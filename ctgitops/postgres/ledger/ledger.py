"""Reads the ledger, adds entries to it, and creates or upgrades its tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors
from psycopg.pq import Escaping, abc

from ... import __version__
from ...core.ledger.identity import refuse_wrong
from ...core.ledger.ledger import Entry, Ledger, Mark
from ...errors import LedgerError
from ...sql.nodes import quoted_name
from ...sql.redact import redact, redact_message, secrets_in
from ..connection.identity import has_ledger, read_facts, read_identity, record_home
from ..connection.names import SCHEMA, literal
from .ledger_errors import cannot_make, current_role, not_a_ledger, not_readable, read_only, unreadable
from .one_round_trip import LedgerQuery, read_at_once
from .progress import read_traces

if TYPE_CHECKING:
    from ...core.environment.environment import Environment
    from ..connection.connect import Address, Connection
    from ..connection.identity import Facts
    from .one_round_trip import Row

LEDGER = "ledger"
"""The qualified name of the table with the entries. Error messages use this name."""
FORMAT = 4
"""The newest ledger format of this version of ctgitops. `sql/ledger_N.sql` upgrades a ledger from N - 1 to N."""

_COLUMNS = (
    "mark, name, number, version, checksum, sql, rollback_sql, started_at, finished_at, millis, error, actor, "
    "commit_sha, pull_request, run_url, plan, receipt::text, tool_version, server_version, id, previous_hash, hash"
)
_ENTRIES = f"select {_COLUMNS} from {SCHEMA}.ledger order by id"  # noqa: S608 - constants only
_ALL = LedgerQuery(_ENTRIES)
_WRITTEN = (f"{SCHEMA}.ledger", f"{SCHEMA}.progress", f"{SCHEMA}.home")
"""The tables to which a run adds rows."""
_MAY_ADD = """
select pg_catalog.current_setting('transaction_read_only') = 'on',
       (select bool_and(pg_catalog.has_table_privilege(name, 'insert')) from unnest(%s::text[]) name)
"""
_SOON = "set local lock_timeout = '5s'"
"""Limits how long a format upgrade waits for a lock. The time is short: readers of the ledger queue behind it."""
_PROGRESS_SINCE = f"select since from {SCHEMA}.format where version = 2"  # noqa: S608 - constants only

BEGAN = "ctgitops.began"
"""The setting that stores when a migration began, in seconds since 1970."""


def read_ledger(connection: Connection, address: Address, *, shared: bool = False) -> Ledger:
    """Reads all entries. The ledger is empty if the database has none. Read-only. Raises LedgerError.

    `shared` says that another thread uses the connection too.
    """
    with asking(connection, address):
        found, answers = read_at_once(connection, read_facts(connection), [_ALL], newest=FORMAT, shared=shared)
        if found.format == 0:
            return Ledger(identity=found.identity)
        _refuse_newer(found.format, address)
        (rows,) = answers or (connection.execute(_ENTRIES, binary=True).fetchall(),)
        ledger = Ledger(_entries(rows), identity=found.identity)
        return _with_progress(connection, ledger) if ledger.unfinished else ledger


def _entries(rows: list[Row]) -> tuple[Entry, ...]:
    return tuple(Entry(Mark(str(row[0])), *row[1:]) for row in rows)  # type: ignore[arg-type]


def read_settled(connection: Connection, facts: Facts, query: LedgerQuery) -> tuple[Ledger, list[Row]] | None:
    """The ledger and the rows of `query` in one round trip, if `ensure_ledger` would change and refuse nothing.

    Otherwise None, also after an error, which `ensure_ledger` then reports. Needs the run lock. Read-only.
    """
    if not has_ledger(facts):
        return None
    queries = (LedgerQuery(_MAY_ADD, ([*_WRITTEN],)), _ALL, query)
    try:
        found, answers = read_at_once(connection, facts, queries, newest=FORMAT)
    except psycopg.Error:
        if connection.closed:
            raise
        return None
    identity = found.identity
    if not answers or identity.home is None or answers[0] != [(False, True)]:
        return None
    ledger = Ledger(_entries(answers[1]), identity=identity)
    return None if ledger.unfinished else (ledger, answers[2])


def _with_progress(connection: Connection, ledger: Ledger) -> Ledger:
    (since,) = connection.execute(_PROGRESS_SINCE.encode()).fetchone() or (None,)
    if since is None:
        return replace(ledger, unrecorded=frozenset(ledger.unfinished))
    before = {n for n, entry in ledger.unfinished.items() if entry.started_at and entry.started_at < since}  # type: ignore[operator]
    return replace(ledger, progress=read_traces(connection, ledger.unfinished), unrecorded=frozenset(before))


@contextmanager
def asking(connection: Connection, address: Address) -> Iterator[None]:
    """Converts server errors into a LedgerError, for example if the tables are not readable."""
    try:
        yield
    except errors.InsufficientPrivilege:
        raise not_readable(connection, address) from None
    except (errors.UndefinedTable, errors.UndefinedColumn, errors.DatatypeMismatch, errors.UndefinedFunction):
        raise not_a_ledger(address) from None
    except psycopg.Error as error:
        if connection.closed:
            raise
        raise unreadable(address, error) from None


def _refuse_newer(found: int, address: Address) -> None:
    """Raises LedgerError if a newer ctgitops wrote this ledger."""
    if found > FORMAT:
        ours = f"ctgitops {__version__} supports formats up to {FORMAT}"
        what = f"the ledger of {address.label} has format {found}, and {ours}"
        hint = "use the newer ctgitops that upgraded the ledger, or a later version"
        raise LedgerError(what, state="nothing was changed", hint=hint)


def ensure_ledger(
    connection: Connection,
    address: Address,
    environment: Environment | None = None,
    their_path: Callable[[], str] | None = None,
) -> None:
    """Creates the ledger, or upgrades it to the current format. Needs the run lock. Writes. Raises LedgerError.

    Without `environment`, for a throw-away database, the ledger's home is not checked. `their_path` returns the search
    path that the database's event triggers expect. Without `their_path`, event triggers run with the search path of
    `connection`.
    """
    with asking(connection, address):
        found = read_identity(connection)
        _refuse_newer(found.format, address)
        if environment and found.identity.home_unread:
            raise not_readable(connection, address)  # a run must know whose database it changes
        if environment and not found.identity.ledger_id:
            refuse_wrong(environment, found.identity)  # no new ledger if the manifest pins a ledger ID
    if found.format < FORMAT:
        _bring_from(found.format, connection, address, their_path() if their_path else None)
    with asking(connection, address):
        _refuse_read_only(connection, address)
        if environment:
            identity = read_identity(connection).identity if found.format < FORMAT else found.identity
            record_home(connection, environment, identity)


def _bring_from(old: int, connection: Connection, address: Address, their_path: str | None) -> None:
    """Upgrades the ledger from format `old` to each newer one. Each upgrade is one transaction in one message."""
    folder = files("ctgitops") / "postgres" / "sql"
    texts = [(folder / f"ledger_{number}.sql").read_text(encoding="utf-8") for number in range(old + 1, FORMAT + 1)]
    before = _SOON
    if their_path is not None:
        path = literal(Escaping(connection.pgconn), implicit_catalog(their_path))
        before += f"; select pg_catalog.set_config('search_path', {path}, true)"
    try:
        connection.execute("".join(f"begin; {before};\n{text}\n; commit;" for text in texts).encode())
    except psycopg.Error as error:
        if connection.closed:
            raise
        connection.execute("rollback")
        raise cannot_make(connection, address, error, read_identity(connection).format, FORMAT) from None


def implicit_catalog(path: str) -> str:
    """`path` without `pg_catalog`. PostgreSQL then searches `pg_catalog` first.

    ctgitops's own DDL then uses PostgreSQL's own types and operators. An event trigger resolves unqualified table
    names, and creates tables, in the same schemas as in any other session.
    """
    parts = (part.strip() for part in re.findall(r'(?:[^,"]|"(?:[^"]|"")*")+', path))
    return ", ".join(part for part in parts if part.strip('"') != "pg_catalog") or '""'


def _refuse_read_only(connection: Connection, address: Address) -> None:
    """Raises LedgerError if this role may not add entries. Called before a backup is taken."""
    role = current_role(connection)
    tables = _WRITTEN
    only_reads, may_add = connection.execute(_MAY_ADD, [[*tables]]).fetchone() or (False, False)
    if only_reads:
        raise read_only(address)
    if not may_add:
        name = quoted_name(role)
        what = f"role {role} cannot apply: it may read the ledger of {address.label}, but not insert into it"
        hint = (
            f"use the URL of the role that created the ledger, or GRANT INSERT ON {', '.join(tables)} TO {name}; "
            f"GRANT INSERT, UPDATE ON {SCHEMA}.lease TO {name}"
        )
        raise LedgerError(what, state="nothing was changed", hint=hint)


def insert_sql(entry: Entry, escaping: abc.Escaping, *, timed: bool) -> str:
    """The statement that adds `entry`. With `timed`, the server adds the time since the migration began.

    All names in the statement are qualified, so objects and settings of a migration cannot interfere.
    """
    values: dict[str, str] = {
        "number": _number(entry.number),
        "name": _text(escaping, entry.name),
        "version": _text(escaping, entry.version),
        "mark": _text(escaping, entry.mark),
        "checksum": _text(escaping, entry.checksum),
        "sql": _text(escaping, redact(entry.sql or "")),
        "rollback_sql": _rollback_sql(escaping, entry),
        "started_at": _BEGAN_AT if timed else _time_of_tool(entry, "pg_catalog.transaction_timestamp()"),
        "finished_at": "null" if entry.mark is Mark.STARTED else _time_of_tool(entry, "pg_catalog.clock_timestamp()"),
        "millis": _MILLIS if timed else _number(entry.millis),
        "error": _text(escaping, redact_message(entry.error or "", secrets_in(entry.sql or ""))),
        "actor": _text(escaping, entry.actor),
        "commit_sha": _text(escaping, entry.commit_sha),
        "pull_request": _number(entry.pull_request),
        "run_url": _text(escaping, entry.run_url),
        "plan": _text(escaping, entry.plan),
        "receipt": _text(escaping, entry.receipt),
        "tool_version": _text(escaping, __version__),
        "server_version": "pg_catalog.current_setting('server_version')",
    }
    return f"insert into {SCHEMA}.ledger ({', '.join(values)}) values ({', '.join(values.values())})"  # noqa: S608


def _time_of_tool(entry: Entry, otherwise: str) -> str:
    """The time at which another tool applied a migration, which a baseline takes over. Otherwise the server's time."""
    if entry.mark is not Mark.BASELINED or entry.started_at is None:
        return otherwise
    return f"'{entry.started_at.isoformat()}'::pg_catalog.timestamptz"


def _given(setting: str) -> str:
    """SQL for a setting's value. NULL if the value is empty. Avoids NULLIF, whose `=` depends on the search path."""
    value = f"pg_catalog.current_setting('{setting}', true)"
    return f"case when {value} operator(pg_catalog.<>) '' then {value} end"


# Not the transaction's start time: it is the message's, which may contain other migrations. The setting may be
# missing, because the migration may have reset all settings.
_BEGAN_AT = f"coalesce(pg_catalog.to_timestamp({_given(BEGAN)}::pg_catalog.float8), pg_catalog.transaction_timestamp())"
_SECONDS = f"extract(epoch from pg_catalog.clock_timestamp() operator(pg_catalog.-) {_BEGAN_AT})"
_MILLIS = f"pg_catalog.round({_SECONDS} operator(pg_catalog.*) 1000)"


def _rollback_sql(escaping: abc.Escaping, entry: Entry) -> str:
    """SQL for the rollback: the rollback file's text, or the SQL that the migration passed to record_migration."""
    if entry.mark is not Mark.APPLIED or entry.rollback_sql is not None:
        return _text(escaping, redact(entry.rollback_sql or ""))
    return _given("ctgitops.rollback_sql")


def _text(escaping: abc.Escaping, value: str | None) -> str:
    return "null" if not value else literal(escaping, value)


def _number(value: int | None) -> str:
    return "null" if value is None else str(int(value))
