"""Reads the freezes in a calendar file (`.ics`, RFC 5545): each event is a period in which nothing is applied."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice, takewhile
from typing import Any
from zoneinfo import ZoneInfo

from ..core.environment.freeze import Freeze
from ..core.environment.repeated_freeze import RepeatedFreeze
from .time_zones import zone_exists

LARGEST = 500_000
"""Maximum size of a calendar in bytes."""
MOST_EVENTS = 1_000
LONGEST_REPEATED = timedelta(days=366)
LONGEST = timedelta(days=3660)
"""Maximum length of an event that has a `DURATION`."""
LONGEST_REASON = 200
FIRST_YEAR, LAST_YEAR = 1970, 2996
"""The years in which events are accepted. The repetitions of an older event could take long to evaluate."""
DAY = timedelta(days=1)

Freezes = tuple[Freeze | RepeatedFreeze, ...]

_RULE_PARTS = {
    "DAILY": {"BYDAY"},
    "WEEKLY": {"BYDAY", "BYMONTH"},
    "MONTHLY": {"BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS"},
    "YEARLY": {"BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS"},
}
"""Maps each frequency to the supported parts of a rule. A rule with other parts could take minutes to evaluate."""
_ONLY_ONCE = ("SUMMARY", "DTSTART", "DTEND", "DURATION", "RECURRENCE-ID", "STATUS", "UID")
_ALWAYS = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"}


@lru_cache(maxsize=8)
def freezes_in(text: str, timezone: str | None) -> Freezes:
    """The freezes in a calendar. `timezone` applies to whole days and to times without a time zone.

    Raises ValueError. The text of the error names the event.
    """
    from icalendar import Calendar  # noqa: PLC0415 - 60 ms, which only a manifest with a calendar needs

    if len(re.findall(r"(?im)^BEGIN:", text)) != len(re.findall(r"(?im)^END:", text)):
        raise ValueError("it is not a complete calendar: an `END:` line is missing")
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
        for name, error in component.errors:
            raise ValueError(f"{self._name} has an invalid {name}: {str(error)[:200]}")
        for name in _ONLY_ONCE:
            if isinstance(component.get(name), list):
                raise ValueError(f"{self._name} has more than one {name}")  # noqa: TRY004 - the file is wrong
        begin = next(self._moments("DTSTART"), None)
        if begin is None:
            raise ValueError(f"{self._name} has no start")
        self._zone = self._zone_of(begin)
        self._first = self._local(begin)
        self._length = self._end(begin) - self._first
        if self._length <= timedelta():
            raise ValueError(f"{self._name} ends before it begins, or has no length")
        replaced = next(self._moments("RECURRENCE-ID"), None)
        if replaced is not None and component["RECURRENCE-ID"].params.get("RANGE"):
            raise ValueError(f"{self._name} moves all later repetitions (RANGE=THISANDFUTURE): write separate events")
        self.replaces = self._local(replaced) if replaced is not None else None

    @property
    def _name(self) -> str:
        return f"the event `{self.reason}`"

    def freezes(self, moved: dict[str, set[datetime]]) -> Iterator[Freeze | RepeatedFreeze]:
        """The periods of the event. `moved` maps the UID of an event to the repetitions that other events replace."""
        component = self._component
        rules = component.get("RRULE")
        for moment in self._moments("RDATE"):
            yield self._once(self._local(moment))
        if rules is None:
            yield self._once(self._first)
            return
        if isinstance(rules, list) or component.get("EXRULE") is not None:
            raise ValueError(
                f"{self._name} has several repetition rules, or an exception rule (EXRULE): write separate events"
            )
        if self._length > LONGEST_REPEATED:
            raise ValueError(f"{self._name} repeats, and lasts for more than a year")
        left_out = {self._local(each) for each in self._moments("EXDATE")} | moved.get(self.uid, set())
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
        # RFC 5545 forbids both. With an interval below 1, dateutil would search without an end.
        if any(number < 1 for number in parts.get("INTERVAL", [])) or ("COUNT" in parts and "UNTIL" in parts):
            raise ValueError(f"{self._name} repeats by an invalid rule: {text}")
        until = parts.get("UNTIL")
        if until:
            last = until[0].replace(year=min(until[0].year, LAST_YEAR))  # some programs write 9999 for "forever"
            local = self._local(last) if isinstance(last, datetime) else datetime.combine(last, time(23, 59, 59))
            text = re.sub(r"UNTIL=[^;]*", f"UNTIL={local:%Y%m%dT%H%M%S}", text)
        if not _has_repetitions(text, self._first):
            raise ValueError(f"{self._name} repeats by a rule that matches no day: {text}")
        return text

    def _moments(self, name: str) -> Iterator[date]:
        """The dates and times of a property. Whole days are dates."""
        found = self._component.get(name, [])
        for listed in found if isinstance(found, list) else [found]:
            zone = str(listed.params.get("TZID", ""))
            for each in getattr(listed, "dts", [listed]):
                moment = getattr(each, "dt", None)
                if not isinstance(moment, date):
                    said = f"{self._name} has a {name} that is neither a date nor a date and a time"
                    raise ValueError(said)  # noqa: TRY004 - the file is wrong
                if zone and isinstance(moment, datetime):
                    moment = moment.replace(tzinfo=_named(zone, self._name))
                if not FIRST_YEAR <= moment.year <= LAST_YEAR:
                    raise ValueError(f"{self._name} has a {name} in the year {moment.year}")
                yield moment

    def _end(self, begin: date) -> datetime:
        for moment in self._moments("DTEND"):
            return self._local(moment)
        if self._component.get("DURATION") is not None:
            duration = getattr(self._component["DURATION"], "dt", None)
            if not isinstance(duration, timedelta) or abs(duration) > LONGEST:
                raise ValueError(f"{self._name} has a DURATION that is not a duration, or too long")
            return self._first + duration
        return self._first + (timedelta() if isinstance(begin, datetime) else DAY)

    def _zone_of(self, begin: date) -> ZoneInfo:
        """The event's own time zone. The default time zone for whole days and for times without a time zone."""
        if isinstance(begin, datetime) and begin.tzinfo is not None:
            return begin.tzinfo if isinstance(begin.tzinfo, ZoneInfo) else ZoneInfo("UTC")
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


def _has_repetitions(rule: str, first: datetime) -> bool:
    """Whether dateutil can evaluate a rule and finds a repetition. Evaluates thirty years, since errors can be late."""
    from dateutil.rrule import rrulestr  # noqa: PLC0415 - 20 ms, which only repeated freezes need

    try:
        starts = takewhile(lambda start: start.year <= first.year + 30, rrulestr(rule, dtstart=first))
        return bool([*islice(starts, 60)])
    except (ValueError, IndexError, TypeError, OverflowError):
        return False


def _named(name: str, event: str) -> ZoneInfo:
    """The time zone in the IANA database, also by its name in Windows. Raises ValueError for any other time zone."""
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON  # noqa: PLC0415 - as in freezes_in

    name = WINDOWS_TO_OLSON.get(name, name).removeprefix("/")
    if not zone_exists(name):
        raise ValueError(f"{event} has the time zone `{name[:60]}`, which is not in the IANA database")
    return ZoneInfo(name)
