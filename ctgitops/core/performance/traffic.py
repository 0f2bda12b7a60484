"""The load of a database over days, and the quiet hours that it shows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from datetime import datetime, time, timedelta
from itertools import pairwise
from math import inf
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from ...lazy import dataclass
from ..environment.window import WEEKDAYS, Window

LEAST_DAYS = 3
"""The minimum number of days with samples for a proposal of windows."""
LONGEST_GAP = timedelta(hours=3)
"""The longest time between two samples that are compared. A longer time does not show the load of single hours."""
QUIET = 2.0
"""The window includes each weekday whose load is at most this factor times the load of the quietest weekday."""
HOURS = 24
MOST_TABLES = 30


@dataclass(frozen=True)
class TrafficSample:
    """The counters at one moment. Only the difference from an earlier sample shows a load."""

    at: datetime
    transactions: int
    tables: Mapping[str, int] = field(default_factory=dict)
    """Maps each of the busiest tables to the number of its scans and written rows."""
    waiting: int | None = None
    lag: float | None = None
    reset: str = ""
    """When the server reset the counters. Two samples with different values are not compared."""

    def to_data(self) -> dict[str, Any]:
        """The sample as a JSON object, without its time."""
        return {
            "transactions": self.transactions,
            "tables": dict(self.tables),
            "waiting": self.waiting,
            "lag": self.lag,
            "reset": self.reset,
        }

    @classmethod
    def from_data(cls, at: datetime, data: Mapping[str, Any]) -> TrafficSample:
        """The sample that `to_data` has written. Raises KeyError or TypeError for other data."""
        tables = {str(name): int(count) for name, count in data["tables"].items()}
        return cls(at, int(data["transactions"]), tables, data["waiting"], data["lag"], str(data["reset"]))


@dataclass(frozen=True)
class Hour:
    """The mean load of one hour of one weekday, in the requested time zone."""

    weekday: int
    hour: int
    transactions: float
    """Transactions per second."""
    seconds: float
    """How many seconds of this hour the samples cover."""


@dataclass(frozen=True)
class QuietHours:
    """The hours of a week that the samples cover, and the proposed windows."""

    days: int
    """The number of days with samples."""
    samples: int
    hours: tuple[Hour, ...] = ()
    windows: tuple[Window, ...] = ()
    unknown: str = ""
    """Why no window is proposed. Empty if a window is proposed."""

    def load_at(self, hour: int) -> float | None:
        """The mean transactions per second at an hour, on all weekdays together. None if no sample covers the hour."""
        return _mean([each for each in self.hours if each.hour == hour])


@dataclass(frozen=True)
class _Stretch:
    start: datetime
    seconds: float
    count: float


def quiet_hours(samples: Iterable[TrafficSample], zone: str, length: int = 3) -> QuietHours:
    """Finds the quietest `length` consecutive hours of the day, and the weekdays on which these hours are quiet."""
    ordered = sorted(samples, key=lambda sample: sample.at)
    parts = [part for pair in pairwise(ordered) for part in _parts(*pair, ZoneInfo(zone))]
    days = len({part.start.date() for part in parts})
    hours = tuple(_hours(parts))
    known = QuietHours(days, len(ordered), hours)
    if days < LEAST_DAYS:
        counted = f"{days} day{'' if days == 1 else 's'}"
        return QuietHours(
            days,
            len(ordered),
            hours,
            unknown=f"there are samples of {counted}, but at least {LEAST_DAYS} are necessary",
        )
    unseen = [hour for hour in range(HOURS) if known.load_at(hour) is None]
    if unseen:
        shown = ", ".join(f"{hour:02}:00" for hour in unseen[:6])
        return QuietHours(days, len(ordered), hours, unknown=f"no samples at {shown}{' …' if len(unseen) > 6 else ''}")
    start = min(range(HOURS), key=lambda hour: _usual(hours, hour, length))
    return QuietHours(days, len(ordered), hours, (_window(hours, start, length, zone),))


def _parts(first: TrafficSample, last: TrafficSample, zone: ZoneInfo) -> Iterator[_Stretch]:
    """The load between two samples, divided at full hours. Empty if the samples cannot be compared."""
    span = last.at - first.at
    count = last.transactions - first.transactions
    if not timedelta() < span <= LONGEST_GAP or count < 0 or first.reset != last.reset:
        return
    at = first.at
    while at < last.at:
        local = at.astimezone(zone)
        rest = timedelta(hours=1) - timedelta(
            minutes=local.minute, seconds=local.second, microseconds=local.microsecond
        )
        until = min(at + rest, last.at)
        yield _Stretch(local, (until - at).total_seconds(), count * ((until - at) / span))
        at = until


def _hours(parts: list[_Stretch]) -> Iterator[Hour]:
    sums: dict[tuple[int, int], list[float]] = {}
    for part in parts:
        entry = sums.setdefault((part.start.weekday(), part.start.hour), [0.0, 0.0])
        entry[0] += part.count
        entry[1] += part.seconds
    for (weekday, hour), (count, seconds) in sorted(sums.items()):
        yield Hour(weekday, hour, count / seconds if seconds else 0.0, seconds)


def _mean(hours: Iterable[Hour]) -> float | None:
    seen = tuple(hours)
    seconds = sum(each.seconds for each in seen)
    return sum(each.transactions * each.seconds for each in seen) / seconds if seconds else None


def _window(hours: tuple[Hour, ...], start: int, length: int, zone: str) -> Window:
    """The window that begins at `start`, on the weekdays that are about as quiet as the quietest weekday."""
    loads = {day: load for day in range(7) if (load := _on(hours, day, start, length)) is not None}
    quietest = min(loads.values(), default=0.0)
    days = [WEEKDAYS[day] for day, load in loads.items() if load <= QUIET * quietest or load == quietest]
    return Window(frozenset(days), time(start), time((start + length) % HOURS), zone)


def _usual(hours: tuple[Hour, ...], start: int, length: int) -> float:
    """The median load of these hours over the weekdays. In a mean, one busy night would hide six quiet nights."""
    loads = [load for day in range(7) if (load := _on(hours, day, start, length)) is not None]
    return median(loads) if loads else inf


def _on(hours: tuple[Hour, ...], day: int, start: int, length: int) -> float | None:
    """The load in the window that begins on weekday `day`. None if no sample covers a part of the window."""
    found = []
    for i in range(length):
        at = start + i
        wanted = ((day + at // HOURS) % 7, at % HOURS)
        seen = [each for each in hours if (each.weekday, each.hour) == wanted]
        if not seen:
            return None
        found += seen
    return _mean(found)


@dataclass(frozen=True)
class BusyTable:
    """How busy one table is at the hours of the day."""

    name: str
    busiest: int
    most: float
    """Scans and written rows per second in the busiest hour."""
    quietest: int
    least: float
    days: int


def busy_tables(samples: Iterable[TrafficSample], names: Iterable[str]) -> tuple[BusyTable, ...]:
    """The busiest and quietest hour, in UTC, of each table in `names` that the samples contain."""
    ordered = sorted(samples, key=lambda sample: sample.at)
    found = []
    for name in dict.fromkeys(names):
        own = [TrafficSample(each.at, each.tables[name], reset=each.reset) for each in ordered if name in each.tables]
        quiet = quiet_hours(own, "UTC")
        loads = {hour: load for hour in range(HOURS) if (load := quiet.load_at(hour)) is not None}
        if loads:
            most, least = max(loads, key=lambda hour: loads[hour]), min(loads, key=lambda hour: loads[hour])
            found.append(BusyTable(name, most, loads[most], least, loads[least], quiet.days))
    return tuple(found)


@dataclass(frozen=True)
class Traffic:
    """The load of one environment's database over days."""

    environment: str
    timezone: str
    quiet: QuietHours
    taken: TrafficSample | None = None
    """The sample that the command took. None if the command only showed earlier samples."""
