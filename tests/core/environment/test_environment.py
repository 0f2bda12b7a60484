from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.environment.window import WEEKDAYS, Window
from ctgitops.core.migration.schema_version import SchemaVersion
from ctgitops.core.migration.selector import Selector

CLOCKS = st.builds(time, st.integers(0, 23), st.integers(0, 59))
DAYS = st.frozensets(st.sampled_from(WEEKDAYS), min_size=1)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
ZONES = st.sampled_from(["UTC", "America/New_York", "Europe/Stockholm", "Asia/Kathmandu", "Pacific/Kiritimati"])

NIGHT = Window(frozenset({"fri"}), time(22), time(3), "America/New_York")


def at(text: str, zone: str = "America/New_York") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        ("2026-11-27 21:59", False),
        ("2026-11-27 22:00", True),
        ("2026-11-27 23:59", True),
        ("2026-11-28 00:00", True),
        ("2026-11-28 02:59", True),
        ("2026-11-28 03:00", False),
        ("2026-11-28 22:00", False),
        ("2026-11-27 01:00", False),
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_on_which_it_opens(moment: str, inside: bool) -> None:
    assert NIGHT.contains(at(moment)) is inside


def test_days_and_times_are_those_of_the_windows_own_zone() -> None:
    window = Window(frozenset({"tue"}), time(2), time(5), "America/New_York")
    assert window.contains(datetime(2026, 11, 24, 7, 0, tzinfo=UTC))
    assert not window.contains(datetime(2026, 11, 24, 2, 0, tzinfo=UTC))
    tokyo = Window(frozenset({"tue"}), time(2), time(5), "Asia/Tokyo")
    assert tokyo.contains(datetime(2026, 11, 23, 17, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("moment", "start"),
    [
        ("2026-11-27 21:59", "2026-11-27 22:00"),
        ("2026-11-27 22:00", "2026-12-04 22:00"),
        ("2026-11-28 02:00", "2026-12-04 22:00"),
        ("2026-11-28 03:00", "2026-12-04 22:00"),
    ],
)
def test_the_next_start_of_a_window_is_on_its_next_day(moment: str, start: str) -> None:
    assert NIGHT.next_start(at(moment)) == at(start)


def test_the_next_start_keeps_its_wall_clock_when_clocks_change() -> None:
    window = Window(frozenset({"sun"}), time(4), time(5), "America/New_York")
    assert window.next_start(at("2026-03-07 12:00")) - at("2026-03-07 12:00") == timedelta(hours=15)
    assert window.next_start(at("2026-10-31 12:00")) - at("2026-10-31 12:00") == timedelta(hours=17)


def test_a_window_in_the_hour_that_summer_time_skips_opens_a_week_later() -> None:
    window = Window(frozenset({"sun"}), time(2), time(2, 30), "America/New_York")
    assert window.next_start(at("2027-03-13 12:00")) == at("2027-03-21 02:00")


@given(DAYS, CLOCKS, CLOCKS, ZONES, MOMENTS)
def test_a_window_is_open_at_its_next_start(
    days: frozenset[str], start: time, end: time, zone: str, moment: datetime
) -> None:
    window = Window(days, start, end, zone)
    opens = window.next_start(moment)
    assert opens > moment
    assert window.contains(opens)


def test_a_window_keeps_its_wall_clock_when_clocks_change() -> None:
    window = Window(frozenset({"sat", "sun"}), time(0, 30), time(4), "America/New_York")
    for change in (date(2026, 3, 8), date(2026, 11, 1)):
        opens = at(f"{change} 00:30")
        assert not window.contains(opens - timedelta(minutes=1))
        assert window.contains(opens)
        closes = at(f"{change} 04:00")
        assert window.contains(closes - timedelta(minutes=1))
        assert not window.contains(closes)
    assert at("2026-03-08 04:00") - at("2026-03-08 00:30") == timedelta(hours=2, minutes=30)
    assert at("2026-11-01 04:00") - at("2026-11-01 00:30") == timedelta(hours=4, minutes=30)


def test_the_hour_that_comes_twice_is_inside_twice() -> None:
    window = Window(frozenset({"sun"}), time(1), time(2), "America/New_York")
    assert window.contains(datetime(2026, 11, 1, 5, 30, tzinfo=UTC))
    assert window.contains(datetime(2026, 11, 1, 6, 30, tzinfo=UTC))
    assert not window.contains(datetime(2026, 11, 1, 7, 0, tzinfo=UTC))


@given(DAYS, CLOCKS, CLOCKS, ZONES, MOMENTS)
def test_a_moment_is_inside_whatever_zone_it_is_written_in(
    days: frozenset[str], start: time, end: time, zone: str, moment: datetime
) -> None:
    window = Window(days, start, end, zone)
    assert window.contains(moment) == window.contains(moment.astimezone(ZoneInfo("Asia/Kolkata")))


@given(CLOCKS, CLOCKS, MOMENTS)
def test_a_window_and_the_one_from_its_end_to_its_start_fill_every_day(
    start: time, end: time, moment: datetime
) -> None:
    every_day = frozenset(WEEKDAYS)
    inside = Window(every_day, start, end, "UTC").contains(moment)
    mirrored = Window(every_day, end, start, "UTC").contains(moment)
    assert (inside and mirrored) if start == end else (inside != mirrored)


@given(DAYS, CLOCKS, MOMENTS)
def test_a_window_on_some_days_over_midnight_is_that_until_midnight_and_the_rest_of_the_next_day(
    days: frozenset[str], start: time, moment: datetime
) -> None:
    end = time(start.hour // 2)
    if end >= start:
        return
    next_days = frozenset(WEEKDAYS[(WEEKDAYS.index(day) + 1) % 7] for day in days)
    evening = Window(days, start, time(0), "UTC").contains(moment)
    morning = end > time(0) and Window(next_days, time(0), end, "UTC").contains(moment)
    assert Window(days, start, end, "UTC").contains(moment) == (evening or morning)


def test_a_window_is_told_in_the_order_of_the_week() -> None:
    window = Window(frozenset({"thu", "tue", "wed"}), time(2), time(5), "America/New_York")
    assert str(window) == "Tue, Wed, Thu 02:00 to 05:00 America/New_York"


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("latest", Selector()),
        ("1.0.8", Selector(version=SchemaVersion(1, 0, 8))),
        ("008", Selector(number=8)),
        ("8", Selector(number=8)),
        ("20260112093000", Selector(number=20260112093000)),
        ("1.0", None),
        ("newest", None),
        ("-1", None),
        ("", None),
    ],
)
def test_a_target_is_latest_a_version_or_a_number(text: str, target: Selector | None) -> None:
    assert Selector.parse(text) == target
    assert target is None or Selector.parse(str(target)) == target
