"""Makes a throw-away server report the plan of every query to the client, with PostgreSQL's module auto_explain.

Only a superuser can change these parameters, so unreviewed SQL cannot.
"""

from __future__ import annotations

from contextlib import suppress

import psycopg
from psycopg import sql

from ...errors import LedgerError
from ..connection.connect import Address, connect

SETTINGS = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_format": "json",
    "auto_explain.log_level": "debug1",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_verbose": "on",
}


def report_plans(address: Address) -> None:
    """Enables auto_explain for new sessions of a server that ctgitops started, if the server has the module. Writes."""
    with suppress(psycopg.Error, LedgerError), connect(address, "ctgitops/shadow") as connection:
        connection.execute("load 'auto_explain'")
        for name, value in SETTINGS.items():
            connection.execute(sql.SQL("alter system set {} = {}").format(sql.Identifier(*name.split(".")), value))
        connection.execute("select pg_catalog.pg_reload_conf()")
