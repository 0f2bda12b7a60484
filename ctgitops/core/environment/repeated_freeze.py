"""A freeze that repeats by a rule of RFC 5545, such as every Friday, in the local time of its time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ...lazy import dataclass
from .freeze import Freeze

if TYPE_CHECKING:
    from dateutil.rrule import rrule, rruleset


@dataclass(frozen=True)
class RepeatedFreeze:
    """The periods of a calendar's repeated event. The times are local, so summer time does not move them."""

    first: datetime
    """The local start of the first period, without a time zone."""
    length: timedelta
    rule: str
    """The rule, such as `FREQ=WEEKLY;BYDAY=FR`. Its `UNTIL` is a local time."""
    timezone: str
    reason: str
    left_out: frozenset[datetime] = frozenset()
    """The local starts of periods that the calendar cancels or moves."""

    def at(self, moment: datetime) -> Freeze | None:
        """The period that contains `moment` and ends last. None if no period contains it."""
        zone = ZoneInfo(self.timezone)
        local = moment.astimezone(zone).replace(tzinfo=None)
        day = timedelta(days=1)  # a change of summer time moves a local time by less
        starts = _starts(self.rule, self.first).between(local - self.length - day, local + day, inc=True)
        periods = (self._period(start, zone) for start in starts if start not in self.left_out)
        return max((each for each in periods if each.contains(moment)), key=lambda each: each.end, default=None)

    def _period(self, start: datetime, zone: ZoneInfo) -> Freeze:
        end = start + self.length
        begun, ended = (each.replace(tzinfo=zone).astimezone(UTC) for each in (start, end))
        return Freeze(begun, ended, self.reason, self.timezone)


@cache
def _starts(rule: str, first: datetime) -> rrule | rruleset:
    """The starts that the rule names. Keeps what it computed: a search for an opening asks hundreds of times."""
    from dateutil.rrule import rrulestr  # noqa: PLC0415 - 20 ms, which only repeated freezes need

    return rrulestr(rule, dtstart=first, cache=True)
