"""Settings for a connection pooler in session mode that drops the startup parameter `options`.

Supavisor, the pooler of Supabase, keeps only `search_path` of that parameter (read in its source code). Such a session
gets the settings by SQL, and again after each RESET ALL.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

import psycopg
from psycopg.sql import SQL, Literal

SUPABASE_POOLER = ".pooler.supabase.com"
TRANSACTION_PORT = "6543"
"""The port of Supabase's pooler in transaction mode. A setting there would apply to the sessions of other clients."""
_SETTING = re.compile(r"(?:^|(?<=\s))-c\s*(?P<name>[\w.]+)=(?P<value>(?:\\.|\S)*)", re.DOTALL)


SUPABASE_DIRECT = ".supabase.co"
_NO_ROUTE = re.compile(r"unreachable|Cannot assign|translate host|not known|resolve host|No address|timeout expired")
"""Matches the errors of a machine without IPv6 for a host that has only an IPv6 address."""
_PROJECT = re.compile(r"db\.(\w+)\.supabase\.co")


def supabase_advice(host: str) -> str:
    """Advice on which URL of a Supabase project to use, for a host of the project or of its pooler."""
    project = match[1] if (match := _PROJECT.fullmatch(host)) else "PROJECT"
    pooler = (
        "use the session pooler (the same URL with port 5432)"
        if host.endswith(SUPABASE_POOLER)
        else f"use the session pooler, which the dashboard shows under Connect: {session_pooler_url(project)}"
    )
    return (
        f"{pooler}; the server itself, db.{project}.supabase.co:5432, has only an IPv6 address unless the project has "
        "the IPv4 add-on, and GitHub-hosted runners have only IPv4"
    )


def session_pooler_url(project: str) -> str:
    """The form of the URL of a project's session pooler. The region and the password are placeholders."""
    return f"postgresql://postgres.{project}:PASSWORD@aws-0-REGION{SUPABASE_POOLER}:5432/postgres"


def no_ipv6_advice(host: str, said: str) -> str:
    """Advice for a machine without IPv6, from libpq's message. Empty for other hosts and other errors."""
    return supabase_advice(host) if host.endswith(SUPABASE_DIRECT) and _NO_ROUTE.search(said) else ""


class PooledConnection(psycopg.Connection[tuple[object, ...]]):
    """A connection whose settings RESET ALL removes."""

    restoring: str = ""
    """The statement that sets all settings of the session."""
    settings: tuple[str, ...] = ()
    """The names of the settings."""


def drops_options(parameters: Mapping[str, str]) -> bool:
    """Whether these connection parameters lead to a pooler in session mode that drops `options`."""
    return parameters.get("host", "").endswith(SUPABASE_POOLER) and parameters.get("port") != TRANSACTION_PORT


def dropped_by_pooler(parameters: Mapping[str, str]) -> tuple[str, dict[str, str]] | None:
    """The startup parameter `options`, split as by `without_settings`. None if no pooler drops its settings.

    Reads PGOPTIONS if the URL has no options.
    """
    if not drops_options(parameters):
        return None
    return without_settings(parameters.get("options") or os.environ.get("PGOPTIONS", ""))


def without_settings(options: str) -> tuple[str, dict[str, str]]:
    """Splits the startup parameter `options` into the rest for the pooler, and the settings of the server."""
    found = {each["name"]: re.sub(r"\\(.)", r"\1", each["value"]) for each in _SETTING.finditer(options)}
    return _SETTING.sub("", options).strip(), found


def apply_settings(connection: PooledConnection, settings: Mapping[str, str]) -> None:
    """Sets the settings of the session, and remembers the statement for `restoring_after_reset`."""
    calls = [
        SQL("pg_catalog.set_config({}, {}, false)").format(Literal(name), Literal(value))
        for name, value in settings.items()
    ]
    if calls:
        connection.restoring = SQL("select {}").format(SQL(", ").join(calls)).as_string(connection)
        connection.settings = tuple(settings)
        connection.execute(connection.restoring.encode())


def restoring_after_reset(connection: psycopg.Connection[tuple[object, ...]]) -> str:
    """The SQL to send after RESET ALL, which begins with a semicolon. Empty if the session's defaults are ours."""
    restoring = connection.restoring if isinstance(connection, PooledConnection) else ""
    return f"; {restoring}" if restoring else ""


def settings_by_sql(connection: psycopg.Connection[tuple[object, ...]]) -> tuple[str, ...]:
    """The names of the settings that ctgitops has set by SQL, and not as defaults of the session."""
    return connection.settings if isinstance(connection, PooledConnection) else ()
