"""Reads the freezes in a calendar file (`.ics`, RFC 5545): each event is a period in which nothing is applied."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from ..core.environment.freeze import Freeze
from ..core.environment.repeated_freeze import RepeatedFreeze
from .time_zones import zone_exists

LARGEST = 500_000
"""Maximum size of a calendar in bytes."""
MOST_EVENTS = 1_000
LONGEST_REPEATED = timedelta(days=366)
LONGEST_REASON = 200
DAY = timedelta(days=1)

Freezes = tuple[Freeze | RepeatedFreeze, ...]

_RULE_PARTS = {
    "DAILY": {"BYDAY"},
    "WEEKLY": {"BYDAY", "BYMONTH"},
    "MONTHLY": {"BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS"},
    "YEARLY": {"BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS"},
}
"""Maps each frequency to the supported parts of a rule. A rule with other parts could take minutes to evaluate."""
_ALWAYS = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"}


@lru_cache(maxsize=8)
def freezes_in(text: str, timezone: str | None) -> Freezes:
    """The freezes in a calendar. `timezone` applies to whole days and to times without a time zone.

    Raises ValueError. The text of the error names the event.
    """
    from icalendar import Calendar  # noqa: PLC0415 - 60 ms, which only a manifest with a calendar needs

    try:
        components = [event for each in Calendar.from_ical(text, multiple=True) for event in each.walk("VEVENT")]
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is not a calendar: {error}") from None
    if len(components) > MOST_EVENTS:
        raise ValueError(f"it has {len(components):,} events, but the limit is {MOST_EVENTS:,}")
    if not components:
        raise ValueError("it has no events, so it has no effect")
    events = [_Event(component, timezone) for component in components]
    moved: dict[str, set[datetime]] = {}
    for event in events:
        if event.replaces is not None:
            moved.setdefault(event.uid, set()).add(event.replaces)
    return tuple(freeze for event in events if not event.cancelled for freeze in event.freezes(moved))


class _Event:
    """One event of a calendar. Raises ValueError if the period of the event is not certain."""

    def __init__(self, component: Any, timezone: str | None) -> None:
        self._component, self._default = component, timezone
        self.uid = str(component.get("UID", ""))
        self.reason = " ".join(str(component.get("SUMMARY", "")).split())[:LONGEST_REASON] or "an event of the calendar"
        self.cancelled = str(component.get("STATUS", "")).upper() == "CANCELLED"
        if component.get("DTSTART") is None:
            raise ValueError(f"{self._name} has no start")
        begin = component.decoded("DTSTART")
        self._zone = self._zone_of(begin)
        self._first = self._local(begin)
        self._length = self._end(begin) - self._first
        if self._length <= timedelta():
            raise ValueError(f"{self._name} ends before it begins, or has no length")
        replaced = component.get("RECURRENCE-ID")
        self.replaces = self._local(replaced.dt) if replaced is not None else None

    @property
    def _name(self) -> str:
        return f"the event `{self.reason}`"

    def freezes(self, moved: dict[str, set[datetime]]) -> Iterator[Freeze | RepeatedFreeze]:
        """The periods of the event. `moved` maps the UID of an event to the repetitions that other events replace."""
        component = self._component
        rules = component.get("RRULE")
        extra = [self._local(each.dt) for each in self._dates("RDATE")]
        for start in extra:
            yield self._once(start)
        if rules is None:
            yield self._once(self._first)
            return
        if isinstance(rules, list) or component.get("EXRULE") is not None:
            raise ValueError(
                f"{self._name} has several repetition rules, or an exception rule (EXRULE): write separate events"
            )
        if self._length > LONGEST_REPEATED:
            raise ValueError(f"{self._name} repeats, and lasts for more than a year")
        left_out = {self._local(each.dt) for each in self._dates("EXDATE")} | moved.get(self.uid, set())
        rule = self._rule(rules)
        yield RepeatedFreeze(self._first, self._length, rule, self._zone.key, self.reason, frozenset(left_out))

    def _once(self, start: datetime) -> Freeze:
        begin, end = (each.replace(tzinfo=self._zone).astimezone(UTC) for each in (start, start + self._length))
        return Freeze(begin, end, self.reason, self._zone.key)

    def _rule(self, parts: Any) -> str:
        """The rule as text, with a local `UNTIL`."""
        frequency = str(parts.get("FREQ", [""])[0]).upper()
        if frequency not in _RULE_PARTS or (unknown := {*parts} - _ALWAYS - _RULE_PARTS[frequency]):
            said = f"FREQ={frequency}" if frequency not in _RULE_PARTS else ", ".join(sorted(unknown))
            raise ValueError(f"{self._name} repeats by a rule that is not supported: {said}")
        text: str = parts.to_ical().decode()
        until = parts.get("UNTIL")
        if until:
            last = until[0]
            local = self._local(last) if isinstance(last, datetime) else datetime.combine(last, time(23, 59, 59))
            text = re.sub(r"UNTIL=[^;]*", f"UNTIL={local:%Y%m%dT%H%M%S}", text)
        return text

    def _dates(self, name: str) -> Iterator[Any]:
        found = self._component.get(name, [])
        for each in found if isinstance(found, list) else [found]:
            yield from each.dts

    def _end(self, begin: date) -> datetime:
        if self._component.get("DTEND") is not None:
            return self._local(self._component.decoded("DTEND"))
        if self._component.get("DURATION") is not None:
            duration: timedelta = self._component.decoded("DURATION")
            return self._first + duration
        return self._first + (timedelta() if isinstance(begin, datetime) else DAY)

    def _zone_of(self, begin: date) -> ZoneInfo:
        """The event's own time zone. The default time zone for whole days and for times without a time zone."""
        if isinstance(begin, datetime) and begin.tzinfo is not None:
            return _named(begin.tzinfo, self._name)
        if self._default is None:
            kind = "has times without a time zone" if isinstance(begin, datetime) else "lasts for whole days"
            raise ValueError(f"{self._name} {kind}, so `timezone` must be beside `ics`")
        return ZoneInfo(self._default)

    def _local(self, moment: date) -> datetime:
        """A date or time of the event in the local time of its zone."""
        if not isinstance(moment, datetime):
            return datetime.combine(moment, time())
        return (
            moment.replace(tzinfo=None) if moment.tzinfo is None else moment.astimezone(self._zone).replace(tzinfo=None)
        )


def _named(zone: tzinfo, event: str) -> ZoneInfo:
    """The time zone in the IANA database. Raises ValueError for a time zone that only the calendar defines."""
    name = str(getattr(zone, "key", "") or zone)
    if zone is UTC or name.upper() in {"UTC", "TZUTC()"}:
        return ZoneInfo("UTC")
    if not zone_exists(name):
        raise ValueError(f"{event} has the time zone `{name[:60]}`, which is not in the IANA database")
    return ZoneInfo(name)
