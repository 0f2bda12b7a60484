"""A throw-away server in a container: isolated like a local one, reachable only from this machine, always removed."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from ctgitops.core.plan.plan import Direction, Step
from ctgitops.core.schema.source_database import Role, SourceDatabase
from ctgitops.errors import ApplyError, UsageError
from ctgitops.postgres.connection.names import ADMIN, MAINTENANCE
from ctgitops.postgres.server.container_server import LABEL, LOOPBACK
from ctgitops.postgres.server.programs import find_programs
from ctgitops.postgres.shadow.sandbox import sandbox_server
from ctgitops.postgres.shadow.trial import NoObserver
from ctgitops.sql.script import Script
from tests.security.test_hostile_sql import FILES, POWERS
from tests.servers import fetch, missing, run
from tests.stories.house import House

pytestmark = [pytest.mark.docker, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
IMAGE, PLAIN = "postgis/postgis:17-3.5", "postgres:17"
ORIGINAL = SourceDatabase("postgres", 17, roles=(Role("postgres", superuser=True), Role("reader")))


@pytest.fixture(autouse=True)
def engine() -> None:
    if find_spec("testcontainers") is None:
        raise missing("docker", "testcontainers is not installed")
    if os.environ.get("DOCKER_HOST") or Path("/var/run/docker.sock").exists():
        found = subprocess.run(["docker", "image", "inspect", IMAGE, PLAIN], capture_output=True, check=False)
        if found.returncode == 0:
            return
    raise missing("docker", f"no Docker, or no images {IMAGE} and {PLAIN}")


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path / "repository")
    made.policy("header: optional\n")
    if engine := os.environ.get("DOCKER_HOST"):
        made.secrets["DOCKER_HOST"] = engine
    return made


def containers() -> list[dict[str, Any]]:
    listed = subprocess.run(
        ["docker", "ps", "-aq", "--filter", f"label={LABEL}"], capture_output=True, text=True, check=True
    ).stdout.split()
    if not listed:
        return []
    found: list[dict[str, Any]] = json.loads(
        subprocess.run(["docker", "inspect", *listed], capture_output=True, text=True, check=True).stdout
    )
    return found


def step(sql: str) -> Step:
    return Step(Direction.APPLY, 1, "001_hostile", None, "", Script(sql, "migrations/001_hostile.sql"))


def test_hostile_sql_gets_nowhere_in_a_container() -> None:
    with sandbox_server(ORIGINAL, image=PLAIN) as sandbox:
        (ours,) = containers()
        assert {p["HostIp"] for ports in ours["NetworkSettings"]["Ports"].values() for p in ports or ()} == {LOOPBACK}
        shadow = sandbox.shadow(sandbox.named("shadow"), NoObserver())
        for sql in (*FILES.values(), *POWERS.values()):
            with pytest.raises((ApplyError, Exception)):
                shadow.apply((step(sql.format("/tmp")),))
            admin = sandbox.server.url(sandbox.named("shadow"))
            assert fetch(admin, "select rolname from pg_roles where rolsuper") == [(ADMIN,)], sql
            assert fetch(admin, "select to_regrole('pg_execute_server_program')") == [(None,)]
        assert sandbox.notes == []
    assert containers() == []


def test_a_plan_is_tried_in_the_image_that_the_manifest_names(house: House, make_database: Callable[[], str]) -> None:
    house.environment("staging", make_database(), f"shadow: {{image: '{IMAGE}', extensions: [postgis]}}\n")
    house.migration("001_places", "create extension postgis; create table public.places (at geometry(point, 4326));")
    looked = house.plan()
    assert looked.status == 0, looked.said
    assert "tried on a copy of its schema, PostgreSQL 17" in looked.out
    assert "it runs" in looked.out
    assert "column at: public.geometry(Point,4326)" in looked.out
    assert containers() == []


def test_drift_and_baseline_run_what_was_merged_in_that_image(
    house: House, make_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_database()
    # Before PostgreSQL 15 everybody might make things in public
    run(url, "revoke create on schema public from public; create table public.users (id bigint primary key)")
    house.environment("staging", url, f"shadow: {{image: '{PLAIN}'}}\n")
    house.migration("001_users", "create table public.users (id bigint primary key);")
    monkeypatch.setenv("CTGITOPS_POSTGRES", "/nonexistent")
    taken = house.run("baseline", "--env", "staging", "--at", "1")
    assert taken.status == 0, taken.said
    run(url, "create index by_hand on public.users (id)")
    looked = house.run("drift")
    assert (looked.status, "by_hand" in looked.out) == (1, True), looked.said
    assert containers() == []


def test_where_no_program_fits_a_container_of_that_major_is_asked_for() -> None:
    newest = max(programs.major for programs in find_programs())
    with (
        pytest.raises(UsageError, match=f"no server starts from the image postgres:{newest + 1}: "),
        sandbox_server(replace(ORIGINAL, major=newest + 1)),
    ):
        pass


def test_what_a_killed_run_left_goes_with_the_next(house: House, make_database: Callable[[], str]) -> None:
    house.environment("staging", make_database(), f"shadow: {{image: '{PLAIN}'}}\n")
    house.migration("001_users", "select pg_sleep(60);")
    running = house.start("plan", "--env", "staging")
    deadline = time.monotonic() + 40
    while not any(each["State"]["Running"] for each in containers()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    running.kill()
    running.process.communicate()
    assert len(containers()) == 1
    house.migration("001_users", "create table public.users (id bigint primary key);")
    assert "it runs" in house.plan().out
    assert containers() == []


def test_an_image_that_is_not_to_be_had_is_told(house: House, make_database: Callable[[], str]) -> None:
    house.environment("staging", make_database(), "shadow: {image: 'localhost:1/none:1'}\n")
    house.migration("001_users", "create table public.users (id bigint primary key);")
    looked = house.plan()
    assert looked.status == 0, looked.said
    assert "not tried: no server starts from the image localhost:1/none:1: " in looked.out


@pytest.mark.parametrize("name", ["own", "postgres", "template1", MAINTENANCE, ADMIN])
def test_a_copy_in_a_container_has_the_name_of_its_database(name: str) -> None:
    sql = f"alter database {name} set timezone = 'UTC'; select 1 / (current_database() = '{name}')::int;"
    roles = (*ORIGINAL.roles, Role(ADMIN))
    original = replace(ORIGINAL, database=name, roles=roles)
    with sandbox_server(original, image=PLAIN) as sandbox:
        shadow = sandbox.shadow(sandbox.named("shadow"), NoObserver())
        shadow.apply((step(sql),))
        with shadow.copy() as copy:
            copy.apply((step(sql),))
        assert sandbox.server.used() > 0
        assert fetch(sandbox.server.url(), "select rolname from pg_roles where rolsuper") == [(f"{ADMIN}_",)]
    assert containers() == []
