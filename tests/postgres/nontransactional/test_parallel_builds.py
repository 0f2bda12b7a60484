"""Index builds at the same time on a real server: they overlap, and any interruption is resumed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from ctgitops.core.environment.apply_policy import ApplyPolicy
from ctgitops.core.run.progress import BuildsStarted, IndexAdvanced, LeftoverHealed
from ctgitops.errors import ApplyError
from ctgitops.postgres.connection.connect import Connection
from tests.fakes import migration
from tests.postgres.runs import ONE, WORKING, Runs, once, stop, terminate
from tests.servers import fetch, quickly, run, session
from tests.stories.house import as_role, marks, until

A, B = "create index concurrently a_x on a (x);", "create unique index concurrently b_x on b (x);"
TWO = migration("002_two", sql=f"{A}\n{B}\n")
BUILDING = "select from pg_stat_progress_create_index where phase = 'waiting for writers before build'"
INVALID = "select indexrelid::regclass::text from pg_index where not indisvalid order by 1"
VALID = """select indexrelid::regclass::text from pg_index
    where indisvalid and indrelid in ('a'::regclass, 'b'::regclass) order by 1"""
OIDS = "select coalesce(to_regclass('a_x')::oid, 0), coalesce(to_regclass('b_x')::oid, 0)"


@pytest.fixture
def runs(database_url: str) -> Runs:
    """Its first migration is applied; the tables `a` and `b` have 9 rows."""
    made = Runs(database_url, policy=ApplyPolicy(parallel=2, maintenance_work_mem="77MB"))
    made.apply(ONE)
    run(database_url, "create table a as select generate_series(1, 9) x; create table b as select * from a")
    return made


@pytest.fixture
def writer(runs: Runs) -> Iterator[Connection]:
    """Another session, whose transaction every build on `a` and `b` waits for."""
    with session(runs.url) as other:
        other.execute("begin; lock table a, b in row exclusive mode")
        yield other


def both_build(runs: Runs) -> bool:
    return len(fetch(runs.url, BUILDING)) == 2


def progress(runs: Runs) -> list[str]:
    """The rows of progress, oldest first, as `2 done`."""
    rows = fetch(runs.url, "select position, mark from ctgitops.progress order by id")
    return [f"{position} {mark}" for position, mark in rows]


def test_two_builds_overlap_and_each_has_its_rows_and_memory(runs: Runs, writer: Connection) -> None:
    """Seen to fail with parallel=1: the second build does not start."""
    mem = "insert into one select 1 where current_setting('maintenance_work_mem') = '77MB';"
    three = migration("002_two", sql=f"set search_path = public; {A} {B} {mem}")

    def seen() -> bool:
        return both_build(runs) and {e.position for e in runs.heard if isinstance(e, IndexAdvanced)} == {2, 3}

    with once(seen, writer.rollback):
        runs.apply(ONE, three)
    assert fetch(runs.url, VALID) == [("a_x",), ("b_x",)]
    rows = progress(runs)
    assert rows[:3] == ["1 done", "2 begun", "3 begun"]
    assert sorted(rows[3:5]) == ["2 done", "3 done"]
    assert rows[5:] == ["4 done"]
    assert len(fetch(runs.url, "select distinct backend_pid from ctgitops.progress where mark = 'begun'")) == 2
    assert [(e.positions, e.builds, e.fewer) for e in runs.heard if isinstance(e, BuildsStarted)] == [((2, 3), 2, "")]
    assert fetch(runs.url, "select from one") == [()]
    until(lambda: not fetch(runs.url, f"select from pg_stat_activity where {WORKING}"))


def test_ctrl_c_cancels_both_and_the_next_run_builds_both_again(runs: Runs, writer: Connection) -> None:
    """Seen to fail with a cancel of the first lane only: the other build waits for the writer."""
    with once(lambda: both_build(runs), stop), pytest.raises(ApplyError, match="asked to stop") as stopped:
        runs.apply(ONE, TWO)
    assert not fetch(runs.url, BUILDING)
    assert "002_two is unfinished, 0 of 2 statements are done" in stopped.value.state
    assert fetch(runs.url, INVALID) == [("a_x",), ("b_x",)]
    before = fetch(runs.url, OIDS)
    writer.rollback()
    runs.apply(ONE, TWO)
    assert fetch(runs.url, INVALID) == []
    assert not set(before[0]) & set(fetch(runs.url, OIDS)[0])
    assert len([e for e in runs.heard if isinstance(e, LeftoverHealed)]) == 2
    assert marks(runs.url)[-1] == "002_two applied"


EDITS = {
    "the other order": (f"{B}\n{A}\n", [("a_x",), ("b_x",)]),
    "shorter": (f"{A}\n", [("a_x",)]),
}


@pytest.mark.parametrize("edit", EDITS)
def test_leftovers_of_a_statement_that_the_file_moved_or_lost_are_repaired_first(
    runs: Runs, writer: Connection, edit: str
) -> None:
    """Seen to fail: the first with `an earlier run completed the statement`, the second with an INVALID b_x."""
    sql, valid = EDITS[edit]
    with once(lambda: both_build(runs), stop), pytest.raises(ApplyError, match="asked to stop"):
        runs.apply(ONE, TWO)
    writer.rollback()
    runs.policy = ApplyPolicy()
    edited = migration("002_two", sql=sql)
    if edit == "shorter":  # seen to fail with an IndexError
        with runs.locked(ONE, edited) as (held, plan):
            assert len(held.drop_invalid_indexes(plan)) == 2
        assert fetch(runs.url, INVALID) == []
    runs.apply(ONE, edited)
    assert fetch(runs.url, INVALID) == []
    assert fetch(runs.url, VALID) == valid


def test_one_fails_and_the_other_is_kept(runs: Runs) -> None:
    run(runs.url, "insert into b values (1)")
    with pytest.raises(ApplyError, match="could not create unique index") as failed:
        runs.apply(ONE, migration("002_two", sql=f"{B}\n{A}\n"))
    assert failed.value.place
    assert failed.value.place.line == 1
    assert "1 of 2 statements is done (also 2, which ran at the same time)" in failed.value.state
    assert (fetch(runs.url, VALID), fetch(runs.url, INVALID)) == ([("a_x",)], [("b_x",)])
    kept = fetch(runs.url, OIDS)[0][0]
    run(runs.url, "delete from b where ctid = (select max(ctid) from b)")
    runs.policy = ApplyPolicy()  # the statement that is done is also skipped by a run that is not parallel
    runs.apply(ONE, migration("002_two", sql=f"{B}\n{A}\n"))
    assert fetch(runs.url, VALID) == [("a_x",), ("b_x",)]
    assert fetch(runs.url, OIDS)[0][0] == kept


@pytest.mark.slow
def test_both_fail_and_the_error_names_both(runs: Runs) -> None:
    run(runs.url, "insert into a values (1); insert into b values (1)")
    unique = A.replace("create", "create unique")
    with pytest.raises(ApplyError, match="could not create unique index") as failed:
        runs.apply(ONE, migration("002_two", sql=f"{unique}\n{B}\n"))
    said = failed.value.what + failed.value.detail
    assert '"a_x"' in said
    assert '"b_x"' in said
    assert "ALSO FAILED: statement" in failed.value.detail


@pytest.mark.slow
def test_a_lost_session_leaves_the_other_build_and_is_resumed(runs: Runs, writer: Connection) -> None:
    def lose_one() -> None:
        terminate(runs.url, f"{WORKING} and query ~ '^create index concurrently'")
        until(lambda: len(fetch(runs.url, BUILDING)) == 1)
        writer.rollback()

    with once(lambda: both_build(runs), lose_one), pytest.raises(ApplyError) as lost:
        runs.apply(ONE, TWO)
    assert "1 of 2 statements is done (also 2" in lost.value.state
    runs.apply(ONE, TWO)
    assert fetch(runs.url, INVALID) == []
    assert fetch(runs.url, VALID) == [("a_x",), ("b_x",)]


CASES = {
    "partitions": ("create index concurrently i1 on p1 (x); create index concurrently i2 on p2 (x);", 1),
    "two names": ("create index concurrently i1 on a (x); create index concurrently i2 on public.a (x);", 1),
    "two schemas": (
        "set search_path = s; create index concurrently i1 on a (x); create index concurrently i2 on public.a (x);",
        2,
    ),
    "temporary": (
        "create temp table b (x int); create index concurrently i1 on a (x); create index concurrently i2 on b (x);",
        1,
    ),
    "a path that a new session lacks": (
        "do $$ begin execute 'set search_path = s'; end $$; "
        "create index concurrently i1 on a (x); create index concurrently i2 on public.b (x);",
        1,
    ),
    "another setting that a new session lacks": (
        "do $$ begin execute 'set default_statistics_target = 7'; end $$; "
        "create index concurrently i1 on a (x); create index concurrently i2 on b (x);",
        1,
    ),
    "a setting that a new session cannot repeat": (
        "create temp table t as select '1MB' v; select set_config('work_mem', (select v from t), false); "
        "create index concurrently i1 on a (x); create index concurrently i2 on b (x);",
        1,
    ),
}


@pytest.mark.parametrize("case", quickly(CASES))
def test_only_tables_that_are_independent_in_the_catalog_build_at_the_same_time(runs: Runs, case: str) -> None:
    sql, builds = CASES[case]
    run(
        runs.url,
        "create schema s; create table s.a (x int); create table p (x int) partition by range (x); "
        "create table p1 partition of p for values from (0) to (9); "
        "create table p2 partition of p for values from (10) to (19)",
    )
    runs.apply(ONE, migration("002_two", sql=sql))
    assert [e.builds for e in runs.heard if isinstance(e, BuildsStarted)] == [builds]
    assert fetch(runs.url, INVALID) == []
    assert marks(runs.url)[-1] == "002_two applied"


@pytest.mark.slow
def test_without_a_second_connection_the_builds_run_one_after_the_other(runs: Runs) -> None:
    role = f"few_{secrets.token_hex(4)}"
    rights = (
        "all on schema public, ctgitops",
        "all on all tables in schema ctgitops, public",
        "all on all sequences in schema ctgitops",
        "all on all functions in schema ctgitops",
    )
    run(
        runs.url,
        f"create role {role} login connection limit 3; alter table a owner to {role}; alter table b owner to {role}",
    )
    run(runs.url, "; ".join(f"grant {right} to {role}" for right in rights))
    limited = Runs(as_role(runs.url, role), policy=runs.policy)
    limited.apply(ONE, TWO)
    (started,) = (e for e in limited.heard if isinstance(e, BuildsStarted))
    assert started.builds == 1
    assert "too many connections for role" in started.fewer
    assert fetch(runs.url, VALID) == [("a_x",), ("b_x",)]


@pytest.mark.slow
def test_the_next_migration_begins_after_the_last_build(runs: Runs, writer: Connection) -> None:
    three = migration("003_three", sql="create index concurrently a_y on a (x);")
    with once(lambda: both_build(runs), writer.rollback):
        runs.apply(ONE, TWO, three)
    applied = [mark for mark in marks(runs.url) if "applied" in mark]
    assert applied == ["001_one applied", "002_two applied", "003_three applied"]
