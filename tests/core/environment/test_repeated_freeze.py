"""A freeze that repeats contains the moments that its calendar says, in the local time of its zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.environment.repeated_freeze import RepeatedFreeze
from tests.fakes import STAGING

FRIDAYS = RepeatedFreeze(
    datetime(2026, 3, 6, 14), timedelta(hours=58), "FREQ=WEEKLY;BYDAY=FR", "Europe/Berlin", "weekend"
)


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        (datetime(2026, 3, 27, 12, 59, tzinfo=UTC), False),
        (datetime(2026, 3, 27, 13, tzinfo=UTC), True),
        (datetime(2026, 3, 29, 21, 59, tzinfo=UTC), True),  # summer time has begun meanwhile: midnight is 22:00 UTC
        (datetime(2026, 3, 29, 22, tzinfo=UTC), False),
        (datetime(2026, 7, 3, 12, tzinfo=UTC), True),
        (datetime(2026, 3, 1, 12, tzinfo=UTC), False),
    ],
)
def test_local_times_stay_when_summer_time_begins(moment: datetime, *, inside: bool) -> None:
    assert (FRIDAYS.at(moment) is not None) is inside


def test_a_period_that_ends_in_the_hour_that_summer_time_skips_is_found_to_its_end() -> None:
    nights = RepeatedFreeze(datetime(2026, 3, 1, 22), timedelta(hours=4.5), "FREQ=DAILY", "Europe/Berlin", "x")
    assert nights.at(datetime(2026, 3, 29, 1, 15, tzinfo=UTC)), "03:15 local, 5 h 15 min after 22:00 on the clock"
    assert nights.at(datetime(2026, 3, 29, 1, 30, tzinfo=UTC)) is None


@given(st.integers(0, 200_000), st.integers(1, 6), st.integers(1, 5_000))
def test_a_daily_rule_equals_its_periods_one_by_one(minute: int, interval: int, length: int) -> None:
    first, zone = datetime(2026, 10, 1, 22), ZoneInfo("Europe/Berlin")
    repeated = RepeatedFreeze(
        first, timedelta(minutes=length), f"FREQ=DAILY;INTERVAL={interval};COUNT=40", zone.key, "x"
    )
    moment = datetime(2026, 9, 30, tzinfo=UTC) + timedelta(minutes=minute)
    starts = [first + timedelta(days=interval * n) for n in range(40)]
    ends = [
        end.astimezone(UTC)
        for start in starts
        if start.replace(tzinfo=zone).astimezone(UTC)
        <= moment
        < (end := (start + timedelta(minutes=length)).replace(tzinfo=zone)).astimezone(UTC)
    ]
    found = repeated.at(moment)
    assert (found.end if found else None) == max(ends, default=None)


def test_a_freeze_that_never_ends_leaves_the_end_of_the_wait_unknown() -> None:
    always = RepeatedFreeze(datetime(2020, 1, 1), timedelta(days=1), "FREQ=DAILY", "UTC", "closed")
    moment = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    assert replace(STAGING, freezes=(always,)).opens(moment) is None
    assert replace(STAGING, freezes=(FRIDAYS,)).opens(moment) == moment
