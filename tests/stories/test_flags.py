"""A migration with a flag is held back until a manifest sets the flag, then applied late."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.stories.house import House, has, marks

BILLING = "-- ctgitops: flag billing\ncreate table invoices (id int);\ninsert into invoices values (1);"


def test_a_flag_holds_back_a_migration_and_what_depends_on_it(house: House, database_url: str) -> None:
    house.migration("001_people", "create table people (id int);")
    house.migration("002_billing", BILLING, down="drop table invoices;")
    house.migration("003_due", "create view due as select * from invoices;", down="drop view due;")
    house.migration("004_other", "create table other (id int);")
    house.environment("staging", database_url, "flags: []\n")
    assert "2 migrations to apply, 2 migrations waiting for a flag" in house.plan().words
    house.applied()
    assert marks(database_url) == ["001_people applied", "004_other applied"]
    status = house.run("status", "--env", "staging", "--format", "json").json["environments"][0]
    assert [(row["name"], row["status"]) for row in status["migrations"]][1:3] == [
        ("002_billing", "waits for a flag"),
        ("003_due", "waits for a flag"),
    ]
    assert (status["pending"], status["problems"]) == (0, [])
    house.environment("staging", database_url, "flags: [billing]\n")
    house.applied()
    assert marks(database_url)[2:] == ["002_billing applied", "003_due applied"]
    house.environment("staging", database_url, "")
    again = house.plan()
    assert again.status == 0
    assert "although its flag `billing` is not set" in again.words
    assert has(database_url, "invoices")


def test_production_waits_for_staging_even_if_only_production_sets_the_flag(
    house: House, database_url: str, make_database: Callable[[], str]
) -> None:
    house.migration("001_people", "create table people (id int);")
    house.migration("002_billing", BILLING)
    house.environment("staging", database_url, "")
    house.applied()
    production = make_database()
    house.environment("production", production, "after: staging\nflags: [billing]\n")
    refused = house.run("apply", "--env", "production")
    assert refused.status == 5, refused.said
    assert "staging does not have 002_billing yet" in refused.words
    assert marks(production) == []


@pytest.mark.slow
def test_the_order_of_a_late_flag_is_proved(house: House, database_url: str) -> None:
    """The late migration ends in another schema than in an empty database, so the plan says so before it is applied."""
    house.migration("001_people", "create table people (id int);")
    house.migration("002_billing", "-- ctgitops: flag billing\nalter table people add column credit int;")
    house.migration("003_other", "alter table people add column name text;")
    house.environment("staging", database_url, "shadow: {}\n")
    house.applied()
    house.environment("staging", database_url, "flags: [billing]\nshadow: {}\n")
    plan = house.plan("--format", "json")
    order = plan.json["proof"]["order"]
    assert order is not None and order["untried"] is None, plan.said
