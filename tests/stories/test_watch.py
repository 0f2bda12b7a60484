"""A run that works is seen from outside: its step, its progress, who is in the way, who waits, and that it ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.servers import fetch, run, session
from tests.stories.house import House, as_role, database_of, runs, until

pytestmark = pytest.mark.slow

WHO = {"GITHUB_ACTOR": "anna", "GITHUB_RUN_ID": "77", "GITHUB_SERVER_URL": "https://github.com"}
WHO |= {"GITHUB_REPOSITORY": "constructtrack/database"}
RUN = "https://github.com/constructtrack/database/actions/runs/77"
WATCH = ("watch", "--env", "staging")
GO = "do $$ begin while not exists (select from pg_class where relname = 'go') loop"
GO += " perform pg_sleep(0.02); end loop; end $$;"
PATIENT = "preflight: {long_transactions: ignore}\n"
"""On a slow machine, the run begins so late that preflight would wait for the other session first."""
SLOWLY = """
create table big (id int); insert into big select generate_series(1, 20000);
create function slowly(n int) returns int immutable language plpgsql as $$
begin if n %% 12 = 0 then perform pg_sleep(0.005); end if; return n; end $$;
""".replace("%%", "%")


def look(house: House, environ: dict[str, str] | None = None) -> Any:
    done = house.run(*WATCH, "--format", "json", environ=environ)
    assert done.status == 0, done.said
    return done.json["run"]


def seen(house: House, what: Callable[[Any], object], environ: dict[str, str] | None = None) -> Any:
    """The first look at the run for which `what` is true."""
    found: list[Any] = []

    def looked() -> bool:
        found[:] = [look(house, environ)]
        return bool(found[0] and what(found[0]))

    until(looked)
    return found[0]


def test_an_index_build_shows_its_progress_and_its_end(lived_in: House, database_url: str) -> None:
    run(database_url, SLOWLY)
    lived_in.migration("002_index", "create index concurrently big_slowly on big (slowly(id));")
    at_work = lived_in.start("apply", "--env", "staging", environ=WHO)
    now = seen(lived_in, lambda found: found["step"] and found["progress"] and found["progress"][0]["done"])
    assert (now["actor"], now["run_url"], now["not_visible"]) == ("anna", RUN, [])
    assert now["step"].startswith("002_index")
    assert len(now["plan"]) == 64
    (gauge,) = now["progress"]
    assert (gauge["command"], gauge["relation"], gauge["unit"]) == ("CREATE INDEX CONCURRENTLY", "public.big", "blocks")
    assert 0 < gauge["done"] <= gauge["total"]
    assert any("create index concurrently big_slowly" in str(each["statement"]) for each in now["sessions"])
    status = lived_in.run("status", "--env", "staging")
    assert f"staging: run by anna, {RUN}, plan {now['plan'][:12]}, for" in status.out
    assert "progress: CREATE INDEX CONCURRENTLY on public.big, building index" in status.out
    assert "started on" in status.out
    assert "a backend still runs it" in status.words
    assert "the next run continues" not in status.words

    followed = lived_in.start(*WATCH, "--format", "json", "--follow", "--every", "0.2")
    text = lived_in.start(*WATCH, "--every", "0.2")
    assert at_work.ended().status == 0
    documents = [json.loads(line) for line in followed.ended().out.splitlines()]
    assert [each["run"] is None for each in documents] == [False] * (len(documents) - 1) + [True]
    rates = [gauge["rate"] for each in documents[:-1] for gauge in each["run"]["progress"]]
    assert any(rates), "the rate comes from two looks"
    done = text.ended()
    assert done.status == 0
    assert done.out.startswith("staging: run by anna")
    assert "the run has ended; last entry of the ledger: " in done.out.splitlines()[-1]
    assert "002_index applied by anna" in done.out.splitlines()[-1]
    assert sum(line.startswith("staging: run by") for line in done.out.splitlines()) == 1, "then a line per change"


SORTS_SLOWLY = """
create table sorted (id int); insert into sorted select generate_series(1, 300);
create function slow_order(a int, b int) returns int immutable language plpgsql as $$
begin perform pg_sleep(0.002); return btint4cmp(a, b); end $$;
create operator class slow_ops for type int using btree as
    operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 slow_order(int, int);
insert into sorted select 300 - g from generate_series(1, 300) g;
"""


def test_a_phase_that_counts_nothing_has_no_percentage(lived_in: House, database_url: str) -> None:
    run(database_url, SORTS_SLOWLY)
    lived_in.migration("002_index", "create index concurrently sorted_id on sorted (id slow_ops);")
    at_work = lived_in.start("apply", "--env", "staging", environ=WHO)
    now = seen(lived_in, lambda found: any("sorting" in each["phase"] for each in found["progress"]))
    (gauge,) = now["progress"]
    assert (gauge["done"], gauge["total"]) == (0, None)
    ended = at_work.ended()
    assert ended.status == 0
    assert "sorting live tuples, 0 %" not in ended.err


def waits_for_a_lock(url: str) -> bool:
    """Whether a session waits for a lock. Much cheaper than a look by the command."""
    query = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    return bool(fetch(url, query))


def test_who_is_in_the_way_of_an_index_build(lived_in: House, database_url: str) -> None:
    lived_in.environment("staging", database_url, PATIENT)
    lived_in.migration("002_index", "create index concurrently one_id on one (id);")
    with session(database_url) as other:
        other.execute("begin; insert into one values (7)")
        at_work = lived_in.start("apply", "--env", "staging", environ=WHO)
        until(lambda: waits_for_a_lock(database_url))
        now = seen(lived_in, lambda found: found["in_the_way"])
        assert [each["state"] for each in now["in_the_way"]] == ["idle in transaction"]
        assert now["in_the_way"][0]["statement"] == "begin; insert into one values (?)", "without literals"
        assert now["sessions"][0]["waits_for"].startswith("Lock: ")
        said = lived_in.run("status", "--env", "staging").out
        assert "blocked by: backend " in said
        other.execute("commit")
    assert at_work.ended().status == 0


def test_who_waits_for_an_alter(lived_in: House, database_url: str) -> None:
    lived_in.environment("staging", database_url, PATIENT)
    lived_in.migration("002_alter", f"alter table one add two int;\n{GO}")
    at_work = lived_in.start("apply", "--env", "staging", environ=WHO)
    # The message with both statements begins before the ALTER has its lock
    locked = "select from pg_locks where relation = 'one'::regclass and mode = 'AccessExclusiveLock' and granted"
    until(lambda: fetch(database_url, locked))
    with session(database_url) as other:
        other.pgconn.send_query(b"select count(*) from one where id = 12345")
        until(lambda: waits_for_a_lock(database_url))
        now = seen(lived_in, lambda found: found["waiting"])
        assert now["waiting"][0]["statement"] == "select count(*) from one where id = ?"
        assert now["waiting"][0]["blocked_by"] == [now["sessions"][0]["pid"]]
        run(database_url, "create table go ()")
        assert at_work.ended().status == 0
        while other.pgconn.get_result():
            pass


def test_an_alter_that_does_not_queue_says_because_of_whom(lived_in: House, database_url: str) -> None:
    lived_in.environment("staging", database_url, PATIENT)
    lived_in.migration("002_alter", "alter table one add two int;")
    with session(database_url) as other:
        other.execute("begin; select from one")
        at_work = lived_in.start("apply", "--env", "staging", environ=WHO)
        now = seen(lived_in, lambda found: "before it requests a lock" in str(found["step"]))
        assert "idle in transaction" in now["step"]
        assert "AccessShareLock on public.one" in now["step"]
    assert at_work.ended().status == 0
    assert fetch(database_url, "select step from ctgitops.lease") == [("002_alter",)], "the wait has ended"


def test_a_role_without_statistics_sees_the_step_and_what_it_may_not_see(lived_in: House, database_url: str) -> None:
    role = f"watcher_{database_of(database_url)}"
    run(database_url, f"create role {role} login")
    run(
        database_url,
        f"grant usage on schema ctgitops to {role}; grant select on all tables in schema ctgitops to {role}",
    )
    run(database_url, SLOWLY)
    lived_in.migration("002_index", "create index concurrently big_slowly on big (slowly(id));")
    at_work = lived_in.start("apply", "--env", "staging", environ=WHO)
    until(lambda: runs(database_url, "big_slowly"))
    reader = {"STAGING_DATABASE_URL": as_role(database_url, role)}
    found = seen(lived_in, lambda found: found["step"], reader)
    assert (found["actor"], found["step"].partition(":")[0]) == ("anna", "002_index")
    assert any("pg_read_all_stats" in line for line in found["not_visible"])
    assert all(each["statement"] is None for each in found["sessions"])
    assert at_work.ended().status == 0


def test_no_run_is_said_and_is_no_error(house: House) -> None:
    assert house.run(*WATCH, "--format", "json").json == {
        "version": 1,
        "environment": "staging",
        "run": None,
        "measuring": None,
    }
    assert house.run(*WATCH).out == "staging: no run is active; last entry of the ledger: never\n"
    house.migration("001_one", "create table one (id int);")
    house.applied()
    done = house.run(*WATCH)
    assert (done.status, "001_one applied" in done.out) == (0, True)
    assert house.run(*WATCH, "--follow").status == 2
