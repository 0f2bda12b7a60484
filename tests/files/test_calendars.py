"""Freezes from a calendar file: what its events say, and a refusal of each event whose period is not certain."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ctgitops.core.environment.environment import Environment
from ctgitops.files.calendars import freezes_in
from tests.files.checkout import Checkout

BERLIN = "Europe/Berlin"


def calendar(*events: str) -> str:
    body = "".join(f"BEGIN:VEVENT\r\nUID:{n}\r\n{event.strip()}\r\nEND:VEVENT\r\n" for n, event in enumerate(events))
    text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n{body}END:VCALENDAR\r\n"
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


def frozen(text: str, *moments: str, timezone: str | None = BERLIN) -> list[bool]:
    environment = Environment("e", "E", freezes=freezes_in(text, timezone))
    at = (datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in moments)
    return [any(freeze.at(moment) for freeze in environment.freezes) for moment in at]


def test_whole_days_are_days_of_the_time_zone_of_the_manifest() -> None:
    text = calendar("SUMMARY:Holidays\nDTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227")
    days = ("2026-12-23 22:59", "2026-12-23 23:00", "2026-12-26 22:59", "2026-12-26 23:00")
    assert frozen(text, *days) == [False, True, True, False]
    (freeze,) = freezes_in(text, BERLIN)
    assert freeze.reason == "Holidays"
    one_day = calendar("DTSTART;VALUE=DATE:20261224")
    assert frozen(one_day, "2026-12-24 22:59", "2026-12-24 23:00") == [True, False]


def test_times_have_their_own_zone_utc_or_that_of_the_manifest() -> None:
    own = calendar("DTSTART;TZID=America/New_York:20261224T180000\nDTEND;TZID=America/New_York:20261224T203000")
    assert frozen(own, "2026-12-24 22:59", "2026-12-24 23:00", "2026-12-25 01:29", timezone=None) == [False, True, True]
    utc = calendar("DTSTART:20261224T180000Z\nDURATION:PT2H")
    assert frozen(utc, "2026-12-24 17:59", "2026-12-24 18:00", "2026-12-24 20:00", timezone=None) == [
        False,
        True,
        False,
    ]
    floating = calendar("DTSTART:20261224T180000\nDTEND:20261224T200000")
    assert frozen(floating, "2026-12-24 16:59", "2026-12-24 17:00", "2026-12-24 19:00") == [False, True, False]


def test_a_rule_with_exceptions_a_moved_and_a_cancelled_event() -> None:
    text = calendar(
        "SUMMARY:Weekend\nDTSTART;TZID=Europe/Berlin:20261106T160000\nDURATION:P2DT8H\nRRULE:FREQ=WEEKLY;UNTIL=20261204T150000Z\n"
        "EXDATE;TZID=Europe/Berlin:20261113T160000",
        "STATUS:CANCELLED\nDTSTART;VALUE=DATE:20261110",
    )
    moved = text.replace(
        "END:VCALENDAR",
        "BEGIN:VEVENT\r\nUID:0\r\nRECURRENCE-ID;TZID=Europe/Berlin:20261120T160000\r\nSUMMARY:Moved\r\n"
        "DTSTART;TZID=Europe/Berlin:20261119T160000\r\nDURATION:PT1H\r\nEND:VEVENT\r\nEND:VCALENDAR",
    )
    fridays = ("2026-11-06 16:00", "2026-11-13 16:00", "2026-11-20 16:00", "2026-11-27 16:00", "2026-12-04 16:00")
    assert frozen(text, *fridays, "2026-12-11 16:00") == [True, False, True, True, True, False]
    assert frozen(moved, *fridays, "2026-11-19 15:30") == [True, False, False, True, True, True]
    assert frozen(text, "2026-11-10 12:00") == [False]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("SUMMARY:X\nDTSTART;VALUE=DATE:20261224", "`X` lasts for whole days, so `timezone` must be beside `ics`"),
        ("SUMMARY:X\nDTSTART:20261224T180000\nDURATION:PT1H", "`X` has times without a time zone"),
        ("DTSTART;TZID=Mars/Olympus:20261224T180000\nDURATION:PT1H", "time zone"),
        ("DTSTART:20261224T180000Z", "has no length"),
        ("DTSTART:20261224T180000Z\nDTEND:20261224T170000Z", "ends before it begins"),
        ("SUMMARY:X", "`X` has no start"),
        ("DTSTART:20261224T180000Z\nDURATION:PT1H\nRRULE:FREQ=SECONDLY", "FREQ=SECONDLY"),
        ("DTSTART:20261224T180000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "BYMONTH, BYMONTHDAY"),
        ("DTSTART:20261224T180000Z\nDURATION:P400D\nRRULE:FREQ=YEARLY", "more than a year"),
    ],
)
def test_an_event_whose_period_is_not_certain_is_refused(event: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        freezes_in(calendar(event), None)


@pytest.mark.parametrize("text", ["", "not a calendar", calendar(), "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR"])
def test_a_file_without_events_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no events|not a calendar"):
        freezes_in(text, None)


def test_a_calendar_with_too_many_events_is_refused() -> None:
    with pytest.raises(ValueError, match="1,001 events"):
        freezes_in(calendar(*["DTSTART:20261224T180000Z\nDURATION:PT1H"] * 1001), None)


def test_a_manifest_names_the_calendar_and_the_zone_of_its_whole_days(repo: Checkout) -> None:
    repo.write("environments/freezes.ics", calendar("SUMMARY:Sale\nDTSTART;VALUE=DATE:20261127"))
    assert repo.manifest("freeze: [{ics: environments/freezes.ics, timezone: Europe/Berlin}]") == []
    (freeze,) = repo.read().environments[0].freezes
    assert freeze.at(datetime(2026, 11, 27, 12, tzinfo=UTC))
    (found,) = repo.manifest("freeze: [{ics: environments/freezes.ics}]")
    assert "`timezone` must be beside `ics`" in found


@pytest.mark.parametrize(
    ("freeze", "said"),
    [
        ("ics: environments/none.ics", "cannot be read"),
        ("ics: freezes.ics", "is not in `environments/`"),
        ("ics: environments/../secret.ics", "is not in `environments/`"),
        ("ics: environments/freezes.txt", "expected the path of a calendar"),
        ("ics: environments/freezes.ics, reason: x", "remove `reason`"),
        ("ics: environments/freezes.ics, timezone: Europe/Berln", "did you mean `Europe/Berlin`"),
        ("reason: x", "key `freeze[0].from` is missing"),
    ],
)
def test_a_manifest_that_names_no_calendar_is_an_error(repo: Checkout, freeze: str, said: str) -> None:
    repo.write("environments/freezes.ics", calendar("DTSTART:20261224T180000Z\nDURATION:PT1H"))
    found = repo.manifest(f"freeze: [{{{freeze}}}]")
    assert any(said in each for each in found), found
