"""The command `traffic`. Takes one sample of the load, and proposes windows from the samples of days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.performance.traffic import Traffic, quiet_hours

if TYPE_CHECKING:
    from ..core.environment.environment import Environment
    from ..ports.database import Databases


def traffic(
    environment: Environment, timezone: str, hours: int, *, databases: Databases, only_show: bool = False
) -> Traffic:
    """Takes and stores one sample, unless `only_show` is true. Finds the quiet hours. Writes. Raises LedgerError."""
    statistics = databases.of(environment).statistics()
    taken = None if only_show else statistics.add_traffic()
    return Traffic(environment.name, timezone, quiet_hours(statistics.traffic_samples(), timezone, hours), taken)
