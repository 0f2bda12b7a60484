"""A run interrupted anywhere is resumed by the next one: each statement runs once, and nothing is left over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.servers import fetch, run
from tests.stories.house import House, Running, facts, has, marks, runs, transaction, until

INDEX = "create index concurrently one_by_id on one (id);"
INVALID = "select indexrelid::regclass::text from pg_index where not (indisvalid and indisready) and indislive"
OID = "select coalesce(to_regclass('one_by_id')::oid, 0)"
WAITING = """select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
    and application_name ~ '^ctgitops/(apply|[0-9]+)$'"""
APPLYING = "select from pg_stat_activity where application_name ~ '^ctgitops/(apply|[0-9]+)$'"


def progress(url: str) -> list[str]:
    """The rows of progress, oldest first, as `2 done`."""
    rows = fetch(url, "select position, mark from ctgitops.progress order by id")
    return [f"{position} {mark}" for position, mark in rows]


@contextmanager
def stuck(house: House, url: str, word: str) -> Iterator[Running]:
    """An apply whose statement with `word` waits, for as long as the block, for somebody's open transaction."""
    with transaction(url, "insert into one values (7)"):
        running = house.start("apply", "--env", "staging")
        until(lambda: runs(url, word) and fetch(url, WAITING))  # the entry has the word in its SQL too
        yield running


def nobody_works(url: str) -> bool:
    return not fetch(url, "select from pg_stat_activity where application_name like 'ctgitops/%' and state = 'active'")


# Killed ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("killed_after", range(5))
def test_p14_killed_around_any_statement_each_is_done_exactly_once(
    lived_in: House, database_url: str, killed_after: int
) -> None:
    """Seen to fail with the row of progress in a transaction of its own behind the statement's."""
    run(database_url, "create table log (n int)")
    steps = [f"insert into log select {n} from pg_sleep(0.2);" for n in range(1, 6)]
    lived_in.migration("002_log", "\n".join(["-- ctgitops: no transaction", *steps]))
    running = lived_in.start("apply", "--env", "staging")
    until(lambda: marks(database_url)[-1] == "002_log started")
    until(lambda: fetch(database_url, "select count(*) from log")[0][0] == killed_after)
    running.kill()
    assert running.ended().status != 0
    until(lambda: nobody_works(database_url))
    at = len(fetch(database_url, "select from log")) + 1
    assert lived_in.plan("--format", "json").json["steps"][0]["resumes_at"] in ({None, 1} if at == 1 else {at})
    lived_in.applied()
    assert fetch(database_url, "select n from log order by n") == [(n,) for n in range(1, 6)]
    assert progress(database_url) == [f"{n} done" for n in range(1, 6)]


@pytest.mark.slow
def test_p09_an_index_whose_building_was_killed_is_dropped_and_built_again(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_index", INDEX)
    with stuck(lived_in, database_url, "concurrently") as running:
        running.kill()
        running.ended()
        until(lambda: nobody_works(database_url))
    assert fetch(database_url, INVALID) == [("one_by_id",)]
    before = fetch(database_url, OID)
    done = lived_in.applied()
    assert "index public.one_by_id, which an interrupted statement left INVALID, was dropped" in done.err
    assert fetch(database_url, INVALID) == []
    assert fetch(database_url, OID) not in (before, [(0,)])
    assert marks(database_url)[1:] == ["002_index started", "002_index started", "002_index applied"]
    assert progress(database_url) == ["1 begun", "1 healed", "1 begun", "1 done"]
    assert "INVALID, was dropped" in str(
        fetch(database_url, "select note from ctgitops.progress where mark = 'healed'")
    )


@pytest.mark.slow
def test_p05_what_a_dead_run_left_at_work_is_waited_for_and_its_index_is_kept(
    lived_in: House, database_url: str
) -> None:
    """The server goes on building for two seconds at most; here it is done before it notices that we are gone."""
    lived_in.migration("002_index", INDEX)
    with stuck(lived_in, database_url, "concurrently") as running:
        running.kill()
        running.ended()
        second = lived_in.start("apply", "--env", "staging")
        until(lambda: len(fetch(database_url, "select from ctgitops.ledger where mark = 'started'")) == 2)
    done = second.ended()
    assert done.status == 0, done.said
    assert fetch(database_url, INVALID) == []
    assert marks(database_url)[-1] == "002_index applied"


# Corrected, edited --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_p14_the_statement_that_failed_may_be_corrected(lived_in: House, database_url: str) -> None:
    first = "-- ctgitops: no transaction\ncreate table two (n int);\ninsert into two values (1);\n"
    lived_in.migration("002_two", first + "insert into two values (2 / 0);\ninsert into two values (3);")
    assert lived_in.apply().status == 6
    lived_in.migration("002_two", first + "-- corrected\ninsert into two values (2);\ninsert into two values (3);")
    lived_in.applied()
    assert fetch(database_url, "select n from two order by n") == [(1,), (2,), (3,)]


@pytest.mark.slow
def test_p14_what_is_done_and_was_changed_in_the_file_is_refused(lived_in: House, database_url: str) -> None:
    """Seen to fail with the comparison of hashes left out: it went on behind the changed statement."""
    head = "-- ctgitops: no transaction\n"
    lived_in.migration("002_two", f"{head}create table two (n int);\ninsert into two values (1);\nselect 1 / 0;")
    assert lived_in.apply().status == 6
    lived_in.migration("002_two", f"{head}create table two (n int);\ninsert into two values (9);\nselect 1;")
    before = facts(database_url), marks(database_url)
    for done in (lived_in.plan(), lived_in.apply()):
        assert done.status == 4, done.said
        assert (
            "error[unfinished]: statement 2 of 002_two is done, but the file now has a different statement there"
            in done.out
        )
        assert "migrations/002_two.sql:3:1" in done.out
        assert "-insert into two values (1);" in done.out
        assert "ctgitops repair 002 --env staging --not-applied" in done.words
    assert (facts(database_url), marks(database_url)) == before
    lived_in.migration("002_two", f"{head}create table two (n int);\ninsert into two values (1);\nselect 1;")
    lived_in.applied()
    assert fetch(database_url, "select n from two") == [(1,)]


@pytest.mark.slow
def test_p09_a_corrected_index_takes_the_invalid_one_of_the_failed_attempt_away(
    lived_in: House, database_url: str
) -> None:
    run(database_url, "alter table one drop constraint one_pkey; insert into one values (1)")
    lived_in.migration("002_index", "create unique index concurrently one_by_id on one (id);")
    assert lived_in.apply().status == 6
    assert fetch(database_url, INVALID) == [("one_by_id",)]
    lived_in.migration("002_index", "create index concurrently one_id on one (id);")
    lived_in.applied()
    assert not has(database_url, "one_by_id")
    assert has(database_url, "one_id")


@pytest.mark.slow
def test_settings_of_the_statements_that_are_done_are_made_again(lived_in: House, database_url: str) -> None:
    head = "-- ctgitops: no transaction\nset search_path = other;\ncreate table two (n int);\n"
    run(database_url, "create schema other")
    lived_in.migration("002_two", f"{head}select 1 / 0;")
    assert lived_in.apply().status == 6
    lived_in.migration("002_two", f"{head}create table three (n int);")
    lived_in.applied()
    assert has(database_url, "other.three")


# Somebody else's ----------------------------------------------------------------------------------------------------


def failed_by_hand(url: str, sql: str) -> None:
    """What somebody's attempt by hand leaves: an INVALID index."""
    run(url, "alter table one drop constraint one_pkey; insert into one values (1)")
    with pytest.raises(Exception, match="could not create unique index"):
        run(url, sql)
    run(url, "delete from one")
    assert fetch(url, INVALID) == [("one_by_id",)]


@pytest.mark.slow
def test_p09_if_not_exists_over_an_invalid_index_is_not_success(lived_in: House, database_url: str) -> None:
    """The very index that the file wants: it is built anew."""
    sql = "create unique index concurrently if not exists one_by_id on one (id);"
    failed_by_hand(database_url, sql)
    lived_in.migration("002_index", sql)
    assert "was dropped" in lived_in.applied().err
    assert fetch(database_url, INVALID) == []
    assert has(database_url, "one_by_id")


@pytest.mark.slow
def test_p09_an_invalid_index_that_is_not_ours_is_left_alone(lived_in: House, database_url: str) -> None:
    """Seen to fail with the comparison of definitions left out: it was dropped."""
    failed_by_hand(database_url, "create unique index concurrently one_by_id on one (id)")
    before = fetch(database_url, OID)
    lived_in.migration("002_index", "create index concurrently if not exists one_by_id on one (id desc);")
    done = lived_in.apply()
    assert done.status == 6, done.said
    assert (
        "index public.one_by_id already exists, is INVALID, and is not the index that this statement creates"
        in done.words
    )
    assert "drop index concurrently public.one_by_id" in done.words
    assert fetch(database_url, OID) == before
    run(database_url, "drop index one_by_id")
    lived_in.applied()
    assert fetch(database_url, INVALID) == []


@pytest.mark.slow
def test_p09_an_invalid_index_of_that_name_on_another_table_or_in_another_schema_is_left_alone(
    lived_in: House, database_url: str
) -> None:
    run(database_url, "create schema other; create table other.two (id int); create table three (id int)")
    run(database_url, "create index one_by_id on other.two (id); create index three_by_id on three (id)")
    run(database_url, "update pg_index set indisvalid = false where indexrelid::regclass::text like '%_by_id'")
    lived_in.migration(
        "002_index", f"set search_path = other, public;\n{INDEX}\ncreate index concurrently three_by_id on one (id);"
    )
    done = lived_in.apply()
    assert done.status == 6, done.said
    assert (
        "index public.three_by_id already exists, is INVALID, and is not the index that this statement creates"
        in done.words
    )
    assert fetch(database_url, "select indisvalid from pg_index where indexrelid = 'public.one_by_id'::regclass") == [
        (True,)
    ]
    assert len(fetch(database_url, INVALID)) == 2


@pytest.mark.slow
def test_p09_a_valid_index_of_that_name_from_before_is_the_servers_to_refuse(
    lived_in: House, database_url: str
) -> None:
    """It was there before we began, so its being there is no sign that we are done; not on the second run either."""
    run(database_url, "create index one_by_id on one (id)")
    lived_in.migration("002_index", INDEX)
    for _ in range(2):
        done = lived_in.apply()
        assert done.status == 6, done.said
        assert "already exists (SQLSTATE 42P07)" in done.words
    assert marks(database_url)[-1] == "002_index failed"


# What only a person knows -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_procedure_that_commits_and_was_cut_short_is_asked_about(lived_in: House, database_url: str) -> None:
    run(
        database_url,
        "create table log (n int); create procedure work(a int) language plpgsql as $$ begin insert into log "
        "values (1); commit; perform 1 / a; insert into log values (2); end $$",
    )
    lived_in.migration("002_call", "-- ctgitops: no transaction\ncreate table two ();\ncall work(0);")
    assert lived_in.apply().status == 6
    assert progress(database_url) == ["1 done", "2 begun"]
    done = lived_in.apply()
    assert done.status == 6
    assert (
        "an earlier run was interrupted in this statement, and how much of it is done cannot be determined"
        in done.words
    )
    assert 'ctgitops repair 002 --env staging --reason "…" --statement 2 --applied' in done.words
    assert fetch(database_url, "select n from log") == [(1,)]
    lived_in.migration("002_call", "-- ctgitops: no transaction\ncreate table two ();\ncall work(1);")
    lived_in.applied()
    assert fetch(database_url, "select n from log order by 1") == [(1,), (1,), (2,)]


@pytest.mark.slow
@pytest.mark.parametrize(("fact", "log"), [("--applied", [(1,), (9,)]), ("--not-applied", [(1,), (1,), (2,), (9,)])])
def test_p14_of_one_statement_a_person_says_whether_it_is_done(
    lived_in: House, database_url: str, fact: str, log: list[tuple[int]]
) -> None:
    """Seen to fail where `undone` is passed over: it asked again."""
    run(
        database_url,
        "create table log (n int); create table fails (n int); insert into fails values (0); create procedure work() "
        "language plpgsql as $$ begin insert into log values (1); commit; perform 1 / n from fails; "
        "insert into log values (2); end $$",
    )
    text = "-- ctgitops: no transaction\ncreate table two ();\ncall work();\ninsert into log values (9);"
    lived_in.migration("002_call", text)
    assert lived_in.apply().status == 6
    assert "how much of it is done cannot be determined" in lived_in.apply().words
    run(database_url, "update fails set n = 1")
    ahead = lived_in.run("repair", "002", "--env", "staging", "--statement", "3", fact, "--reason", "looked")
    assert ahead.status == 2, ahead.said
    said = lived_in.run("repair", "002", "--env", "staging", "--statement", "2", fact, "--reason", "looked at log")
    assert said.status == 0, said.said
    assert "002_call, statement 2 recorded as" in said.words
    lived_in.applied()
    assert fetch(database_url, "select n from log order by n") == log
    assert marks(database_url)[-1] == "002_call applied"
    assert lived_in.run("verify").status == 0
    entry = "select actor is not null, error from ctgitops.ledger where mark = 'repaired'"
    assert fetch(database_url, entry) == [(True, f"{'not done' if 'not' in fact else 'done'}: looked at log")]


# A rollback ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_rollback_outside_a_transaction_is_gone_on_with_too(lived_in: House, database_url: str) -> None:
    down = "-- ctgitops: no transaction\ninsert into one values (5);\ndrop index concurrently one_by_id;"
    lived_in.migration("002_index", INDEX, down=down)
    lived_in.applied()
    with transaction(database_url, "insert into one values (7)"):
        running = lived_in.start("rollback", "--env", "staging", "--steps", "1")
        until(lambda: runs(database_url, "drop index concurrently"))
        running.kill()
        running.ended()
        until(lambda: nobody_works(database_url))
    blocked = lived_in.plan()
    assert blocked.status == 4
    assert "the rollback of 002_index was started" in blocked.words
    done = lived_in.run("rollback", "--env", "staging", "--steps", "1")
    assert done.status == 0, done.said
    assert not has(database_url, "one_by_id")
    assert fetch(database_url, "select count(*) from one where id = 5") == [(1,)]
    assert marks(database_url)[-1] == "002_index rolled-back"


# Told while it runs -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_how_far_an_index_is_built_is_told_while_it_is(lived_in: House, database_url: str) -> None:
    """Seen to fail with the second connection left out."""
    lived_in.migration("002_index", INDEX)
    with stuck(lived_in, database_url, "concurrently") as running:
        until(lambda: len(fetch(database_url, APPLYING)) == 2)
        running.says("002_index … waiting for writers before build")
    done = running.ended()
    assert done.status == 0, done.said


@pytest.mark.slow
def test_p09_building_an_index_takes_as_long_as_it_takes(lived_in: House, database_url: str) -> None:
    """Neither timeout cuts it short, for it makes nobody wait; one that the file sets does."""
    lived_in.environment("staging", database_url, "timeouts: {lock: 50ms, statement: 500ms}\n")
    lived_in.migration("002_index", INDEX)
    with stuck(lived_in, database_url, "concurrently") as running:
        time.sleep(1)
    assert running.ended().status == 0
    run(database_url, "drop index one_by_id")
    lived_in.migration("003_index", f"set statement_timeout = '100ms';\n{INDEX}")
    with transaction(database_url, "insert into one values (8)"):
        done = lived_in.apply()
    assert done.status == 6, done.said
    assert "statement timeout" in done.words
