"""Whether a database keeps another tool's ledger in step with its own. The newest entry of this name decides. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .ledger import Entry, Ledger, Mark

if TYPE_CHECKING:
    from .foreign_ledger import ForeignLedger

NAME = "keep-in-step"
"""The name of the entries that begin or end this. These entries belong to no migration."""


def table_in_step(ledger: Ledger) -> str:
    """The qualified name of the tool's table, such as `public.schema_migrations`. Empty if no ledger is in step."""
    entries = (e for e in reversed(ledger.entries) if e.number is None and e.name == NAME)
    return next((entry.sql or "" for entry in entries), "")


def begin_in_step(foreign: ForeignLedger) -> Entry:
    """The entry after which each apply and rollback also writes to the tool's table."""
    what = f"{foreign.table} of {foreign.title} is kept in step"
    return Entry(Mark.BASELINED, NAME, sql=foreign.table, error=what)


def end_in_step(table: str) -> Entry:
    """The entry after which ctgitops leaves the tool's table alone."""
    return Entry(Mark.BASELINED, NAME, error=f"{table} is no longer kept in step")
