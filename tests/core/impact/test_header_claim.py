"""What a header says of time and impact, against what was measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.impact.header_claim import claim_problems, stated_seconds
from ctgitops.core.impact.impact import Held, StepImpact
from ctgitops.core.impact.projection import Bucket, Effect, Wait
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import make_plan
from ctgitops.sql.locks import LockMode
from tests.fakes import STAGING, chained, entry, migration, workspace

HELD = Held("public.orders", LockMode.ACCESS_EXCLUSIVE)
UNKNOWN = "unknown"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("under 1 second", 1.0),
        ("< 50ms", 0.05),
        ("2 minutes", 120.0),
        ("about 1.5 h", 5400.0),
        ("1-2 min", 120.0),
        ("a minute", 60.0),
        ("instant", 0.0),
        ("unknown", None),
        ("over 1 minute", None),
        ("depends on the rows", None),
        ("a few seconds", None),
        ("1 M rows", None),
    ],
)
def test_a_stated_time_is_read(text: str, seconds: float | None) -> None:
    assert stated_seconds(text) == seconds


def claims(time: str, impact: str, bucket: Bucket | None, *, took: int = 0, destroys: bool = False) -> list[str]:
    two = migration("002_two", "1.1.0", Estimated_Execution_Time=time, Impact=impact)
    plan = make_plan(
        workspace(migration("001_one", "1.0.0"), two), STAGING, chained(entry(migration("001_one", "1.0.0")))
    )
    effects = {2: Effect(StepImpact(), (Wait(HELD, bucket, 5e6),))}
    before = chained(replace(entry(two), millis=took)) if took else Ledger()
    names = {"002_two"} if destroys else set()
    return [f"{p.place}: {p.what}" for p in claim_problems(plan, effects, ("staging", before), names)]


def test_a_time_that_the_trial_contradicts_is_a_warning_at_its_line() -> None:
    assert claims("under 1 second", UNKNOWN, Bucket.MINUTES) == [
        "migrations/002_two.sql:9:1: `Estimated Execution Time: under 1 second`, but the lock on public.orders is held "
        "for minutes, estimated from the number of rows"
    ]
    assert claims("under 1 second", UNKNOWN, Bucket.SECONDS) != []
    assert claims("1 second", UNKNOWN, Bucket.SECONDS) == []
    assert claims("2 minutes", UNKNOWN, Bucket.MINUTES) == []
    assert claims("under 1 second", UNKNOWN, Bucket.INSTANT) == []
    assert claims("under 1 second", UNKNOWN, None) == []
    assert claims(UNKNOWN, UNKNOWN, Bucket.HOURS) == []


def test_a_time_that_the_previous_environment_contradicts_is_a_warning() -> None:
    (what,) = claims("under 1 second", UNKNOWN, Bucket.INSTANT, took=41_000)
    assert what.endswith("`Estimated Execution Time: under 1 second`, but staging took 41.0 s")
    assert claims("under 1 second", UNKNOWN, Bucket.INSTANT, took=900) == []


def test_an_impact_that_is_contradicted_is_a_warning() -> None:
    (what,) = claims(UNKNOWN, "no blocking", Bucket.MINUTES)
    assert what.endswith(
        "`Impact: no blocking`, but the migration blocks reads and writes on public.orders for minutes, "
        "estimated from the number of rows"
    )
    (what,) = claims(UNKNOWN, "none", Bucket.INSTANT, destroys=True)
    assert what.endswith("`Impact: none`, but the migration destroys data")
    assert claims(UNKNOWN, "blocks writes to orders for minutes", Bucket.MINUTES, destroys=True) == []
    assert claims(UNKNOWN, "nobody waits", Bucket.INSTANT) == []


def test_only_a_time_that_was_measured_for_the_same_text_contradicts() -> None:
    two = migration("002_two", "1.1.0", Estimated_Execution_Time="1 second", Impact=UNKNOWN)
    plan = make_plan(workspace(migration("001_one", "1.0.0"), two), STAGING, chained())
    slow = replace(entry(two), millis=5000)
    for before, contradicts in (
        (slow, True),
        (replace(slow, millis=1000), False),
        (replace(slow, millis=None), False),
        (replace(slow, checksum="other"), False),
    ):
        found = list(claim_problems(plan, {}, ("staging", chained(before)), ()))
        assert [problem.what.endswith("staging took 5.0 s") for problem in found] == [True] * contradicts


@pytest.mark.parametrize(
    ("bucket", "fits"),
    [
        (Bucket.SECONDS, "1 s"),
        (Bucket.UNDER_A_MINUTE, "10 s"),
        (Bucket.MINUTES, "60 s"),
        (Bucket.HOURS, "3600 s"),
    ],
)
def test_each_bucket_begins_where_the_next_shorter_one_ends(bucket: Bucket, fits: str) -> None:
    assert claims(fits, UNKNOWN, bucket) == []
    assert claims(f"under {fits}", UNKNOWN, bucket) != []
    assert claims(f"{int(fits.split(maxsplit=1)[0]) - 0.5} s", UNKNOWN, bucket) != []
