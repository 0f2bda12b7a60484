"""The ledger entry that records a step as complete. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..ledger.ledger import Entry, Mark

if TYPE_CHECKING:
    from .plan import Step


def entry_of_step(mark: Mark, step: Step, error: str | None = None) -> Entry:
    """The entry for a step of a plan, with the SQL that the step ran. For current files, use `Entry.of_file`."""
    version = str(step.version) if step.version else None
    rollback_sql = step.rollback_script.sql if step.rollback_script else None
    return Entry(mark, step.name, step.number, version, step.checksum, step.script.sql, rollback_sql, error=error)
