"""Finds rows that violate a constraint which PostgreSQL treats as valid: `verify --deep`."""

from __future__ import annotations

import time
from importlib.resources import files

import psycopg

from ...core.view.constraint_check import MOST_ROWS, Checked
from ..connection.connect import Address, Connection, connected

SECONDS_EACH = 60
SECONDS_IN_ALL = 600
_SETTINGS = {
    "default_transaction_read_only": "on",
    "lock_timeout": "5s",
    "row_security": "off",  # raises an error; otherwise the count would omit rows that row-level security hides
    # A corrupt index must not be used to check itself
    "enable_indexscan": "off",
    "enable_indexonlyscan": "off",
    "enable_bitmapscan": "off",
}


def checked_at(address: Address) -> tuple[Checked, ...]:
    """Checks foreign keys, CHECK constraints, NOT NULL and unique indexes for rows that violate them. Read-only.

    Reads whole tables, one at a time, for at most one minute each and ten minutes in total. Reports a constraint that
    was not checked in that time as not checked.
    """
    deadline = time.monotonic() + SECONDS_IN_ALL
    query = files("ctgitops").joinpath("postgres", "sql", "deep.sql").read_text(encoding="utf-8")
    with connected(address, "ctgitops/verify", _SETTINGS) as connection:
        path = connection.execute("select pg_catalog.current_setting('search_path')").fetchall()[0][0]
        connection.execute("set search_path = ''")
        wanted = connection.execute(query.encode()).fetchall()
        # Functions in expressions may depend on the search_path that the role normally has
        connection.execute("select pg_catalog.set_config('search_path', %s, false)", [path])
        return tuple(
            Checked(str(kind), str(name), str(rows), unknown=str(why))
            if why is not None
            else _checked(connection, Checked(str(kind), str(name), str(rows)), deadline - time.monotonic())
            for kind, name, rows, why in wanted
        )


def _checked(connection: Connection, each: Checked, seconds: float) -> Checked:
    if seconds <= 0:
        return each.not_known(f"timeout: {SECONDS_IN_ALL} s for all constraints")
    limit = min(SECONDS_EACH, seconds)
    query = f"select pg_catalog.count(*) from (select from {each.rows_in} limit {MOST_ROWS}) rows"  # noqa: S608 - the server quoted the names
    try:
        connection.execute(f"set statement_timeout = {max(1, round(limit * 1000))}".encode())
        return each.counted(int(str(connection.execute(query.encode()).fetchall()[0][0])))
    except psycopg.errors.QueryCanceled:
        return each.not_known(f"timeout: {limit:.0f} s")
    except psycopg.OperationalError:
        if connection.closed:
            raise
        return each.not_known("lock timeout on its table")
    except psycopg.Error as error:
        return each.not_known(error.diag.message_primary or str(error))
