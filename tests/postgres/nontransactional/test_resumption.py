"""A migration outside a transaction that did not finish is resumed: each statement is carried out exactly once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ctgitops.core.ledger.safeguards import Safeguards
from ctgitops.core.run.progress import BackendAwaited, LeftoverHealed, StepResumed
from ctgitops.errors import ApplyError
from ctgitops.postgres.nontransactional import leftovers, recover, throttle
from tests.fakes import migration
from tests.postgres.runs import (
    LOCKED,
    NO_TRANSACTION,
    ONE,
    WORKING,
    Runs,
    once,
    sleeps,
    stop,
    terminate,
    waits_for_a_lock,
)
from tests.servers import fetch, run, session
from tests.stories.house import has, marks, transaction

INDEX = migration("002_index", sql="create index concurrently one_by_id on one (id);")
INVALID = "select indexrelid::regclass::text from pg_index where not (indisvalid and indisready) and indislive"
OID = "select coalesce(to_regclass('one_by_id')::oid, 0)"


@pytest.fixture
def runs(database_url: str) -> Runs:
    """Its first migration is applied; a table `log` is there."""
    made = Runs(database_url)
    made.apply(ONE)
    run(database_url, "create table log (n int); insert into one values (1)")
    return made


def progress(runs: Runs) -> list[str]:
    rows = fetch(runs.url, "select position, mark from ctgitops.progress order by id")
    return [f"{position} {mark}" for position, mark in rows]


def logged(runs: Runs) -> list[object]:
    return [n for (n,) in fetch(runs.url, "select n from log order by n")]


def statements(*sql: str) -> str:
    return NO_TRANSACTION + "\n".join(f"{each};" for each in sql)


def failed(runs: Runs, *sql: str) -> ApplyError:
    with pytest.raises(ApplyError) as raised:
        runs.apply(ONE, migration("002_log", sql=statements(*sql)))
    return raised.value


def interrupted_index(runs: Runs) -> None:
    """A run whose CREATE INDEX CONCURRENTLY is stopped, which leaves the index INVALID."""
    with (
        transaction(runs.url, "insert into one values (7)"),
        once(lambda: waits_for_a_lock(runs.url), stop),
        pytest.raises(ApplyError, match="asked to stop"),
    ):
        runs.apply(ONE, INDEX)
    assert fetch(runs.url, INVALID) == [("one_by_id",)]


def test_a_corrected_statement_goes_on_where_the_first_run_failed(runs: Runs) -> None:
    error = failed(runs, "insert into log values (1)", "insert into log values (2 / 0)", "insert into log values (3)")
    assert error.statement_line == 3
    assert "002_log is unfinished" in error.state
    assert (progress(runs), logged(runs)) == (["1 done"], [1])
    corrected = ("insert into log values (1)", "insert into log values (2)", "insert into log values (3)")
    runs.apply(ONE, migration("002_log", sql=statements(*corrected)))
    assert [(each.position, each.of) for each in runs.heard if isinstance(each, StepResumed)] == [(2, 3)]
    assert (progress(runs), logged(runs)) == (["1 done", "2 done", "3 done"], [1, 2, 3])
    assert marks(runs.url)[1:] == ["002_log started", "002_log failed", "002_log started", "002_log applied"]


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_backend_killed_in_any_statement_has_done_each_once_after_the_next_run(runs: Runs, at: int) -> None:
    sql = [
        f"insert into log select {n} from pg_sleep(case when {n} = {at} and not go() then 60 else 0 end)"
        for n in (1, 2, 3)
    ]
    run(runs.url, "create function go() returns bool language sql as $$ select to_regclass('gone_on') is not null $$")
    both = f"({WORKING}) or ({LOCKED})"
    with once(lambda: sleeps(runs.url), lambda: terminate(runs.url, both)):
        failed(runs, *sql)
    assert logged(runs) == list(range(1, at))
    run(runs.url, "create table gone_on ()")
    runs.apply(ONE, migration("002_log", sql=statements(*sql)))
    assert logged(runs) == [1, 2, 3]
    assert progress(runs) == ["1 done", "2 done", "3 done"]


def test_a_done_statement_that_was_changed_in_the_file_blocks_the_plan(runs: Runs) -> None:
    failed(runs, "insert into log values (1)", "select 1 / 0")
    with runs.locked(ONE, migration("002_log", sql=statements("insert into log values (9)", "select 1"))) as (_, plan):
        assert "unfinished" in [problem.code for problem in plan.problems if problem.blocks]


def test_settings_of_done_statements_hold_for_the_rest_of_the_file(runs: Runs) -> None:
    run(runs.url, "create schema other")
    failed(runs, "set search_path = other", "create table two (n int)", "select 1 / 0")
    sql = statements("set search_path = other", "create table two (n int)", "create table three (n int)")
    runs.apply(ONE, migration("002_log", sql=sql))
    assert has(runs.url, "other.three")


def test_an_index_that_was_interrupted_is_dropped_and_built_again(runs: Runs) -> None:
    interrupted_index(runs)
    before = fetch(runs.url, OID)
    runs.apply(ONE, INDEX)
    assert any("INVALID, was dropped" in each.what for each in runs.heard if isinstance(each, LeftoverHealed))
    assert fetch(runs.url, INVALID) == []
    assert fetch(runs.url, OID) not in (before, [(0,)])
    assert progress(runs) == ["1 begun", "1 healed", "1 begun", "1 done"]
    assert marks(runs.url)[1:] == [
        "002_index started",
        "002_index interrupted",
        "002_index started",
        "002_index applied",
    ]


def test_an_index_that_was_interrupted_can_be_dropped_before_the_backup(runs: Runs) -> None:
    interrupted_index(runs)
    with runs.locked(ONE, INDEX) as (held, plan):
        assert ["was dropped" in each for each in held.drop_invalid_indexes(plan)] == [True]
        assert fetch(runs.url, OID) == [(0,)]
        assert held.drop_invalid_indexes(plan) == ()
        held.run(plan.steps[0], plan, Safeguards())
    assert fetch(runs.url, INVALID) == []
    assert has(runs.url, "one_by_id")


def test_an_index_whose_build_the_server_finished_is_kept(runs: Runs) -> None:
    interrupted_index(runs)
    run(runs.url, "reindex index concurrently one_by_id")
    before = fetch(runs.url, OID)
    runs.apply(ONE, INDEX)
    assert fetch(runs.url, OID) == before
    assert progress(runs) == ["1 begun", "1 done"]


def test_a_corrected_index_takes_away_what_the_interrupted_one_left(runs: Runs) -> None:
    interrupted_index(runs)
    runs.apply(ONE, migration("002_index", sql="create index concurrently another on one (id);"))
    assert not has(runs.url, "one_by_id")
    assert has(runs.url, "another")


def test_an_invalid_index_of_that_name_that_is_not_of_this_statement_is_left_alone(runs: Runs) -> None:
    run(runs.url, "create index one_by_id on one (id desc)")
    run(runs.url, "update pg_index set indisvalid = false where indexrelid = 'one_by_id'::regclass")
    before = fetch(runs.url, OID)
    with pytest.raises(ApplyError, match=r"index public\.one_by_id .*is INVALID") as refused:
        runs.apply(ONE, migration("002_index", sql="create index concurrently if not exists one_by_id on one (id);"))
    assert "drop index concurrently public.one_by_id" in refused.value.hint
    assert fetch(runs.url, OID) == before


def test_an_interrupted_detaching_of_a_partition_is_brought_to_its_end(runs: Runs) -> None:
    run(runs.url, "create table p (n int) partition by list (n); create table p1 partition of p for values in (1)")
    detach = migration("002_detach", sql="alter table p detach partition p1 concurrently;")
    with (
        transaction(runs.url, "select from p"),
        once(lambda: waits_for_a_lock(runs.url), stop),
        pytest.raises(ApplyError, match="asked to stop"),
    ):
        runs.apply(ONE, detach)
    assert fetch(runs.url, "select inhdetachpending from pg_inherits") == [(True,)]
    runs.apply(ONE, detach)
    assert fetch(runs.url, "select from pg_inherits") == []
    assert marks(runs.url)[-1] == "002_detach applied"


def test_a_procedure_that_was_cut_short_is_a_question_for_a_person(runs: Runs) -> None:
    run(
        runs.url,
        "create procedure work(a int) language plpgsql as $$ begin insert into log values (1); commit; "
        "perform 1 / a; insert into log values (2); end $$",
    )
    failed(runs, "create table two ()", "call work(0)")
    assert progress(runs) == ["1 done", "2 begun"]
    asked = failed(runs, "create table two ()", "call work(0)")
    assert "--statement 2 --applied" in asked.hint
    assert logged(runs) == [1]


FILL = """with batch as (select id from big where done is null order by id limit $1 for update skip locked)
update big set n = n + 1 / (21 - big.id), done = true from batch where big.id = batch.id;"""
BIG = """create table big (id int primary key, n int not null default 0, done boolean);
insert into big (id) select generate_series(1, 30); analyze big"""


def test_a_batched_migration_that_failed_goes_on_behind_the_rows_that_are_done(runs: Runs) -> None:
    run(runs.url, BIG)
    line = "-- ctgitops: batch size=10 pause=0ms\n"
    with pytest.raises(ApplyError, match="division by zero") as raised:
        runs.apply(ONE, migration("002_fill", sql=line + FILL))
    assert "20 rows in 2 batches are done" in raised.value.state
    assert fetch(runs.url, "select count(*) from big where done") == [(20,)]
    runs.apply(ONE, migration("002_fill", sql=line + FILL.replace(" / (21 - big.id)", "")))
    assert fetch(runs.url, "select count(*) from big where done") == [(30,)]
    assert fetch(runs.url, "select rows from ctgitops.progress where rows > 0 order by id") == [(10,)] * 3
    assert marks(runs.url)[-1] == "002_fill applied"


def test_a_batched_migration_that_is_stopped_in_its_pause_keeps_its_batches(runs: Runs) -> None:
    run(runs.url, BIG)
    fill = FILL.replace(" / (21 - big.id)", "")
    one_batch = "select from ctgitops.progress where kind = 'batch'"
    with once(lambda: fetch(runs.url, one_batch), stop), pytest.raises(ApplyError, match="asked to stop"):
        runs.apply(ONE, migration("002_fill", sql=f"-- ctgitops: batch size=10 pause=60s\n{fill}"))
    assert fetch(runs.url, "select count(*) from big where done") == [(10,)]
    runs.apply(ONE, migration("002_fill", sql=f"-- ctgitops: batch size=10 pause=0ms\n{fill}"))
    assert fetch(runs.url, "select n, count(*) from big group by n") == [(1, 30)]


def test_a_statement_that_was_finished_and_then_replaced_in_the_file_is_refused(runs: Runs) -> None:
    interrupted_index(runs)
    run(runs.url, "reindex index concurrently one_by_id")
    with pytest.raises(ApplyError, match="create index concurrently one_by_id") as refused:
        runs.apply(ONE, migration("002_index", sql="create index concurrently another on one (id);"))
    assert "restore that statement" in refused.value.hint
    assert not has(runs.url, "another")


def test_a_catalog_that_cannot_be_read_fails_the_step_with_the_reason(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "_INDEX_ON", "select 1 / 0")
    with pytest.raises(ApplyError, match="division by zero"):
        runs.apply(ONE, INDEX)
    assert not has(runs.url, "one_by_id")
    monkeypatch.undo()
    runs.apply(ONE, INDEX)
    assert has(runs.url, "one_by_id")


def test_a_lag_that_cannot_be_asked_for_fails_the_step(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    run(runs.url, BIG)
    monkeypatch.setattr(throttle, "_LAG", "select 1 / 0")
    with pytest.raises(ApplyError, match="division by zero"):
        runs.apply(ONE, migration("002_fill", sql=f"-- ctgitops: batch size=10 pause=0ms\n{FILL}"))


def test_a_savepoint_free_file_is_applied_with_others_in_one_transaction(runs: Runs) -> None:
    two, three = (migration(name, sql=f"create table {name[4:]} ();") for name in ("002_two", "003_three"))
    with runs.locked(ONE, two, three) as (held, plan):
        held.single_transaction(plan, Safeguards())
    assert marks(runs.url)[1:] == ["002_two applied", "003_three applied"]


def test_a_backend_that_still_builds_the_index_of_an_earlier_run_is_waited_for(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its session has another name, so that only the row of progress says whose it is."""
    monkeypatch.setattr(recover, "WAIT_SECONDS", 0.01)
    with session(runs.url) as other:
        pid = other.info.backend_pid
        interrupted_index(runs)
        other.execute("begin; create table while_it_works ()")
        run(
            runs.url,
            f"""alter table ctgitops.progress disable trigger all;
                update ctgitops.progress set backend_pid = {pid}, backend_start =
                (select backend_start from pg_stat_activity where pid = {pid})""",
        )
        runs.hears = lambda progress: other.rollback() if isinstance(progress, BackendAwaited) else None
        runs.apply(ONE, INDEX)
    (awaited,) = [each for each in runs.heard if isinstance(each, BackendAwaited)]
    assert (awaited.step.name, awaited.backend) == ("002_index", pid)


def test_an_index_build_is_not_cut_short_by_the_limits_of_the_run(runs: Runs) -> None:
    """It blocks no session, and cancelled it leaves an INVALID index."""
    waited = []

    def longer_than_the_lock_timeout() -> bool:
        waited.append(waits_for_a_lock(runs.url))
        return sum(waited) > 20

    runs.patience = timedelta()
    with session(runs.url) as other:
        other.execute("begin; insert into one values (7)")
        with once(longer_than_the_lock_timeout, other.rollback):
            runs.apply(ONE, INDEX)
    assert progress(runs) == ["1 begun", "1 done"]
    assert marks(runs.url)[1:] == ["002_index started", "002_index applied"]
