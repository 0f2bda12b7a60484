"""Settings with which PostgreSQL's module auto_explain reports the plan of every query to the client.

Unreviewed SQL cannot change these settings, because only a superuser can.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from ..connection.connect import Connection

SETTINGS = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_format": "json",
    "auto_explain.log_level": "debug1",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_verbose": "on",
}
# A setting of a module that is not loaded is missing from pg_settings, even if a session has set it
_ACTIVE = "select from pg_catalog.pg_settings where name operator(pg_catalog.=) 'auto_explain.log_min_duration'"


def can_load(connection: Connection) -> bool:
    """Whether the server has the module auto_explain. Loads it into the superuser's session, without enabling it."""
    try:
        connection.execute("load 'auto_explain'")
    except psycopg.Error:
        return False
    return True


def role_sql(role: str) -> Iterator[sql.Composed]:
    """The statements that enable the module for all later sessions of a role. A superuser must run them."""
    for name, value in SETTINGS.items():
        setting = sql.Identifier(*name.split("."))
        yield sql.SQL("alter role {} set {} = {}").format(sql.Identifier(role), setting, value)


def active(connection: Connection) -> bool:
    """Whether the module is loaded in this session."""
    return connection.execute(_ACTIVE).fetchone() is not None
