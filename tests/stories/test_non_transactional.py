"""Statements that PostgreSQL refuses in a transaction: recorded ahead, run one by one, and resumed."""

from __future__ import annotations

import time

import pytest

from tests.servers import fetch, run
from tests.stories.house import House, has, marks, runs, transaction, until

INDEX = "create index concurrently one_by_id on one (id);"
VALID = "select indisvalid from pg_index where indexrelid = to_regclass('one_by_id')"


@pytest.mark.parametrize(
    "sql",
    [
        INDEX,
        pytest.param(
            f"set statement_timeout = 0;\n{INDEX}\ncomment on index one_by_id is 'x; y';", marks=pytest.mark.slow
        ),
        pytest.param(f"vacuum one;\n{INDEX}", marks=pytest.mark.slow),
        pytest.param(
            f"-- ctgitops: no transaction\ncreate table two ();\n{INDEX}\nreindex index concurrently one_by_id;",
            marks=pytest.mark.slow,
        ),
        pytest.param(f"do $$ begin perform 1; end $$;\n{INDEX}\nanalyze one;", marks=pytest.mark.slow),
    ],
    ids=["alone", "mixed", "vacuum", "comment", "do"],
)
def test_it_is_written_ahead_and_then_applied(lived_in: House, database_url: str, sql: str) -> None:
    lived_in.migration(
        "002_index", sql, verify="select indisvalid from pg_index where indexrelid = 'one_by_id'::regclass;"
    )
    plan = lived_in.plan("--format", "json").json
    assert plan["steps"][0]["transactional"] is False
    done = lived_in.applied()
    assert "outside a transaction" in done.err
    assert fetch(database_url, VALID) == [(True,)]
    assert marks(database_url) == ["001_one applied", "002_index started", "002_index applied"]
    assert lived_in.apply().out.startswith("staging: up to date")


@pytest.mark.slow
def test_a_comment_runs_anything_outside_a_transaction(lived_in: House, database_url: str) -> None:
    """A procedure that commits: no parser can know, so the file says it."""
    lived_in.migration(
        "002_procedure",
        "create procedure work() language plpgsql as $$ begin insert into one values (2); commit; end $$;",
    )
    lived_in.migration("003_call", "call work();")
    done = lived_in.apply()
    assert done.status == 6
    assert "SQLSTATE 2D000" in done.words
    assert "003_call left no trace" in done.words
    assert "-- ctgitops: no transaction" in done.words
    lived_in.migration("003_call", "-- ctgitops: no transaction\ncall work();")
    lived_in.applied()
    assert fetch(database_url, "select count(*) from one") == [(2,)]


def failed(house: House, url: str) -> None:
    """An index that cannot be unique, so PostgreSQL leaves an invalid one; the ledger says started and failed."""
    run(url, "alter table one drop constraint one_pkey; insert into one values (1)")
    house.migration("002_index", "create table two ();\n\ncreate unique index concurrently one_by_id on one (id);")
    done = house.apply()
    assert done.status == 6, done.said
    assert "SQLSTATE 23505" in done.words or "could not create unique index" in done.words
    assert "migrations/002_index.sql:3:1" in done.words
    assert "1 of 2 statements is done; the next run continues with statement 2" in done.words
    assert marks(url) == ["001_one applied", "002_index started", "002_index failed"]
    assert fetch(url, VALID) == [(False,)]


@pytest.mark.slow
def test_p11_one_that_fails_is_gone_on_with_and_what_is_done_is_not_done_again(
    lived_in: House, database_url: str
) -> None:
    failed(lived_in, database_url)
    lived_in.migration("003_three", "create table three ();")
    plan = lived_in.plan()
    assert plan.status == 3, plan.said
    assert "error[violating-rows]" in plan.out
    assert "warning[unfinished]" in plan.out
    assert "could not create unique index" in plan.words
    assert "NO TRANSACTION, resumes at statement 2 of 2" in plan.words
    assert [step["resumes_at"] for step in lived_in.plan("--format", "json").json["steps"]] == [2, None]
    assert lived_in.run("status").status == 1
    run(database_url, "delete from one")
    done = lived_in.applied()
    assert "resumes at statement 2 of 2" in done.err
    assert "index public.one_by_id, which an interrupted statement left INVALID, was dropped" in done.err
    assert fetch(database_url, VALID) == [(True,)]
    assert marks(database_url)[3:] == ["002_index started", "002_index applied", "003_three applied"]
    assert lived_in.apply().out.startswith("staging: up to date")


@pytest.mark.slow
def test_one_that_was_told_not_to_be_there_runs_from_its_first_statement(lived_in: House, database_url: str) -> None:
    failed(lived_in, database_url)
    run(database_url, "drop index one_by_id; drop table two; delete from one")
    repair = lived_in.run("repair", "002", "--env", "staging", "--not-applied", "--reason", "dropped what was there")
    assert repair.status == 0, repair.said
    assert [step["resumes_at"] for step in lived_in.plan("--format", "json").json["steps"]] == [None]
    lived_in.applied()
    assert fetch(database_url, VALID) == [(True,)]
    assert has(database_url, "two")
    assert marks(database_url)[3:] == ["002_index repaired", "002_index started", "002_index applied"]


@pytest.mark.slow
def test_one_that_was_finished_by_hand_is_told_to_be_applied(lived_in: House, database_url: str) -> None:
    failed(lived_in, database_url)
    run(database_url, "drop index one_by_id")
    run(database_url, "delete from one")
    run(database_url, "create unique index concurrently one_by_id on one (id)")
    repair = lived_in.run("repair", "002", "--env", "staging", "--applied", "--reason", "finished by hand")
    assert repair.status == 0, repair.said
    assert lived_in.apply().out.startswith("staging: up to date")
    assert marks(database_url)[-1] == "002_index repaired"


@pytest.mark.slow
def test_a_repair_wants_a_reason_and_something_to_repair(lived_in: House, database_url: str) -> None:
    for arguments, words in (
        (("001", "--not-applied"), "a repair needs a reason"),
        (("001", "--reason", "x"), "--applied"),
        (("001", "--applied", "--reason", "x"), "is already recorded in the ledger with the text of its file"),
        (("007", "--applied", "--reason", "x"), "neither applied nor unfinished"),
    ):
        done = lived_in.run("repair", *arguments, "--env", "staging")
        assert done.status == 2, done.said
        assert words in done.words
    assert marks(database_url) == ["001_one applied"]


@pytest.mark.slow
def test_a_verify_query_that_is_false_leaves_it_unfinished_and_is_asked_again(
    lived_in: House, database_url: str
) -> None:
    lived_in.migration("002_index", INDEX, verify="select count(*) = 2 from one;")
    done = lived_in.apply()
    assert done.status == 6, done.said
    assert "a verify query returned f instead of true" in done.words
    assert marks(database_url) == ["001_one applied", "002_index started", "002_index failed"]
    before = fetch(database_url, "select 'one_by_id'::regclass::oid")
    assert lived_in.apply().status == 6
    run(database_url, "insert into one values (2)")
    lived_in.applied()
    assert fetch(database_url, "select 'one_by_id'::regclass::oid") == before


@pytest.mark.slow
def test_p23_a_role_and_a_path_it_leaves_behind_reach_neither_ledger_nor_the_next(
    lived_in: House, database_url: str
) -> None:
    run(database_url, "do $$ begin create role weak; exception when duplicate_object then null; end $$")
    run(database_url, "grant all on schema public to weak")
    lived_in.migration("002_index", f"{INDEX}\nset search_path = '';\nset role weak;\nset my.x = 'y';")
    lived_in.migration("003_three", "create table three ();")
    lived_in.applied()
    assert marks(database_url)[1:] == ["002_index started", "002_index applied", "003_three applied"]
    assert fetch(database_url, "select tableowner from pg_tables where tablename = 'three'") == [("postgres",)]
    assert has(database_url, "public.three")


@pytest.mark.slow
def test_it_waits_longer_than_the_lock_timeout_for_old_transactions(lived_in: House, database_url: str) -> None:
    """lock_timeout would cut CREATE INDEX CONCURRENTLY short and leave an invalid index (P9)."""
    lived_in.environment("staging", database_url, "timeouts: {lock: 50ms, retry_for: 1s}\n")
    lived_in.migration("002_index", INDEX)
    with transaction(database_url, "insert into one values (7)"):
        running = lived_in.start("apply", "--env", "staging")
        until(lambda: runs(database_url, "concurrently"))
        time.sleep(0.5)
    done = running.ended()
    assert done.status == 0, done.said
    assert fetch(database_url, VALID) == [(True,)]


WAITED = """select from pg_stat_activity where datname = current_database() and state = 'active'
    and application_name like 'ctgitops/%' and query like 'create index concurrently%'
    and clock_timestamp() - query_start > interval '600 ms'"""
"""Three times as long as the time limit for locks."""


@pytest.mark.parametrize(
    "before",
    [
        "-- whatever lock_timeout and statement_timeout say",
        pytest.param("set local lock_timeout = '1ms';", marks=pytest.mark.slow),
        pytest.param("set lock_timeout = '1ms';\nreset all;", marks=pytest.mark.slow),
        pytest.param("alter role current_user set lock_timeout = '1ms';", marks=pytest.mark.slow),
        pytest.param("comment on table one is 'lock_timeout';", marks=pytest.mark.slow),
    ],
    ids=["comment", "local", "reset", "role", "string"],
)
@pytest.mark.slow
def test_concurrently_waits_without_a_limit_whatever_the_text_says(
    lived_in: House, database_url: str, before: str
) -> None:
    lived_in.environment("staging", database_url, "timeouts: {lock: 200ms, retry_for: 1s}\n")
    lived_in.migration("002_index", f"{before}\n{INDEX}")
    with transaction(database_url, "insert into one values (2)"):
        running = lived_in.start("apply", "--env", "staging")
        until(lambda: fetch(database_url, WAITED))
    assert running.ended().status == 0
    assert fetch(database_url, VALID) == [(True,)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting",
    [
        "SET /* the */ LOCK_TIMEOUT TO '50ms'",
        "select set_config('lock_timeout', '50ms', false)",
        "do $$ begin perform set_config('lock_timeout', '50ms', false); end $$",
    ],
)
def test_a_limit_that_the_file_sets_for_its_session_holds(lived_in: House, database_url: str, setting: str) -> None:
    """It cuts the build off. What that left INVALID is dropped once the other transaction has ended."""
    lived_in.environment("staging", database_url, "timeouts: {lock: 200ms, retry_for: 60s}\n")
    lived_in.migration("002_index", f"-- ctgitops: no transaction\n{setting};\n{INDEX}")
    with transaction(database_url, "insert into one values (2)"):
        running = lived_in.start("apply", "--env", "staging")
        running.says("lock timeout (attempt 1)")
        assert fetch(database_url, VALID) != [(True,)]
    assert running.ended().status == 0
    assert fetch(database_url, VALID) == [(True,)]


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["set search_path = other", "select set_config('search_path', 'other', false)"])
def test_settings_of_statements_that_are_done_are_made_again(lived_in: House, database_url: str, setting: str) -> None:
    run(database_url, "create schema other")
    lived_in.migration("002_index", f"-- ctgitops: no transaction\n{setting};\ncreate table two (a int);\nselect 1/0;")
    assert lived_in.apply().status == 6
    lived_in.migration(
        "002_index", f"-- ctgitops: no transaction\n{setting};\ncreate table two (a int);\ncreate table three ();"
    )
    lived_in.applied()
    assert has(database_url, "other.three")
