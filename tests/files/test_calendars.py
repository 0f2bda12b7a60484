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
        ("SUMMARY:X\nDTSTART:20261324T180000Z\nDURATION:PT1H", "`X` has an invalid DTSTART"),
        ("DTSTART:20261224T180000Z\nDURATION:x", "an invalid DURATION"),
        ("DTSTART:20261224T180000Z\nDTSTART:20261225T180000Z\nDURATION:PT1H", "more than one DTSTART"),
        ("DTSTART;VALUE=TIME:180000\nDURATION:PT1H", "neither a date nor a date and a time"),
        ("DTSTART:20261224T180000Z\nDURATION:PT1H\nRDATE;VALUE=PERIOD:20261225T000000Z/PT1H", "has a RDATE that"),
        ("DTSTART:99991231T000000Z\nDURATION:P2D", "in the year 9999"),
        ("DTSTART:20261224T180000Z\nDURATION:P9999999D", "too long"),
        ("DTSTART:20261224T180000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;INTERVAL=0", "invalid rule: FREQ=DAILY;INTERVAL=0"),
        ("DTSTART:20261224T180000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;INTERVAL=-1", "invalid rule"),
        ("DTSTART:20261224T180000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2;UNTIL=20270101", "invalid rule"),
        ("DTSTART:20261224T180000Z\nDURATION:PT1H\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "matches no day"),
        ("DTSTART:20261224T180000Z\nDURATION:PT1H\nRRULE:FREQ=MONTHLY;BYDAY=60MO", "matches no day"),
        (
            "RECURRENCE-ID;RANGE=THISANDFUTURE:20261224T180000Z\nDTSTART:20261224T190000Z\nDURATION:PT1H",
            "RANGE=THISANDFUTURE",
        ),
    ],
)
def test_an_event_whose_period_is_not_certain_is_refused(event: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        freezes_in(calendar(event), None)


def test_a_time_zone_that_does_not_exist_is_refused_although_the_manifest_has_a_default() -> None:
    unknown = calendar("SUMMARY:X\nDTSTART;TZID=Mars/Olympus:20261224T180000\nDURATION:PT1H")
    with pytest.raises(ValueError, match=r"the event `X` has the time zone `Mars/Olympus`, which is not in the IANA"):
        freezes_in(unknown, BERLIN)


def test_a_calendar_of_outlook_has_the_names_of_windows_for_time_zones() -> None:
    zone = (
        "BEGIN:VTIMEZONE\nTZID:Eastern Standard Time\nBEGIN:STANDARD\nDTSTART:16010101T020000\n"
        "TZOFFSETFROM:-0400\nTZOFFSETTO:-0500\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\n"
    ).replace("\n", "\r\n")
    event = "DTSTART;TZID=Eastern Standard Time:20261224T180000\nDTEND;TZID=Eastern Standard Time:20261224T190000"
    text = calendar(event).replace("BEGIN:VEVENT\r\n", zone)
    assert frozen(text, "2026-12-24 22:59", "2026-12-24 23:00", "2026-12-25 00:00") == [False, True, False]
    (freeze,) = freezes_in(text, None)
    assert freeze.timezone == "America/New_York"


def test_a_rule_without_an_end_may_have_a_far_end() -> None:
    text = calendar("DTSTART;TZID=Asia/Tokyo:20261204T180000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;UNTIL=99991231T235959Z")
    assert frozen(text, "2027-12-03 09:30", "2027-12-04 09:30") == [True, False]


def test_a_calendar_that_was_cut_is_refused_because_events_may_be_missing() -> None:
    whole = calendar("DTSTART:20261224T180000Z\nDURATION:PT1H")
    with pytest.raises(ValueError, match="not a complete calendar"):
        freezes_in(whole + whole[:90], None)


@pytest.mark.parametrize("text", ["", "not a calendar", calendar(), "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR"])
def test_a_file_without_events_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no events|not a calendar|not a complete"):
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
