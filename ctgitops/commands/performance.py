"""The command `performance`. Shows what earlier runs did to the load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.migration.selector import Candidate, Selector
from ..errors import UsageError

if TYPE_CHECKING:
    from ..core.environment.environment import Environment
    from ..core.performance.record import LoadRecord
    from ..ports.database import Databases


def performance(
    environment: Environment, wanted: Selector | None, *, databases: Databases, most: int = 10
) -> tuple[LoadRecord, ...]:
    """The newest reports, the newest first. With `wanted`, only reports on runs that applied this migration. Read-only.

    Raises UsageError if there is no such report.
    """
    database = databases.of(environment)
    records = database.statistics().recorded()[::-1]
    if wanted is None:
        found = records[:most]
    else:
        entries = (entry for entry in database.ledger().entries if entry.number is not None)
        known = [Candidate(entry.number or 0, entry.name, entry.schema_version) for entry in entries]
        name = wanted.choose(known, f"in the ledger of {environment.name}").name
        found = tuple(record for record in records if name in record.migrations)
    if found:
        return found
    which = f"the run that applied {wanted}" if wanted else "any run"
    hint = (
        "a run that ended before the end of `within` has no report; the next apply measures the load again"
        if environment.performance
        else f"add `performance: {{within: 15min}}` to {environment.path}; the next apply then measures the load"
    )
    raise UsageError(f"{environment.name} has no performance report for {which}", hint=hint)
