"""The windows: the days and times at which changes are allowed in an environment."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ...lazy import dataclass

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Window:
    """The days and local times at which changes are allowed. An `end` before `start` is on the next day."""

    days: frozenset[str]
    start: time
    end: time
    timezone: str

    def contains(self, moment: datetime) -> bool:
        """Whether `moment`, which has a time zone, is in the window. The window includes `start` and excludes `end`."""
        local = moment.astimezone(ZoneInfo(self.timezone))
        clock = local.time().replace(tzinfo=None)
        today = WEEKDAYS[local.weekday()] in self.days
        if self.start < self.end:
            return today and self.start <= clock < self.end
        yesterday = WEEKDAYS[(local.weekday() - 1) % 7] in self.days
        return (today and clock >= self.start) or (yesterday and clock < self.end)

    def next_start(self, moment: datetime) -> datetime:
        """The first time after `moment` at which the window opens, in UTC."""
        zone = ZoneInfo(self.timezone)
        today = moment.astimezone(zone).date()
        # Two weeks, because a window in the hour that summer time skips does not open on that day
        starts = (datetime.combine(today + timedelta(days=ahead), self.start, zone) for ahead in range(16))
        found = (start.astimezone(UTC) for start in starts if WEEKDAYS[start.weekday()] in self.days)
        return next(start for start in found if start > moment and self.contains(start))

    def __str__(self) -> str:
        days = ", ".join(day.capitalize() for day in WEEKDAYS if day in self.days)
        return f"{days} {self.start:%H:%M} to {self.end:%H:%M} {self.timezone}"
