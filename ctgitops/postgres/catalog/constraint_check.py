"""Looks for rows that break a constraint which PostgreSQL takes for true: `verify --deep`."""

from __future__ import annotations

import time
from importlib.resources import files

import psycopg

from ...core.view.constraint_check import MOST_ROWS, Checked
from ..connection.connect import Address, Connection, connect, told_if_lost

SECONDS_EACH = 60
SECONDS_IN_ALL = 600
_SETTINGS = {
    "default_transaction_read_only": "on",
    "lock_timeout": "5s",
    "row_security": "off",  # an error instead of a count without the rows that this role may not see
    # A damaged index must not be asked whether it is damaged
    "enable_indexscan": "off",
    "enable_indexonlyscan": "off",
    "enable_bitmapscan": "off",
}


def checked_at(address: Address) -> tuple[Checked, ...]:
    """Every foreign key, CHECK constraint, NOT NULL and unique index, with the rows that break it.

    Read-only. It reads whole tables, one at a time, for a minute each and ten minutes in all; what was not looked at
    in that time says so.
    """
    deadline = time.monotonic() + SECONDS_IN_ALL
    query = files("ctgitops").joinpath("postgres", "sql", "deep.sql").read_text(encoding="utf-8")
    with connect(address, "ctgitops/verify", _SETTINGS) as connection, told_if_lost(address):
        path = connection.execute("select pg_catalog.current_setting('search_path')").fetchall()[0][0]
        connection.execute("set search_path = ''")
        wanted = connection.execute(query.encode()).fetchall()
        # The functions in expressions may rely on the search_path that they have every day
        connection.execute("select pg_catalog.set_config('search_path', %s, false)", [path])
        return tuple(
            Checked(str(kind), str(name), str(rows), unknown=str(why))
            if why is not None
            else _checked(connection, Checked(str(kind), str(name), str(rows)), deadline - time.monotonic())
            for kind, name, rows, why in wanted
        )


def _checked(connection: Connection, each: Checked, seconds: float) -> Checked:
    if seconds <= 0:
        return each.not_known(f"the {SECONDS_IN_ALL} s for all of it were over")
    limit = min(SECONDS_EACH, seconds)
    query = f"select pg_catalog.count(*) from (select from {each.rows_in} limit {MOST_ROWS}) rows"  # noqa: S608 - the server's names
    try:
        connection.execute(f"set statement_timeout = {max(1, round(limit * 1000))}".encode())
        return each.counted(int(str(connection.execute(query.encode()).fetchall()[0][0])))
    except psycopg.errors.QueryCanceled:
        return each.not_known(f"it took longer than {limit:.0f} s")
    except psycopg.OperationalError:
        if connection.closed:
            raise
        return each.not_known("a lock on its table was not granted in time")
    except psycopg.Error as error:
        return each.not_known(error.diag.message_primary or str(error))
