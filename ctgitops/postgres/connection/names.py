"""The names that ctgitops uses in a database and on its server."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg.pq.abc import Escaping

    from ...core.plan.plan import Step

SCHEMA = "ctgitops"
"""The schema of all objects that ctgitops creates in a database."""

ADMIN = "ctgitops_shadow"
"""The name of a sandbox server's superuser. `unused` extends the name if a role of the real server also has it."""

MAINTENANCE = "ctgitops_maintenance"
"""The database for ctgitops's own connections while a copy has the name of the server's default database."""

WORK = "ctgitops/apply"
"""The `application_name` of the migrations' connection while no migration runs."""

AT_WORK = "^ctgitops/(apply|seed|[0-9]+)$"
"""Matches the `application_name` of a connection that runs migrations. Excludes readers and the run lock's holder."""


def unused(name: str, taken: Collection[str]) -> str:
    """`name`. Adds underscores if the name is in use."""
    while name in taken:
        name += "_"
    return name


def application_of(step: Step) -> str:
    """The application name, such as `ctgitops/007`. In pg_stat_activity, it shows which migration a backend runs."""
    return "ctgitops/seed" if "/" in step.name else f"ctgitops/{step.number:03}"


def literal(escaping: Escaping, text: str) -> str:
    """`text` as an SQL literal, quoted for the connection of `escaping`."""
    return escaping.escape_literal(text.encode()).decode()
