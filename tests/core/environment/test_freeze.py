"""A freeze is a reason to wait, and the end of a wait is in a window and in no freeze."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.environment.freeze import Freeze
from ctgitops.core.environment.window import Window
from ctgitops.core.gate.gate import reasons_to_wait
from ctgitops.core.gate.wait import wait_of
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.run.continuation import may_wait
from tests.fakes import PRODUCTION, STAGING, migration, request, workspace

ONE = migration("001_one", "1.0.0")
HOLIDAYS = Freeze.between("2026-12-19", "2027-01-03", "Europe/Berlin", "holidays")
NIGHTS = Window(frozenset({"tue"}), time(2), time(5), "UTC")


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        (datetime(2026, 12, 18, 22, 59, tzinfo=UTC), False),
        (datetime(2026, 12, 18, 23, tzinfo=UTC), True),
        (datetime(2027, 1, 3, 22, 59, tzinfo=UTC), True),
        (datetime(2027, 1, 3, 23, tzinfo=UTC), False),
    ],
)
def test_dates_are_whole_days_of_the_time_zone(moment: datetime, *, inside: bool) -> None:
    assert HOLIDAYS.contains(moment) is inside


def test_times_are_exact() -> None:
    freeze = Freeze.between("2026-12-24 18:00", "2026-12-24 20:30", "America/New_York", "dinner")
    assert freeze.period == "2026-12-24 23:00 to 2026-12-25 01:30 UTC"


def test_it_is_a_reason_to_wait_with_its_end_and_not_for_a_rollback() -> None:
    frozen = replace(STAGING, freezes=(HOLIDAYS,))
    now = datetime(2026, 12, 24, 12, tzinfo=UTC)
    asked = replace(request(workspace(ONE), frozen), now=now)
    plan = make_plan(workspace(ONE), frozen, Ledger())
    (reason,) = reasons_to_wait(plan, asked, None)
    assert (reason.gate, reason.until, reason.expected) == ("freeze", HOLIDAYS.end, True)
    assert "holidays" in reason.what
    assert reasons_to_wait(plan, replace(asked, now=HOLIDAYS.end), None) == ()
    windowed = replace(frozen, windows=(NIGHTS,))
    waits = wait_of(windowed, reasons_to_wait(plan, replace(asked, environment=windowed), None))
    assert waits is not None
    assert waits.until == datetime(2027, 1, 5, 2, tzinfo=UTC), "the first Tuesday after the freeze"


def test_what_a_freeze_stops_is_continued() -> None:
    alone = replace(PRODUCTION, after=None, bake=timedelta(), windows=())
    assert not may_wait(alone)
    assert may_wait(replace(alone, freezes=(HOLIDAYS,)))


@given(
    st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 5_000)), max_size=6),
    st.integers(0, 20_000),
    st.booleans(),
)
def test_it_opens_at_the_first_minute_that_nothing_forbids(
    spans: list[tuple[int, int]], at: int, windowed: bool
) -> None:
    begin = datetime(2026, 12, 1, tzinfo=UTC)
    minutes = [(begin + timedelta(minutes=a), begin + timedelta(minutes=a + n)) for a, n in spans]
    frozen = replace(
        STAGING, freezes=tuple(Freeze(a, b, "x") for a, b in minutes), windows=(NIGHTS,) if windowed else ()
    )
    moment = begin + timedelta(minutes=at)

    def allowed(at: datetime) -> bool:
        return not any(f.at(at) for f in frozen.freezes) and (not windowed or NIGHTS.contains(at))

    opened = frozen.opens(moment)
    assert opened is not None
    assert allowed(opened)
    assert not any(allowed(moment + timedelta(minutes=n)) for n in range(int((opened - moment).total_seconds() // 60)))
