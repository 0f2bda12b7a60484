"""Port to the statistics of a database, and to the load that the ledger's schema records."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..core.performance.record import LoadRecord, Measuring
    from ..core.performance.sample import Sample
    from ..core.performance.traffic import TrafficSample


class Statistics(Protocol):
    """The statistics of one database. Reads take no lock that another session could wait for."""

    def sample(self, *, plans: bool = True) -> Sample:
        """The statistics at this moment, with or without the plans of statements. Raises LedgerError. Read-only.

        The sample names what could not be read.
        """

    def wait_until(self, moment: datetime, /) -> None:
        """Waits until the server's clock reaches `moment`. Holds no connection. Raises LedgerError."""

    def record(self, record: LoadRecord, /) -> None:
        """Adds a row to the table `performance`. Raises LedgerError. Writes."""

    def recorded(self) -> tuple[LoadRecord, ...]:
        """The last row of each run, oldest first. Empty in an older ledger. Raises LedgerError. Read-only."""

    def measuring(self, environment: str, within: timedelta, /) -> Measuring | None:
        """The newest run that applied its plan, and may still measure. Raises LedgerError. Read-only.

        None if `within` has passed since its last migration, if its report is stored, or without the privilege.
        """

    def add_traffic(self) -> TrafficSample:
        """Takes a sample of the load, and stores it. Raises LedgerError. Writes."""

    def traffic_samples(self) -> tuple[TrafficSample, ...]:
        """The samples of the last weeks, oldest first. Empty in an older ledger. Raises LedgerError. Read-only."""
