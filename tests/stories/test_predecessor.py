"""`drift` compares an environment with its predecessor, and shows what no migration explains."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.stories.house import House, facts

pytestmark = pytest.mark.slow


@pytest.fixture
def urls(house: House, make_database: Callable[[], str]) -> tuple[str, str]:
    """Staging with two migrations, and production with the first of them."""
    staging, production = make_database(), make_database()
    house.environment("staging", staging)
    house.environment("production", production, "after: staging\n")
    house.migration("001_users", "create table public.users (id bigint primary key, email varchar(40));")
    house.applied()
    assert house.run("apply", "--env", "production").status == 0
    house.migration(
        "002_state",
        "alter table public.users add state varchar(9) check (state in ('new', 'old')), alter email type text;",
    )
    house.applied()
    return staging, production


def test_what_a_pending_migration_explains_is_not_a_difference(house: House, urls: tuple[str, str]) -> None:
    before = [facts(url) for url in urls]
    looked = house.run("drift")
    assert looked.status == 0, looked.said
    assert "production: no drift: the schema matches the 1 migration in the ledger; migrations explain" in looked.out
    assert "1 migration only in staging, and taken into account: 002_state" in looked.words
    assert [facts(url) for url in urls] == before
