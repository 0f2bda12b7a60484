"""Freezes: periods in which nothing is applied to an environment."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ...lazy import dataclass


@dataclass(frozen=True)
class Freeze:
    """A period and the reason for the freeze. The period includes `start` and excludes `end`."""

    start: datetime
    end: datetime
    reason: str
    timezone: str = "UTC"
    """The time zone in which the file gives the period."""

    @classmethod
    def between(cls, first: str, last: str, timezone: str, reason: str) -> Freeze:
        """Parses a freeze. If `last` is a date without a time, the freeze includes the whole day. Raises ValueError."""
        end = _moment(last, timezone)
        if len(last) == len("2026-12-24"):
            end = datetime.combine(end.date() + timedelta(days=1), time(), ZoneInfo(timezone))
        return cls(_moment(first, timezone).astimezone(UTC), end.astimezone(UTC), reason, timezone)

    def contains(self, moment: datetime) -> bool:
        """Whether `moment` is in the freeze. `moment` must have a time zone."""
        return self.start <= moment < self.end

    def at(self, moment: datetime) -> Freeze | None:
        """The freeze, if it contains `moment`. Otherwise None."""
        return self if self.contains(moment) else None

    @property
    def period(self) -> str:
        """The start and the end in UTC, to the minute."""
        return f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"


def _moment(text: str, timezone: str) -> datetime:
    """Parses a local date (`2026-12-24`) or time (`2026-12-24 18:00`) in its time zone."""
    local = datetime.fromisoformat(text) if " " in text else datetime.combine(date.fromisoformat(text), time())
    return local.replace(tzinfo=ZoneInfo(timezone))
