"""Windows are proposed from days of samples, and never from too few."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.performance.traffic import TrafficSample, busy_tables, quiet_hours

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


def samples(days: int, rate: Callable[[datetime], float], reset: str = "") -> list[TrafficSample]:
    """One sample an hour; `rate` gives the transactions in the hour from a moment on."""
    found, count = [], 0.0
    for hour in range(24 * days + 1):
        at = MONDAY + timedelta(hours=hour, minutes=0)
        found.append(TrafficSample(at, round(count), {"public.orders": round(2 * count)}, reset=reset))
        count += rate(at)
    return found


def office(at: datetime) -> float:
    """Busy by day, quiet from 02:00 to 05:00, and busy in the night to Sunday."""
    if at.weekday() == 6 and at.hour < 6:
        return 90_000
    return 100 if 2 <= at.hour < 5 else 5000 if at.hour < 7 else 100_000


def test_the_quiet_hours_of_the_quiet_days() -> None:
    found = quiet_hours(samples(14, office), "UTC")
    (window,) = found.windows
    assert (f"{window.start:%H:%M}", f"{window.end:%H:%M}", window.timezone) == ("02:00", "05:00", "UTC")
    assert window.days == {"mon", "tue", "wed", "thu", "fri", "sat"}
    assert found.days == 14
    assert found.unknown == ""


def test_a_window_is_in_the_wanted_time_zone() -> None:
    (window,) = quiet_hours(samples(14, office), "America/New_York").windows
    assert f"{window.start:%H:%M}" == "21:00"
    assert "sat" not in window.days  # the night to Sunday in UTC is Saturday evening there


def test_too_few_days_are_unknown() -> None:
    found = quiet_hours(samples(2, office), "UTC")
    assert found.windows == ()
    assert found.unknown == "there are samples of 2 days, but at least 3 are necessary"
    assert quiet_hours([], "UTC").unknown == "there are samples of 0 days, but at least 3 are necessary"


def test_hours_that_no_sample_saw_are_unknown() -> None:
    by_day = [each for each in samples(7, office) if each.at.hour >= 8]
    found = quiet_hours(by_day, "UTC")
    assert found.windows == ()
    assert found.unknown.startswith("no samples at 00:00, 01:00")


def test_counters_that_were_reset_are_not_compared() -> None:
    first, second = samples(3, office, "a"), samples(3, office, "b")
    assert quiet_hours([first[0], second[1], first[2]], "UTC").days == 0
    assert quiet_hours(first[:3], "UTC").days == 1
    assert quiet_hours([first[9], first[2]], "UTC").hours == ()


@given(st.lists(st.integers(0, 10**6), min_size=24, max_size=24), st.integers(1, 12))
def test_no_stretch_of_the_same_length_is_quieter(loads: list[int], length: int) -> None:
    found = quiet_hours(samples(7, lambda at: loads[at.hour]), "UTC", length)
    (window,) = found.windows

    def total(start: int) -> float:
        return sum(loads[(start + i) % 24] for i in range(length))

    assert total(window.start.hour) <= min(map(total, range(24))) + length
    assert (window.end.hour - window.start.hour) % 24 == length % 24
    assert window.days


def test_how_busy_a_table_is() -> None:
    (orders,) = busy_tables(samples(7, lambda at: 36_000 if at.hour == 14 else 36), ["public.orders", "public.unknown"])
    assert (orders.name, orders.busiest, round(orders.most), orders.days) == ("public.orders", 14, 20, 7)
    assert orders.least < 0.1
