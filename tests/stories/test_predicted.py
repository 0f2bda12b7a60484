"""The predicted and the actual schema are recorded, even if the run is killed in between."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.servers import fetch, run
from tests.stories.house import House, marks, until

pytestmark = pytest.mark.slow

SHADOW = "shadow: {extensions: []}\n"
BY_ROWS = """do $$ begin
  if exists (select from public.one) then alter table public.one add surprise int;
  else alter table public.one add expected int; end if;
end $$;"""
SLOW_LOOK = """
create function public.wait_a_minute() returns trigger language plpgsql as $$
begin
  if new.name = 'prediction' and new.mark in ('failed', 'repaired') then perform pg_sleep(60); end if;
  return new;
end $$;
create trigger a_slow before insert on ctgitops.ledger for each row execute function public.wait_a_minute();
"""
GONE = "drop trigger a_slow on ctgitops.ledger; drop function public.wait_a_minute()"


@pytest.fixture
def predicted(lived_in: House, database_url: str, make_database: Callable[[], str]) -> str:
    """Staging with a row in it, production without one after it, and a plan that is kept; production's URL."""
    lived_in.environment("staging", database_url, SHADOW)
    lived_in.migration("002_by_rows", BY_ROWS)
    lived_in.plan("--out", "kept.json")
    production = make_database()
    lived_in.environment("production", production, "after: staging\n")
    return production


def kept(house: House) -> tuple[str, str]:
    return "--plan", str(house.root / "kept.json")


def test_it_holds_back_production_until_a_person_says_that_it_is_right(
    lived_in: House, database_url: str, predicted: str
) -> None:
    assert lived_in.apply(*kept(lived_in)).status == 1
    assert marks(database_url)[1:] == ["prediction started", "002_by_rows applied", "prediction failed"]
    for said in (
        lived_in.run("status", "--env", "staging"),
        lived_in.plan(),
        lived_in.run("verify", "--env", "staging"),
    ):
        assert "warning[not-as-predicted]: the schema of staging differs from the prediction of plan" in said.out, (
            said.said
        )
    waits = lived_in.run("apply", "--env", "production")
    assert waits.status == 5
    assert "waits[after]: the schema of staging differs from the prediction of plan" in waits.words
    assert marks(predicted) == []
    run(database_url, "alter table public.one rename surprise to expected")
    repaired = lived_in.run("repair", "--env", "staging", "--as-it-is", "--reason", "renamed by hand, ticket 12")
    assert repaired.status == 0, repaired.said
    assert "staging: schema recorded as correct: renamed by hand, ticket 12" in repaired.out
    assert "not-as-predicted" not in lived_in.run("status", "--env", "staging").out
    assert lived_in.run("apply", "--env", "production").status == 0


def test_a_run_that_is_killed_before_it_wrote_what_came_loses_nothing(
    lived_in: House, database_url: str, predicted: str
) -> None:
    run(database_url, SLOW_LOOK)
    lived_in.plan("--out", "kept.json")
    running = lived_in.start("apply", "--env", "staging", *kept(lived_in))
    asleep = "select pid from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
    until(lambda: fetch(database_url, asleep), 60)
    running.kill()
    running.ended()
    run(database_url, f"select pg_terminate_backend(pid, 5000) from ({asleep}) sleeping")
    run(database_url, GONE)
    assert marks(database_url)[1:] == ["prediction started", "002_by_rows applied"]
    assert lived_in.run("apply", "--env", "production").status == 5
    again = lived_in.apply()
    assert again.status == 1, again.said
    assert "nothing applied, BUT THE SCHEMA DIFFERS FROM THE PREDICTION" in again.out
    assert "-     column expected: " in again.out
    assert marks(database_url)[-1] == "prediction failed"
    assert lived_in.run("apply", "--env", "production").status == 5
    assert marks(predicted) == []
