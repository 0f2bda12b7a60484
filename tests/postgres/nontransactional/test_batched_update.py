"""A batched migration on a real server: each row once, whatever blocks it, and an end to what never ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ctgitops.core.migration.migration import Migration
from ctgitops.core.run.progress import BatchFinished, BatchPaused, Progress
from ctgitops.errors import ApplyError, MustWaitError
from ctgitops.postgres.nontransactional import batched_update
from tests.fakes import migration
from tests.postgres.runs import ONE, Runs
from tests.servers import fetch, run, session
from tests.stories.house import marks

FILL = """with batch as (select id from big where done is null order by id limit $1 for update skip locked)
update big set n = n + 1, done = true from batch where big.id = batch.id;"""
TOUCHED = "select n, count(*) from big group by n order by n"


@pytest.fixture
def runs(database_url: str) -> Runs:
    """Its first migration is applied; the table `big` has 30 rows."""
    made = Runs(database_url)
    made.apply(ONE)
    run(
        database_url,
        "create table big (id int primary key, n int not null default 0, done bool); "
        "insert into big (id) select generate_series(1, 30); analyze big",
    )
    return made


def fill(line: str = "size=10 pause=0ms", sql: str = FILL) -> Migration:
    return migration("002_fill", sql=f"-- ctgitops: batch {line}\n{sql}")


def test_each_batch_is_a_transaction_with_its_row_of_progress(runs: Runs) -> None:
    runs.apply(ONE, fill("size=12 pause=0ms"))
    assert fetch(runs.url, TOUCHED) == [(1, 30)]
    kept = "select kind, mark, rows from ctgitops.progress order by id"
    assert fetch(runs.url, kept) == [("batch", "done", n) for n in (12, 12, 6)]
    assert fetch(runs.url, "select count(distinct xmin::text) from big") == [(3,)]
    last = [each for each in runs.heard if isinstance(each, BatchFinished)][-1]
    assert (last.batches, last.rows, last.seconds_left) == (3, 30, 0)
    assert last.rate > 0


def test_what_is_left_is_estimated_from_the_rows_that_the_server_expects(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batched_update, "REPORT_EVERY_SECONDS", 0)
    runs.apply(ONE, fill())
    told = [each for each in runs.heard if isinstance(each, BatchFinished)]
    assert [each.rows for each in told] == [10, 20, 30, 30]
    assert [each.batches for each in told] == [1, 2, 3, 3]
    left = [each.seconds_left * each.rate for each in told]
    assert left == pytest.approx([20, 10, 0, 0])


def test_a_row_that_is_locked_is_waited_for_and_not_forgotten(runs: Runs) -> None:
    """SKIP LOCKED leaves it out and then updates none."""
    with session(runs.url) as other:
        other.execute("begin; select from big where id = 5 for update")
        runs.hears = lambda progress: other.rollback() if isinstance(progress, BatchPaused) else None
        runs.apply(ONE, fill())
    assert len([each for each in runs.heard if isinstance(each, BatchPaused)]) == 1
    assert fetch(runs.url, TOUCHED) == [(1, 30)]


def test_a_row_that_stays_locked_ends_the_run_when_its_patience_is_over(runs: Runs) -> None:
    runs.patience = timedelta()
    with session(runs.url) as other:
        other.execute("begin; select from big where id = 5 for update")
        with pytest.raises(ApplyError) as refused:
            runs.apply(ONE, fill())
    assert refused.value.sqlstate == "55P03"
    assert not [each for each in runs.heard if isinstance(each, BatchPaused)]
    assert fetch(runs.url, TOUCHED) == [(0, 1), (1, 29)]
    runs.apply(ONE, fill())
    assert fetch(runs.url, TOUCHED) == [(1, 30)]


def test_an_error_in_a_batch_has_its_place(runs: Runs) -> None:
    with pytest.raises(ApplyError, match="nowhere") as raised:
        runs.apply(ONE, fill(sql=FILL.replace("n + 1", "nowhere")))
    place = raised.value.place
    assert place is not None
    assert (place.path, place.line, place.column) == ("migrations/002_fill.sql", 3, 20)


def test_an_error_without_a_position_is_at_the_statement(runs: Runs) -> None:
    with pytest.raises(ApplyError, match="division by zero") as raised:
        runs.apply(ONE, fill(sql=FILL.replace("n + 1", "1 / (15 - big.id)")))
    place = raised.value.place
    assert place is not None
    assert (place.line, place.column) == (2, 1)
    assert fetch(runs.url, "select count(*) from big where done") == [(10,)]


def test_a_commit_that_fails_leaves_no_row_of_progress(runs: Runs) -> None:
    run(
        runs.url,
        """create function refuse() returns trigger language plpgsql as
           $$ begin if new.id = 15 then raise 'not this one'; end if; return null; end $$;
           create constraint trigger late after update on big deferrable initially deferred
           for each row execute function refuse()""",
    )
    with pytest.raises(ApplyError, match="not this one"):
        runs.apply(ONE, fill())
    assert fetch(runs.url, "select rows from ctgitops.progress") == [(10,)]
    assert fetch(runs.url, TOUCHED) == [(0, 20), (1, 10)]
    assert marks(runs.url)[-1] == "002_fill failed"


def test_a_batch_that_updates_the_same_rows_for_ever_is_ended(runs: Runs) -> None:
    with pytest.raises(ApplyError, match="the same rows again") as ended:
        runs.apply(ONE, fill(sql=FILL.replace("done = true", "done = null")))
    assert "twice the rows of its tables" in ended.value.what
    assert fetch(runs.url, "select sum(rows)::int from ctgitops.progress") == [(230,)]  # 2 * (30 * 2) + 10 * 10


def test_more_rows_than_the_file_allows_are_a_mistake(runs: Runs) -> None:
    with pytest.raises(ApplyError, match=r"it processed 20 rows, more than 15 \(`max_rows`\)"):
        runs.apply(ONE, fill("size=10 pause=0ms max_rows=15"))
    assert fetch(runs.url, TOUCHED) == [(0, 10), (1, 20)]


def test_a_batched_migration_whose_time_is_over_is_deferred(runs: Runs) -> None:
    with pytest.raises(MustWaitError, match="002_fill is deferred: 10 rows are done"):
        runs.apply(
            ONE, fill("size=10 pause=0ms for=1ms", sql=FILL.replace("n + 1", "n + 1 + length(pg_sleep(0.001)::text)"))
        )
    assert marks(runs.url)[-1] == "002_fill deferred"
    runs.apply(ONE, fill())
    assert fetch(runs.url, TOUCHED) == [(1, 30)]


def test_the_rows_of_earlier_runs_count(runs: Runs) -> None:
    with pytest.raises(ApplyError):
        runs.apply(ONE, fill("size=10 pause=0ms max_rows=15"))
    heard: list[Progress] = []
    runs.hears = heard.append
    runs.apply(ONE, fill())
    last = [each for each in heard if isinstance(each, BatchFinished)][-1]
    assert (last.batches, last.rows) == (3, 30)
