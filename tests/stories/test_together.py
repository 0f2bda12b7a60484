"""`transaction: all` applies all pending migrations in one transaction: all of them or none."""

from __future__ import annotations

import contextlib
import random
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import base_for_servers, fetch, programs_for_tests, run
from tests.stories.house import INTERRUPTED, House, Running, facts, has, marks, runs, transaction, until
from tests.stories.test_sessions import HOSTILE, LEAVES_NOTHING, LEFT_BEHIND, TOLD

ALL = "transaction: all\n"
APPLY = ("apply", "--env", "staging")
KILLED = -9
STANDBY = {"wal_level": "replica", "max_wal_senders": "1", "synchronous_commit": "on"}
WORKS = "select from pg_stat_activity where application_name ~ '^ctgitops/[0-9]'"


@pytest.fixture
def together(lived_in: House, database_url: str) -> House:
    lived_in.environment("staging", database_url, ALL)
    lived_in.migration("002_two", "create table two (id int);", down="drop table two;")
    lived_in.migration("003_three", "create table three (id int);\ninsert into two values (1);")
    lived_in.migration("004_four", "alter table two add column word text default 'x';", verify="select true;")
    return lived_in


def test_all_of_it_is_one_transaction(together: House, database_url: str) -> None:
    together.write("seeds/staging/1.sql", "insert into three values (7);")
    done = together.applied()
    assert marks(database_url)[1:] == [
        "002_two applied",
        "003_three applied",
        "004_four applied",
        "seeds/staging/1.sql applied",
    ]
    assert fetch(database_url, "select count(distinct xmin::text) from ctgitops.ledger where id > 1") == [(1,)]
    assert "[2/4] 003_three … done in" in done.words
    assert "not committed yet" in done.words
    assert "[3/3] 004_four … applied in" in done.words
    assert "3 migrations and 1 seed file applied" in done.words
    assert "up to date" in together.applied().out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("last", "said"),
    [
        ("create table four ();\nselect 1 / 0;", "division by zero"),
        (
            "create table four (id int primary key deferrable initially deferred);\ninsert into four values (1), (1);",
            "duplicate key",
        ),
    ],
    ids=["an error", "a deferred check"],
)
def test_the_one_that_fails_is_named_and_none_leaves_a_trace(
    together: House, database_url: str, last: str, said: str
) -> None:
    """Seen to fail without SETTLE: the deferred check then failed at the commit, and 005 was named for it."""
    together.migration("004_four", last)
    together.migration("005_five", "create table five ();")
    before = facts(database_url)
    failed = together.apply()
    assert failed.status == 6, failed.said
    assert "004_four: " in failed.err
    assert said in failed.err
    assert "migrations/004_four.sql" in failed.err
    assert "state: in staging, the 4 files of this plan shared a transaction, which was rolled back" in failed.err
    assert facts(database_url) == before
    assert marks(database_url) == ["001_one applied", "004_four failed"]
    ((error,),) = fetch(database_url, "select error from ctgitops.ledger where mark = 'failed'")
    assert "shared a transaction, which was rolled back" in str(error)
    together.migration("004_four", "create table four ();")
    together.applied()


@pytest.mark.slow
def test_a_verify_query_that_is_not_true_undoes_all(together: House, database_url: str) -> None:
    together.migration("004_four", "create table four ();", verify="select count(*) = 2 from two;")
    before = facts(database_url)
    failed = together.apply()
    assert failed.status == 6, failed.said
    assert "a verify query returned f instead of true" in failed.words
    assert facts(database_url) == before


@pytest.mark.slow
def test_nothing_of_one_reaches_the_next(lived_in: House, database_url: str) -> None:
    """Each line of 002 is one that 003 would notice. Seen to fail with CLEAN taken out of SETTLE."""
    lived_in.environment("staging", database_url, ALL)
    run(
        database_url,
        """create schema app; create role together_other; grant together_other to current_user;
        create table parent (id int primary key);
        create table child (id int, constraint c foreign key (id) references parent deferrable initially deferred)""",
    )
    lived_in.migration(
        "002_leaks",
        """create temporary table leaked (id int) on commit drop;
        set search_path = app; set local lock_timeout = '1s'; set statement_timeout = '1min';
        set role together_other; reset role; set local role together_other; reset role;
        prepare leak as select 1; declare leak cursor for select 1; listen leak; select pg_advisory_lock(42);
        savepoint leak; insert into public.child values (1); insert into public.parent values (1);
        set session authorization together_other;""",
    )
    lived_in.migration(
        "003_clean",
        """insert into child values (2); insert into parent values (2);
        alter table child add column word text;
        create table seen as select current_setting('search_path') as path, current_setting('lock_timeout') as locks,
            current_setting('statement_timeout') as statements, current_user = session_user as itself,
            to_regclass('pg_temp.leaked') is null as temp, (select count(*) from pg_prepared_statements) as prepared,
            (select count(*) from pg_cursors where name = 'leak') as cursors,
            (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as advisory;""",
    )
    failed = lived_in.apply()
    assert failed.status == 6, "a deferred event of its own must keep 003 from altering that table"
    assert "pending trigger events" in failed.words
    lived_in.migration("003_clean", (lived_in.root / "migrations/003_clean.sql").read_text().split(";", 2)[2])
    done = lived_in.apply()
    assert done.status == 0, done.said
    assert fetch(database_url, "select * from seen") == [('"$user", public', "200ms", "15min", True, True, 0, 0, 0)]


@pytest.mark.slow
def test_p24_what_one_left_is_told_under_its_own_name(lived_in: House, database_url: str) -> None:
    """Seen to fail without the question for all, and without the file's own words for what a commit ends anyway."""
    role = f"left_{secrets.token_hex(4)}"
    run(database_url, f"create role {role}")
    lived_in.environment("staging", database_url, ALL)
    lived_in.policy("header: optional\nnumbering: increasing\n")
    wanted = {"200_hostile": "setting search_path, statement_timeout"}
    lived_in.migration("200_hostile", HOSTILE)
    for number, kind in enumerate(LEFT_BEHIND, start=100):
        lived_in.migration(f"{number}_x", LEFT_BEHIND[kind][0].format(role=role))
        if kind in TOLD:
            wanted[f"{number}_x"] = TOLD[kind].format(role=role)
    for number, clean in enumerate(LEAVES_NOTHING, start=150):
        lived_in.migration(f"{number}_clean", clean.format(role=role) + ";")
    wanted["160_both"] = "setting work_mem"
    lived_in.migration(
        "160_both", "set local work_mem = '1MB'; set work_mem = '2MB'; select record_migration('160_both.sql');"
    )
    done = lived_in.applied("--format", "json").json
    assert {left["migration"]: left["what"] for left in done["left"]} == wanted


@pytest.mark.slow
def test_a_savepoint_of_one_is_not_the_next_ones(lived_in: House, database_url: str) -> None:
    """Seen to fail without the savepoint around a file: 002 was gone, with its entry, and 003 was applied."""
    lived_in.environment("staging", database_url, ALL)
    lived_in.migration("002_two", "savepoint kept;\ncreate table two ();")
    lived_in.migration("003_three", "rollback to kept;\ncreate table three ();")
    before = facts(database_url)
    failed = lived_in.apply()
    assert failed.status == 6, failed.said
    assert facts(database_url) == before


@pytest.mark.slow
def test_what_cannot_share_a_transaction_blocks_the_plan(together: House, database_url: str) -> None:
    together.migration("005_index", "-- faster\ncreate index concurrently i on one (id);")
    together.migration("006_alone", "-- ctgitops: no transaction\ncreate table six ();")
    together.migration("007_type", "create type mood as enum ('sad');")
    together.migration("008_value", "alter type mood add value 'glad';")
    together.migration("009_uses", "create table nine (m mood default 'glad');")
    together.migration("010_level", "set transaction isolation level serializable;")
    blocked = together.apply()
    assert blocked.status == 3, blocked.said
    assert blocked.out.count("error[not-together]") == 3
    assert "--> migrations/005_index.sql:2:1" in blocked.out
    assert "--> migrations/006_alone.sql:1:1" in blocked.out
    assert "set `transaction: each` in environments/staging.yaml while 005_index is pending" in blocked.out
    assert "error[enum-value]" in blocked.out
    assert "--> migrations/009_uses.sql:1:1" in blocked.out
    assert "--> migrations/010_level.sql:1:1" in blocked.out
    together.environment("staging", database_url)
    together.applied()


@pytest.mark.slow
def test_what_was_approved_is_not_done_in_another_manner(together: House, database_url: str) -> None:
    """Seen to fail with the apply policy left out of the fingerprint."""
    approved = together.plan("--format", "json").json["fingerprint"]
    together.environment("staging", database_url)
    refused = together.apply("--fingerprint", approved)
    assert refused.status == 5, refused.said
    assert marks(database_url) == ["001_one applied"]


@pytest.mark.slow
def test_a_lock_that_is_not_free_holds_back_all_of_it(together: House, database_url: str) -> None:
    together.environment("staging", database_url, f"{ALL}timeouts: {{lock: 50ms, retry_for: 2s}}\n")
    together.migration("005_five", "do $$ begin execute 'alter table one add column more int'; end $$;")
    with transaction(database_url, "select from one"):
        failed = together.apply()
        assert failed.status == 6, failed.said
        assert "005_five" in failed.words
        assert "shared a transaction, which was rolled back" in failed.words
        assert not has(database_url, "two")
        running = together.start(*APPLY)
        until(lambda: runs(database_url, "more int") or marks(database_url)[-1] == "005_five failed")
    assert running.ended().status == 0
    assert marks(database_url)[-1] == "005_five applied"


@pytest.mark.slow
def test_it_does_not_queue_behind_who_is_at_a_table_of_any_of_them(together: House, database_url: str) -> None:
    together.environment("staging", database_url, f"{ALL}timeouts: {{retry_for: 1s}}\n")
    together.migration("005_five", "alter table one add column more int;")
    with transaction(database_url, "select from one"):
        time.sleep(0.2)
        failed = together.apply()
    assert failed.status == 6, failed.said
    assert "005_five: lock timeout on public.one" in failed.words
    assert "migrations/005_five.sql:1:1" in failed.words
    assert not has(database_url, "two")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment_it_is_all_or_nothing(together: House, database_url: str, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a moment, not a secret
    for number in range(5, 60):
        together.migration(f"{number:03}_t", f"create table t{number} (); insert into two values ({number});")
    running = together.start(*APPLY)
    until(lambda: runs(database_url, "create table") or running.process.poll() is not None)
    time.sleep(chance.uniform(0, 0.4))
    with contextlib.suppress(ProcessLookupError):
        chance.choice([Running.kill, Running.kill, Running.terminate])(running)
    assert running.ended(6).status in {0, 6, KILLED}
    until(lambda: not fetch(database_url, WORKS))
    applied = [mark for mark in marks(database_url) if mark.endswith(" applied")]
    assert len(applied) in {1, 59}
    assert has(database_url, "t59") is has(database_url, "two") is (len(applied) == 59)
    together.applied()
    assert fetch(database_url, "select count(*), count(distinct id) from two") == [(56, 56)]


@pytest.mark.slow
def test_killed_while_deferred_work_of_the_last_is_under_way(together: House, database_url: str) -> None:
    run(
        database_url,
        """create function slow() returns trigger language plpgsql as
           $$ begin if new.id = 5 then perform pg_sleep(60); end if; return null; end $$;
        create constraint trigger slow after insert on one deferrable initially deferred
           for each row execute function slow()""",
    )
    together.migration("005_five", "insert into one values (5);")
    before = facts(database_url)
    running = together.start(*APPLY)
    until(lambda: fetch(database_url, "select from pg_stat_activity where wait_event = 'PgSleep'"))
    running.kill()
    assert running.ended().status == KILLED
    until(lambda: not fetch(database_url, WORKS))
    assert facts(database_url) == before
    assert marks(database_url) == ["001_one applied"]


@pytest.mark.slow
@pytest.mark.parametrize("stop", [Running.kill, Running.terminate], ids=["kill -9", "SIGTERM"])
def test_stopped_when_the_commit_is_done_but_not_answered(tmp_path: Path, stop: Callable[[Running], None]) -> None:
    """A commit that waits for a standby is done here already."""
    with LocalServer(programs_for_tests(), settings=STANDBY, base=base_for_servers()) as server:
        url = server.create_database("app").url
        house = House(tmp_path)
        house.policy("header: optional\n")
        house.environment("staging", url, ALL)
        house.migration("001_one", "create table one ();")
        house.migration("002_two", "create table two ();\nselect pg_sleep(1);")
        running = house.start(*APPLY)
        until(lambda: runs(url, "pg_sleep"))
        run(url, "alter system set synchronous_standby_names = 'nobody'")
        run(url, "select pg_reload_conf()")
        until(lambda: fetch(url, "select from pg_stat_activity where wait_event = 'SyncRep'"))
        stop(running)
        assert running.ended(6).status in {0, 6, KILLED, INTERRUPTED}
        run(url, "alter system reset synchronous_standby_names")
        run(url, "select pg_reload_conf()")
        assert [mark for mark in marks(url) if mark.endswith(" applied")] == ["001_one applied", "002_two applied"]
        assert "up to date" in house.applied().out


@pytest.mark.slow
def test_asked_to_stop_none_leaves_a_trace(together: House, database_url: str) -> None:
    together.migration("005_five", "select pg_sleep(60);")
    before = facts(database_url)
    running = together.start(*APPLY)
    until(lambda: runs(database_url, "pg_sleep"))
    running.terminate()
    done = running.ended(5)
    assert done.status == 6, done.said
    assert "shared a transaction, which was rolled back" in done.words
    assert facts(database_url) == before
    assert marks(database_url) == ["001_one applied", "005_five interrupted"]


@pytest.mark.slow
def test_going_back_is_one_transaction_too(together: House, database_url: str) -> None:
    together.migration("003_three", "create table three (id int);", down="drop table three;")
    together.migration("004_four", "create table four ();", down="drop table four;\nselect 1 / 0;")
    together.applied()
    before = facts(database_url)
    failed = together.run("rollback", "--env", "staging", "--steps", "3")
    assert failed.status == 6, failed.said
    assert "shared a transaction, which was rolled back" in failed.words
    assert facts(database_url) == before
