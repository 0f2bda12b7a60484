"""The names that ctgitops uses in a database and on its server."""

from __future__ import annotations

from collections.abc import Collection

from psycopg.pq.abc import Escaping

from ...core.plan.plan import Step

SCHEMA = "ctgitops"
"""What everything of ours in a database has in front of it."""

ADMIN = "ctgitops_shadow"
"""The superuser of a sealed server, where no role of the real one has that name."""

MAINTENANCE = "ctgitops_maintenance"
"""The database that our own connections use while a copy has the name of the server's own one."""

WORK = "ctgitops/apply"
"""The `application_name` of a connection that works, as long as it is at no migration."""

AT_WORK = "^ctgitops/(apply|seed|[0-9]+)$"
"""The names of connections that work; such as read, wait or hold the lock have others."""


def unused(name: str, taken: Collection[str]) -> str:
    """`name`, with underscores behind it as long as it is taken."""
    while name in taken:
        name += "_"
    return name


def application_of(step: Step) -> str:
    """`ctgitops/007`: pg_stat_activity shows which migration a backend is at."""
    return "ctgitops/seed" if "/" in step.name else f"ctgitops/{step.number:03}"


def literal(escaping: Escaping, text: str) -> str:
    """A text as SQL writes it, in the way of the connection behind `escaping`."""
    return escaping.escape_literal(text.encode()).decode()
