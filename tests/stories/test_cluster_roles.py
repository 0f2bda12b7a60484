"""A cluster whose roles no sandbox can have as they are: the plan is made, and names what is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import base_for_servers, programs_for_tests, run
from tests.stories.house import House

LOST = "not matched: memberships that the sandbox does not have: app in postgres (a superuser in the real database"
pytestmark = pytest.mark.slow


@pytest.fixture
def cluster() -> Iterator[LocalServer]:
    with LocalServer(programs_for_tests(), base=base_for_servers()) as server:
        run(server.url(), "create role app login; grant postgres to app; grant create on schema public to app")
        yield server


def test_the_plan_of_the_superuser_names_the_membership_on_every_page(house: House, cluster: LocalServer) -> None:
    house.environment("staging", cluster.url(), "shadow: {}\n")
    house.migration("001_a", "create table a (id int); alter table a owner to app; set role app; select from a;")
    looked = house.plan()
    assert looked.status == 0, looked.said
    assert "it runs\n" in looked.out
    assert LOST in looked.words
    assert "app in postgres" in house.plan("--format", "markdown").out
    assert any("app in postgres" in note for note in house.plan("--format", "json").json["proof"]["unmatched"])


def test_a_member_of_the_superuser_uses_its_rights_and_what_it_needs_one_for_is_not_tried(
    house: House, cluster: LocalServer
) -> None:
    run(cluster.url(), "create table old (id int)")
    house.environment("staging", cluster.url(role="app"), "shadow: {}\n")
    house.migration("001_a", "alter table old add a int; set role postgres; create table a (id int); reset role;")
    looked = house.plan()
    assert (looked.status, "it runs\n" in looked.out, "not matched" in looked.out) == (0, True, False), looked.said
    house.migration("002_b", "set role postgres; create event trigger e on ddl_command_end execute function f();")
    looked = house.plan()
    assert looked.status == 0, looked.said
    assert "1 migration run, 1 NOT TRIED" in looked.words.replace("runs,", "run,")
