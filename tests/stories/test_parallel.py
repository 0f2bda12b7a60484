"""`parallel` in the manifest, as a user meets it: in the plan, before the run, and after `kill -9`."""

from __future__ import annotations

import secrets

import pytest

from tests.servers import fetch, run
from tests.stories.house import House, as_role, marks, ours, transaction, until

INDEXES = "create index concurrently a_x on a (x);\ncreate index concurrently b_x on b (x);"
BUILDING = "select from pg_stat_progress_create_index where phase = 'waiting for writers before build'"
INVALID = "select indexrelid::regclass::text from pg_index where not indisvalid order by 1"
WRITES = "insert into a values (0); insert into b values (0)"
PROGRESS = "select position, mark from ctgitops.progress order by id"


@pytest.fixture
def two_tables(lived_in: House, database_url: str) -> House:
    run(database_url, "create table a as select generate_series(1, 9) x; create table b as select * from a")
    lived_in.environment("staging", database_url, "parallel: 2\nmaintenance_work_mem: 64MB\n")
    lived_in.migration("002_indexes", INDEXES)
    return lived_in


def test_the_plan_says_what_the_builds_need_and_its_fingerprint_holds_it(two_tables: House, database_url: str) -> None:
    """Seen to fail with `parallel` left out of the fingerprint."""
    needs = "up to 2 index builds at the same time, which need 3 more connections and 2 times maintenance_work_mem"
    assert f"{needs} of 64MB" in two_tables.plan().words
    plan = two_tables.plan("--format", "json").json
    assert plan["parallel"] == {"builds": 2, "connections": 3, "maintenance_work_mem": "64MB"}
    two_tables.environment("staging", database_url)
    alone = two_tables.plan("--format", "json").json
    assert alone["parallel"] is None
    assert alone["fingerprint"] != plan["fingerprint"]


@pytest.mark.slow
def test_killed_while_both_build_the_next_run_drops_both_and_builds_them_again(
    two_tables: House, database_url: str
) -> None:
    with transaction(database_url, WRITES):
        running = two_tables.start("apply", "--env", "staging")
        until(lambda: len(fetch(database_url, BUILDING)) == 2)
        running.kill()
        running.ended()
        until(lambda: not ours(database_url))
    assert fetch(database_url, INVALID) == [("a_x",), ("b_x",)]
    done = two_tables.applied()
    assert "index public.a_x, which an interrupted statement left INVALID, was dropped" in done.err
    assert "index public.b_x, which an interrupted statement left INVALID, was dropped" in done.err
    assert "statements 1, 2: 2 at the same time" in done.err
    free = "not checked: whether the server has 128 MB of free memory for 2 index builds at the same time"
    assert free in done.words
    assert fetch(database_url, INVALID) == []
    assert marks(database_url)[1:] == ["002_indexes started", "002_indexes started", "002_indexes applied"]
    rows = [f"{position} {mark}" for position, mark in fetch(database_url, PROGRESS)]
    assert sorted(rows) == sorted([f"{n} {mark}" for n in (1, 2) for mark in ("begun", "healed", "begun", "done")])


@pytest.mark.slow
def test_preflight_refuses_a_run_for_which_the_role_has_too_few_connections(
    two_tables: House, database_url: str
) -> None:
    role = f"few_{secrets.token_hex(4)}"
    run(
        database_url,
        f"create role {role} login connection limit 4; grant all on schema public, ctgitops to {role}; "
        f"grant all on all tables in schema public, ctgitops to {role}; "
        f"grant all on all sequences in schema ctgitops to {role}; "
        f"grant all on all functions in schema ctgitops to {role}",
    )
    two_tables.environment(
        "staging", as_role(database_url, role), "parallel: 2\npreflight: {limits: {connections: 1}}\n"
    )
    refused = two_tables.apply()
    assert refused.status == 5, refused.said
    wanted = "connections: 2 free, but 3 required for 2 index builds at the same time (`parallel` in the manifest)"
    assert wanted in refused.words
    assert marks(database_url) == ["001_one applied"]


@pytest.mark.slow
def test_ctrl_c_ends_both_builds_and_the_run(two_tables: House, database_url: str) -> None:
    with transaction(database_url, WRITES):
        running = two_tables.start("apply", "--env", "staging")
        until(lambda: len(fetch(database_url, BUILDING)) == 2)
        running.ctrl_c()
        ended = running.ended()
        assert not fetch(database_url, BUILDING)
    assert ended.status == 6
    assert "the run was asked to stop" in ended.words
    two_tables.applied()
    assert fetch(database_url, INVALID) == []
