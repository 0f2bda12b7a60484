"""The names that ctgitops uses in a database and on its server."""

from __future__ import annotations

from collections.abc import Collection

from psycopg.pq.abc import Escaping

from ...core.plan.plan import Step

SCHEMA = "ctgitops"
"""The schema of all objects that ctgitops creates in a database."""

ADMIN = "ctgitops_shadow"
"""The superuser of a sandbox server, unless a role of the real server has that name."""

MAINTENANCE = "ctgitops_maintenance"
"""The database for ctgitops's own connections while a copy has the name of the server's default database."""

WORK = "ctgitops/apply"
"""The `application_name` of the migrations' connection while it runs no migration."""

AT_WORK = "^ctgitops/(apply|seed|[0-9]+)$"
"""Matches the `application_name` of connections that run migrations, not of those that read or hold the run lock."""


def unused(name: str, taken: Collection[str]) -> str:
    """`name`, with as many underscores appended as needed to be unused."""
    while name in taken:
        name += "_"
    return name


def application_of(step: Step) -> str:
    """The application name, such as `ctgitops/007`, which shows in pg_stat_activity which migration a backend runs."""
    return "ctgitops/seed" if "/" in step.name else f"ctgitops/{step.number:03}"


def literal(escaping: Escaping, text: str) -> str:
    """`text` as an SQL literal, quoted with `escaping` for its connection."""
    return escaping.escape_literal(text.encode()).decode()
