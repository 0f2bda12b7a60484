"""Production gets only what staging has, byte for byte, after the bake time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.servers import run
from tests.stories.house import House, has, marks

pytestmark = pytest.mark.slow


@pytest.fixture
def production(lived_in: House, make_database: Callable[[], str]) -> str:
    """The URL of a second environment, which comes after staging."""
    url = make_database()
    lived_in.environment("production", url, "after: staging\n")
    lived_in.migration("002_two", "create table two ();")
    return url


def apply(house: House, *arguments: str) -> tuple[int, str]:
    done = house.run("apply", "--env", "production", *arguments)
    return done.status, done.words


def test_what_staging_does_not_have_waits(lived_in: House, production: str) -> None:
    status, said = apply(lived_in)
    assert status == 5, said
    assert "waits[after]: staging does not have 002_two yet" in said
    assert "run `ctgitops apply --env staging` first" in said
    assert marks(production) == []
    lived_in.applied()
    assert apply(lived_in)[0] == 0
    assert marks(production) == ["001_one applied", "002_two applied"]


def test_what_staging_has_as_another_text_waits(lived_in: House, production: str) -> None:
    lived_in.applied()
    lived_in.migration("002_two", "create table two (id int);")
    status, said = apply(lived_in)
    assert status == 5, said
    assert "the text of 002_two that staging has applied differs" in said
    assert marks(production) == []


@pytest.mark.usefixtures("production")
def test_what_staging_took_back_waits(lived_in: House) -> None:
    lived_in.migration("002_two", "create table two ();", down="drop table two;")
    lived_in.applied()
    assert lived_in.run("rollback", "--env", "staging", "--steps", "1").status == 0
    status, said = apply(lived_in)
    assert status == 5, said
    assert "002_two was rolled back on" in said


@pytest.mark.parametrize("staging", ["postgresql://me:very%20secret@127.0.0.1:1/app", pytest.param(None)])
def test_a_staging_that_cannot_be_seen_lets_nothing_pass(lived_in: House, production: str, staging: str | None) -> None:
    lived_in.environment("staging", staging)
    status, said = apply(lived_in)
    assert status == 5, said
    assert "waits[after]: staging could not be read" in said
    assert marks(production) == []
    plan = lived_in.run("plan", "--env", "production")
    assert plan.status == 0, plan.said
    assert "staging could not be read" in plan.words


def test_a_staging_whose_ledger_was_tampered_with_lets_nothing_pass(
    lived_in: House, database_url: str, production: str
) -> None:
    lived_in.applied()
    run(
        database_url,
        """alter table ctgitops.ledger disable trigger refuse_change;
           update ctgitops.ledger set actor = 'somebody else' where number = 2""",
    )
    status, said = apply(lived_in)
    assert status in {4, 5}, said
    assert "staging" in said
    assert not has(production, "two")


def test_what_staging_has_not_had_for_long_enough_waits(lived_in: House, production: str) -> None:
    lived_in.applied()
    lived_in.environment("production", production, "after: staging\nbake: 1h\n")
    status, said = apply(lived_in)
    assert status == 5, said
    assert "waits[bake]: 002_two has been on staging since" in said
    assert "wait until" in said
    assert marks(production) == []
    lived_in.environment("production", production, "after: staging\nbake: 1ms\n")
    assert apply(lived_in)[0] == 0


def test_outside_of_its_windows_it_waits(lived_in: House, database_url: str) -> None:
    another_day = (datetime.now(UTC) - timedelta(days=2)).strftime("%a").lower()
    window = f"windows: [{{days: [{another_day}], from: '02:00', to: '05:00', timezone: America/New_York}}]\n"
    lived_in.environment("staging", database_url, window)
    lived_in.migration("002_two", "create table two ();")
    done = lived_in.apply()
    assert done.status == 5, done.said
    assert "waits[window]" in done.out
    assert marks(database_url) == ["001_one applied"]
