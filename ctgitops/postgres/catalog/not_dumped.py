"""What a database holds that pg_dump leaves out of a dump, such as INVALID indexes."""

from __future__ import annotations

from importlib.resources import files

from ..connection.connect import Connection


def not_dumped(connection: Connection) -> tuple[str, ...]:
    """One line for each object, with the reason; empty if a dump has everything. Reads catalogs only, takes no lock."""
    query = files("ctgitops").joinpath("postgres", "sql", "not_dumped.sql").read_text(encoding="utf-8")
    return tuple(str(line) for (line,) in connection.execute(query.encode()).fetchall())
