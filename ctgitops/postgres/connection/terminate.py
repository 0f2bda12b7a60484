"""Terminates this tool's own backends (pg_terminate_backend) and no others, and waits until they have ended."""

from __future__ import annotations

PATIENCE_MILLISECONDS = 10_000


def ending(which: str) -> str:
    """The query that terminates this role's sessions in this database for which the condition `which` on `a` is true.

    Each row says whether the session has ended.
    """
    return f"""
select pg_catalog.pg_terminate_backend(a.pid, {PATIENCE_MILLISECONDS}) from pg_catalog.pg_stat_activity a
where a.datname = pg_catalog.current_database() and a.usename = session_user and a.pid <> pg_catalog.pg_backend_pid()
  and ({which})
"""  # noqa: S608 - constants only
