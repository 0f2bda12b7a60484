"""The rows about a run's load in the ledger's schema: the figures of each sample, and the report at the end."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ...lazy import dataclass

if TYPE_CHECKING:
    from .report import LoadReport
    from .sample import Sample

MOST = 50


class Moment(StrEnum):
    """When a sample was taken."""

    BEFORE = "before"
    AFTER = "after"
    END = "end"


@dataclass(frozen=True)
class LoadRecord:
    """One row of the table `performance`."""

    moment: Moment
    at: datetime
    environment: str
    migrations: tuple[str, ...]
    plan: str
    """The fingerprint of the plan."""
    report: LoadReport | None = None
    """The report on the run. Only the row of the last sample has a report."""
    figures: dict[str, Any] | None = None
    run_url: str = ""
    actor: str = ""


@dataclass(frozen=True)
class Measuring:
    """A run that has applied its plan, has released the run lock, and still measures the load."""

    last: LoadRecord
    """The row of the sample right after the last migration."""
    until: datetime

    @property
    def text(self) -> str:
        """`the run by anna, … measures the load until 2026-12-01 07:00:00 UTC`. A stopped run has the same rows."""
        by = ", ".join(filter(None, (f" by {self.last.actor}" if self.last.actor else "", self.last.run_url)))
        end = f"{self.until.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        return f"the run{by} of plan {self.last.plan[:12]} measures the load until {end}, unless it was stopped"


def stored_figures(sample: Sample) -> dict[str, Any]:
    """The counters of the largest tables and of the busiest statements, for queries such as a health query."""
    tables, statements = sample.tables or {}, sample.statements or {}
    largest = sorted(tables, key=lambda name: tables[name].rows, reverse=True)[:MOST]
    busiest = sorted(statements, key=lambda key: statements[key].total, reverse=True)[:MOST]
    return {
        "tables": [
            {
                "name": name,
                "rows": round(tables[name].rows),
                "bytes": tables[name].bytes,
                "seq_scans": tables[name].seq_scans,
                "index_scans": tables[name].index_scans,
                "written": tables[name].written,
            }
            for name in largest
        ],
        "statements": [
            {"md5": key, "calls": statements[key].calls, "total_ms": round(statements[key].total, 3)} for key in busiest
        ],
        "database": vars(sample.database) if sample.database else None,
        "unknown": [vars(each) for each in sample.blind],
    }
