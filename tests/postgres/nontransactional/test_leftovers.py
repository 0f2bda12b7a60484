"""What each statement outside a transaction leaves when its backend dies, and how the next run recovers."""

from __future__ import annotations

import threading

import pytest

from ctgitops.core.plan.plan import Direction, Step
from ctgitops.core.run.progress import IndexAdvanced, LeftoverHealed, Progress
from ctgitops.errors import ApplyError
from ctgitops.postgres.connection.connect import Connection
from ctgitops.postgres.nontransactional.index_progress import IndexWatch
from ctgitops.sql.script import Script
from tests.fakes import migration
from tests.postgres.runs import ONE, WORKING, Runs, once, terminate
from tests.servers import fetch, run, session
from tests.stories.house import has, marks, transaction, until

LEFT = "select indexrelid::regclass::text from pg_index where not indisvalid order by 1"


@pytest.fixture
def runs(database_url: str) -> Runs:
    """Its first migration is applied, and has an index and a row."""
    made = Runs(database_url)
    made.apply(ONE)
    run(database_url, "create index one_by_id on one (id); insert into one values (1)")
    return made


def cut(runs: Runs, sql: str, holder: str = "insert into one values (7)") -> list[str]:
    """Applies `sql`, which waits for another transaction, and ends its backend; returns the INVALID indexes."""
    stuck = f"{WORKING} and wait_event_type = 'Lock'"
    # An attempt waits for a lock so briefly that it may be over before a second look
    ends = once(lambda: terminate(runs.url, stuck), lambda: None)
    with transaction(runs.url, holder), ends, pytest.raises(ApplyError):
        runs.apply(ONE, migration("002_work", sql=sql))
    assert marks(runs.url)[1:] == ["002_work started", "002_work failed"]
    return [str(name) for (name,) in fetch(runs.url, LEFT)]


def applied(runs: Runs, sql: str) -> list[str]:
    """Applies the same again; returns what was healed."""
    runs.apply(ONE, migration("002_work", sql=sql))
    assert marks(runs.url)[-1] == "002_work applied"
    return [each.what for each in runs.heard if isinstance(each, LeftoverHealed)]


def test_an_interrupted_reindex_is_cleaned_and_an_index_of_others_stays(runs: Runs) -> None:
    run(runs.url, "create index one_by_id_ccnew on one (id); create index other_ccnew on one (id)")
    mine = "('one_by_id_ccnew'::regclass, 'other_ccnew'::regclass)"
    run(runs.url, f"update pg_index set indisvalid = false where indexrelid in {mine}")
    sql = "reindex index concurrently one_by_id;"
    left = set(cut(runs, sql)) - {"one_by_id_ccnew", "other_ccnew"}
    assert len(left) == 1
    assert [f"index public.{left.pop()}" in each for each in applied(runs, sql)] == [True]
    assert fetch(runs.url, LEFT) == [("one_by_id_ccnew",), ("other_ccnew",)]


def test_an_interrupted_reindex_of_a_table_is_cleaned_also_of_its_toast(runs: Runs) -> None:
    run(runs.url, "create table wide (id int primary key, v text)")
    sql = "reindex table concurrently wide;"
    left = cut(runs, sql, "insert into wide values (2, 'y')")
    assert any(name.startswith("pg_toast.") for name in left)
    assert len(applied(runs, sql)) == len(left)
    assert fetch(runs.url, LEFT) == []


def test_an_interrupted_drop_of_an_index_is_run_again(runs: Runs) -> None:
    sql = "drop index concurrently one_by_id;"
    assert cut(runs, sql, "select from one") == ["one_by_id"]
    assert applied(runs, sql) == []
    assert not has(runs.url, "one_by_id")


def test_a_drop_that_the_server_finished_unseen_is_not_run_twice(runs: Runs) -> None:
    """Without IF EXISTS, twice is an error."""
    sql = "drop index concurrently one_by_id;"
    cut(runs, sql, "select from one")
    run(runs.url, "drop index one_by_id")
    assert applied(runs, sql) == []


def test_a_drop_of_an_index_that_was_made_again_is_a_question_for_a_person(runs: Runs) -> None:
    sql = "drop index concurrently one_by_id;"
    cut(runs, sql, "select from one")
    run(runs.url, "drop index one_by_id; create index one_by_id on one (id)")
    with pytest.raises(ApplyError, match="one_by_id") as asked:
        applied(runs, sql)
    assert "ctgitops repair 002 --env staging" in asked.value.hint
    assert has(runs.url, "one_by_id")


def test_an_interrupted_index_without_a_name_is_dropped_and_built_again(runs: Runs) -> None:
    sql = "create index concurrently on one (id);"
    assert cut(runs, sql) == ["one_id_idx"]
    assert ["public.one_id_idx" in each for each in applied(runs, sql)] == [True]
    names = "select indexrelid::regclass::text from pg_index where indrelid = 'one'::regclass order by 1"
    assert fetch(runs.url, names) == [("one_by_id",), ("one_id_idx",), ("one_pkey",)]


def test_an_interrupted_index_after_a_setting_is_found_on_the_search_path_of_the_file(runs: Runs) -> None:
    run(runs.url, "create schema other; create table other.two (id int)")
    sql = "set search_path = other;\ncreate index concurrently two_by_id on two (id);"
    assert cut(runs, sql, "insert into other.two values (7)") == ["other.two_by_id"]
    with runs.locked(ONE, migration("002_work", sql=sql)) as (held, plan):
        assert ["index other.two_by_id" in each for each in held.drop_invalid_indexes(plan)] == [True]
    assert applied(runs, sql)
    assert has(runs.url, "other.two_by_id")


def test_an_interrupted_vacuum_runs_again(runs: Runs) -> None:
    cut(runs, "vacuum full one;", "select from one")
    assert applied(runs, "vacuum full one;") == []


def test_the_progress_of_an_index_build_is_reported_once_for_each_phase(runs: Runs) -> None:
    heard: list[Progress] = []
    step = Step(Direction.APPLY, 2, "002_work", None, "", Script("", "migrations/002_work.sql"))
    waits = "select from pg_stat_activity where pid = {} and wait_event_type = 'Lock'"
    with session(runs.url) as builder:
        opened: list[Connection] = []

        def another() -> Connection:
            opened.append(session(runs.url))
            return opened[-1]

        watch = IndexWatch(another, builder.info.backend_pid, step, heard.append)
        watch()
        assert heard == []
        opened[0].close()  # a lost connection is replaced
        sql = b"create index concurrently another on one (id)"
        building = threading.Thread(target=builder.execute, args=(sql,))
        with transaction(runs.url, "insert into one values (7)"):
            building.start()
            until(lambda: fetch(runs.url, waits.format(builder.info.backend_pid)))
            watch()
            watch()
        building.join()
        watch.close()
    (advanced,) = heard
    assert isinstance(advanced, IndexAdvanced)
    assert (advanced.step, advanced.phase) == (step, "waiting for writers before build")
    assert (advanced.done, advanced.total) == (0, 1)
