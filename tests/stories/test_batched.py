"""A batched data migration changes each row once, whatever blocks it and however often it is interrupted."""

from __future__ import annotations

import time

import pytest

from tests.servers import fetch, run
from tests.stories.house import House, marks, ours, transaction, until

TABLE = "create table big (id int primary key, n int not null default 0, done boolean);"
ROWS = "insert into big (id) select generate_series(1, {}); analyze big;"
FILL = """with batch as (select id from big where done is null order by id limit $1 for update skip locked)
update big set n = n + 1, done = true from batch where big.id = batch.id;"""
TOUCHED = "select n, count(*) from big group by n order by n"


def batched(house: House, url: str, line: str, *, rows: int = 1000, sql: str = FILL, **more: str) -> None:
    run(url, TABLE + ROWS.format(rows))
    house.migration("002_fill", f"-- ctgitops: batch {line}\n{sql}", **more)


def rows_done(url: str) -> int:
    return int(str(fetch(url, "select coalesce(sum(rows), 0) from ctgitops.progress where kind = 'batch'")[0][0]))


@pytest.mark.slow
def test_every_row_is_touched_once_each_batch_with_its_row_of_progress(lived_in: House, database_url: str) -> None:
    batched(lived_in, database_url, "size=300 pause=0ms", verify="select count(*) = 0 from big where done is null;")
    plan = lived_in.plan()
    assert "IN BATCHES" in plan.out
    step = lived_in.plan("--format", "json").json["steps"][0]
    assert (step["transactional"], step["batched"]) == (False, True)
    done = lived_in.applied()
    assert "1,000 rows in 4 batches" in done.err
    assert fetch(database_url, TOUCHED) == [(1, 1000)]
    kept = "select kind, mark, rows from ctgitops.progress order by id"
    assert fetch(database_url, kept) == [("batch", "done", n) for n in (300, 300, 300, 100)]
    assert fetch(database_url, "select count(distinct xmin::text) from big") == [(4,)]
    assert marks(database_url)[1:] == ["002_fill started", "002_fill applied"]


@pytest.mark.slow
def test_p07_killed_again_and_again_every_row_is_still_touched_once(lived_in: House, database_url: str) -> None:
    """Seen to fail with the row of progress behind the commit: less was on record than was done."""
    batched(lived_in, database_url, "size=50 pause=20ms", rows=2000)
    for _ in range(3):
        before = rows_done(database_url) if len(marks(database_url)) > 1 else 0
        running = lived_in.start("apply", "--env", "staging")
        until(lambda: len(marks(database_url)) > 1 and rows_done(database_url) > before + 100)  # noqa: B023
        running.kill()
        running.ended()
        until(lambda: not ours(database_url))
        assert fetch(database_url, "select count(*) from big where done") == [(rows_done(database_url),)]
    assert "resumes after" in lived_in.plan().out
    assert "interrupted" in lived_in.run("status").out
    lived_in.applied()
    assert fetch(database_url, TOUCHED) == [(1, 2000)]
    assert rows_done(database_url) == 2000
    assert marks(database_url)[1:] == ["002_fill started"] * 4 + ["002_fill applied"]


@pytest.mark.slow
def test_work_that_outlives_the_run_is_deferred_and_nothing_after_it_is_applied_before(
    lived_in: House, database_url: str
) -> None:
    batched(lived_in, database_url, "size=10 pause=100ms for=1s", rows=400)
    lived_in.migration("003_three", "create table three ();")
    done = lived_in.apply()
    assert done.status == 5, done.said
    assert "error[wait]: 002_fill is deferred" in done.words
    assert "the rest of the plan waits" in done.words
    assert marks(database_url)[1:] == ["002_fill started", "002_fill deferred"]
    some = rows_done(database_url)
    assert 0 < some < 400
    assert f"unfinished: {some} rows since" in lived_in.run("status").out
    assert "deferred" in lived_in.run("status").out
    plan = lived_in.plan("--format", "json").json
    assert [step["name"] for step in plan["steps"]] == ["002_fill", "003_three"]
    assert not plan["blocked"]
    lived_in.migration("002_fill", f"-- ctgitops: batch size=100 pause=0ms\n{FILL}")
    lived_in.applied()
    assert fetch(database_url, TOUCHED) == [(1, 400)]
    assert marks(database_url)[-2:] == ["002_fill applied", "003_three applied"]


@pytest.mark.slow
def test_what_was_begun_comes_first_also_where_a_lower_number_came_later(lived_in: House, database_url: str) -> None:
    lived_in.policy("header: optional\nbands: {core: 1-9, later: 10-19}\n")
    run(database_url, TABLE + ROWS.format(50))
    lived_in.migration("010_fill", f"-- ctgitops: batch size=1 pause=50ms for=200ms\n{FILL}")
    assert lived_in.apply().status == 5
    lived_in.migration("002_two", "create table two ();")
    steps = lived_in.plan("--format", "json").json["steps"]
    assert [step["name"] for step in steps] == ["010_fill", "002_two"]


@pytest.mark.slow
def test_rows_that_somebody_holds_are_waited_for_and_not_forgotten(lived_in: House, database_url: str) -> None:
    """SKIP LOCKED leaves them out and then touches none. Seen to fail without the second look: it ended with 998."""
    batched(lived_in, database_url, "size=300 pause=0ms")
    with transaction(database_url, "select from big where id in (5, 700) for update"):
        running = lived_in.start("apply", "--env", "staging")
        until(lambda: fetch(database_url, "select count(*) from big where done") == [(998,)])
        running.says("paused: batch rolled back, retrying: ")
    done = running.ended()
    assert done.status == 0, done.said
    assert fetch(database_url, TOUCHED) == [(1, 1000)]


@pytest.mark.slow
def test_a_lock_that_is_not_to_be_had_ends_the_run_and_the_next_goes_on(lived_in: House, database_url: str) -> None:
    lived_in.environment("staging", database_url, "timeouts: {lock: 50ms, retry_for: 1s}\n")
    batched(lived_in, database_url, "size=300 pause=0ms")
    with transaction(database_url, "select from big where id = 5 for update"):
        done = lived_in.apply()
    assert done.status == 6, done.said
    assert "SQLSTATE 55P03" in done.words
    assert "999 rows in 4 batches are done" in done.words
    lived_in.applied()
    assert fetch(database_url, TOUCHED) == [(1, 1000)]


@pytest.mark.slow
def test_a_batch_that_touches_the_same_rows_again_is_noticed(lived_in: House, database_url: str) -> None:
    """Seen to fail with the comparison left out: it ran until the test's time was over."""
    endless = FILL.replace("done = true", "done = null")
    batched(lived_in, database_url, "size=100 pause=0ms", rows=500, sql=endless)
    done = lived_in.apply()
    assert done.status == 6, done.said
    assert "it probably processes the same rows again" in done.words
    assert "`max_rows=…`" in done.words
    assert rows_done(database_url) <= 3000
    assert marks(database_url)[-1] == "002_fill failed"


@pytest.mark.slow
def test_more_rows_than_were_allowed_are_a_mistake(lived_in: House, database_url: str) -> None:
    batched(lived_in, database_url, "size=100 pause=0ms max_rows=250")
    done = lived_in.apply()
    assert done.status == 6, done.said
    assert "it processed 300 rows, more than 250 (`max_rows`)" in done.words
    lived_in.migration("002_fill", f"-- ctgitops: batch size=100 pause=0ms\n{FILL}")
    lived_in.applied()
    assert fetch(database_url, TOUCHED) == [(1, 1000)]


@pytest.mark.slow
def test_an_error_in_a_batch_has_its_place_and_leaves_no_trace_of_that_batch(
    lived_in: House, database_url: str
) -> None:
    batched(lived_in, database_url, "size=300 pause=0ms", sql=FILL.replace("n + 1", "n + 1 / (700 - big.id)"))
    done = lived_in.apply()
    assert done.status == 6, done.said
    assert "division by zero (SQLSTATE 22012)" in done.words
    assert "migrations/002_fill.sql:2:1" in done.words
    assert "600 rows in 2 batches are done" in done.words
    lived_in.migration("002_fill", f"-- ctgitops: batch size=300 pause=0ms\n{FILL}")
    lived_in.applied()
    assert fetch(database_url, "select count(*) from big where done") == [(1000,)]


@pytest.mark.slow
def test_ctrl_c_between_two_batches_ends_it_at_once_and_the_next_goes_on(lived_in: House, database_url: str) -> None:
    batched(lived_in, database_url, "size=10 pause=5s", rows=30)
    running = lived_in.start("apply", "--env", "staging")
    until(lambda: len(marks(database_url)) > 1 and rows_done(database_url) == 10)
    time.sleep(0.2)
    running.ctrl_c()
    done = running.ended(8)
    assert done.status == 6, done.said
    assert "the run was asked to stop" in done.words
    lived_in.migration("002_fill", f"-- ctgitops: batch size=10 pause=0ms\n{FILL}")
    lived_in.applied()
    assert fetch(database_url, TOUCHED) == [(1, 30)]


@pytest.mark.slow
def test_a_file_that_is_no_batch_is_refused_with_its_place(lived_in: House) -> None:
    lived_in.migration("002_fill", "-- ctgitops: batch size=5\nupdate one set id = id;")
    done = lived_in.run("check")
    assert done.status == 3
    assert "error[batch]: no `LIMIT $1` limits the batch to its size" in done.out
    assert "--> migrations/002_fill.sql:2:1" in done.out
    assert "LIMIT $1" in done.out
    assert lived_in.apply().status == 3


@pytest.mark.slow
def test_rows_that_came_after_the_last_batch_are_done_by_the_run_after_a_verify_query_that_saw_them(
    lived_in: House, database_url: str
) -> None:
    batched(lived_in, database_url, "size=500 pause=0ms", verify="select count(*) = 3 from one;")
    assert lived_in.apply().status == 6
    run(database_url, "insert into big (id) values (5000); insert into one values (2), (3)")
    lived_in.applied()
    assert fetch(database_url, "select count(*) from big where done is null") == [(0,)]
