"""What waits is a queue: the environments in the order of `after`, and until when each waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from ctgitops.commands.status import status
from ctgitops.core.environment.freeze import Freeze
from ctgitops.core.environment.instant import instant
from ctgitops.core.environment.window import Window
from ctgitops.core.gate.gate import reasons_to_wait
from ctgitops.core.gate.wait import wait_of
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import make_plan
from ctgitops.report.status_json import status_json
from ctgitops.report.text_status import status_text, statuses_text
from tests.fakes import NOW, PRODUCTION, STAGING, Diary, chained, entry, migration, request, workspace

ONE, TWO = migration("001_one", "1.0.0"), migration("002_two", "1.1.0")
NIGHTS = Window(frozenset({"tue"}), time(2), time(5), "America/New_York")
SHUT = replace(PRODUCTION, windows=(NIGHTS,), bake=timedelta(hours=24))


def test_an_instant_is_in_utc_and_in_the_zone() -> None:
    at = datetime(2026, 12, 1, 7, tzinfo=UTC)
    assert instant(at, "America/New_York") == "2026-12-01 07:00 UTC (Tue 2026-12-01 02:00 America/New_York)"
    assert instant(at, "UTC") == "2026-12-01 07:00 UTC"


def test_environments_wait_in_the_order_of_after_with_the_end_of_the_last_wait() -> None:
    """A window is open, and 002 has not baked: the window that counts is the first after the bake time."""
    work = workspace(ONE, TWO)
    diary = Diary({"staging": chained(entry(ONE), entry(TWO, at=NOW - timedelta(hours=2)))})
    production, staging = status(
        (request(work, SHUT), request(work, replace(STAGING, windows=(NIGHTS,)))), databases=diary
    )
    assert staging.queued is None, "nothing is pending"
    assert production.queued is not None
    assert production.queued.until == datetime(2026, 12, 1, 7, tzinfo=UTC)
    text = statuses_text((production, staging))
    assert (
        "queue\n  1.  production  2 pending  waits until 2026-12-01 07:00 UTC (Tue 2026-12-01 02:00 America/New_York)"
        in text
    )
    assert "America/New_York) (bake)" in text


def test_the_queue_is_in_the_order_of_after_and_not_of_the_arguments() -> None:
    work = workspace(ONE)
    frozen = replace(STAGING, freezes=(Freeze(NOW - timedelta(hours=1), NOW + timedelta(hours=3), "sale"),))
    production, staging = status((request(work, SHUT), request(work, frozen)), databases=Diary())
    assert (staging.queued and staging.queued.position, production.queued and production.queued.position) == (1, 2)
    lines = [line.split()[:2] for line in statuses_text((production, staging)).split("queue\n")[1].splitlines()[:2]]
    assert lines == [["1.", "staging"], ["2.", "production"]]
    assert "waits because staging does not have 001_one yet (after)" in status_text(production)
    assert '"until": null' in status_json((production,))


def test_nothing_that_could_begin_now_is_called_waiting() -> None:
    (staging,) = status((request(workspace(ONE), STAGING),), databases=Diary())
    assert staging.queued is not None
    assert staging.queued.reasons == ()
    assert "queue" not in status_text(staging)


def test_the_queue_says_what_the_plan_says() -> None:
    """The status parses no SQL, so it makes a plan of its own; the gates must judge it as they judge the real one."""
    work = workspace(ONE, TWO)
    asked = request(work, SHUT)
    before = chained(entry(ONE), entry(TWO, at=NOW - timedelta(hours=2)))
    (production,) = status((asked,), databases=Diary({"staging": before}))
    plan = make_plan(work, SHUT, Ledger())
    reasons = reasons_to_wait(plan, asked, before)
    assert production.queued is not None
    assert production.queued.reasons == reasons
    wait = wait_of(SHUT, reasons)
    assert wait is not None
    assert production.queued.until == wait.until
