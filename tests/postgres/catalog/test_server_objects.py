"""Roles, memberships and settings of a database are compared between two environments."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ctgitops.core.schema.compare import compare
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot
from ctgitops.postgres.catalog.database_roles import server_objects
from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import base_for_servers, fresh_database, programs_of, run, session

ROLES = """
create role owner; create role reader login bypassrls connection limit 3; create role other; create role unrelated;
grant reader to other with admin option; create table t (); alter table t owner to owner; grant select on t to reader;
"""


def read(url: str) -> Snapshot:
    with session(url) as connection:
        return server_objects(connection)


def attributes(snapshot: Snapshot, kind: str) -> dict[str, dict[str, str]]:
    return {each.name: dict(each.attributes) for each in snapshot.objects if each.kind == kind}


@pytest.fixture
def alone(request: pytest.FixtureRequest) -> LocalServer:
    """A server without roles of other tests."""
    server = LocalServer(programs_of(15), base=base_for_servers())
    request.addfinalizer(lambda: server.__exit__(None, None, None))
    return server.__enter__()


@pytest.mark.majors
def test_the_roles_of_the_database_and_those_they_share_a_membership_with(alone: LocalServer) -> None:
    url = fresh_database(alone)
    run(url, ROLES)
    found = read(url)
    assert attributes(found, "role") == {
        "other": {"inherit": "yes"},
        "owner": {"inherit": "yes"},
        "reader": {"login": "yes", "bypass RLS": "yes", "inherit": "yes", "connection limit": "3"},
    }
    (membership,) = attributes(found, "membership").items()
    assert membership == ("other in reader", {"admin": "yes", "inherit": "yes", "set": "yes"})
    (database,) = attributes(found, "database").values()
    assert database["encoding"] == "UTF8"
    assert "connection limit" not in database


@pytest.mark.majors
def test_another_database_of_the_server_has_its_own_roles(alone: LocalServer) -> None:
    one, other = fresh_database(alone), fresh_database(alone)
    run(one, ROLES)
    assert attributes(read(other), "role") == {}
    run(other, f"alter role unrelated in database {name_of(other)} set work_mem = '1MB'")
    assert list(attributes(read(other), "role")) == ["unrelated"]


def name_of(url: str) -> str:
    with session(url) as connection:
        ((name,),) = connection.execute("select current_database()").fetchall()
    return str(name)


def test_settings_of_the_database_and_its_roles(database_url: str) -> None:
    name = name_of(database_url)
    run(database_url, f"alter database {name} set statement_timeout = '5s'")
    run(database_url, f"alter database {name} set app.jwt_secret = 'a'")
    run(database_url, f"alter database {name} set search_path = app, public")
    found = attributes(read(database_url), "setting")
    assert found["statement_timeout of this database"] == {"value": "5s"}
    assert found["search_path of this database"] == {"value": "app, public"}
    secret = found["app.jwt_secret of this database"]["value"]
    assert secret.startswith("*** (")
    run(database_url, f"alter database {name} set app.jwt_secret = 'b'")
    assert attributes(read(database_url), "setting")["app.jwt_secret of this database"]["value"] != secret


@pytest.mark.majors
@pytest.mark.parametrize("major", [14, 16, 17, 18])
def test_the_same_roles_are_the_same_on_every_major(alone: LocalServer, major: int) -> None:
    with LocalServer(programs_of(major), base=base_for_servers()) as second:
        urls = fresh_database(alone), fresh_database(second)
        for url in urls:
            run(url, ROLES)
            run(url, f"alter role reader set work_mem = '2MB'; alter database {name_of(url)} set lock_timeout = 100")
        before, after = map(read, urls)
        assert compare(before, after) == ()
        assert SchemaObject("setting", "work_mem of role reader", "", {"value": "2MB"}) in before.objects


def test_two_environments_on_one_server_do_not_differ(make_database: Callable[[], str]) -> None:
    assert compare(read(make_database()), read(make_database())) == ()
