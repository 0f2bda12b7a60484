"""The back-off of a batched migration: lock waiters and replication lag."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.postgres.nontransactional import throttle as module
from ctgitops.postgres.nontransactional.throttle import LONGEST, SHORTEST, WAITERS, Throttle
from ctgitops.postgres.transaction.step_failure import StepFailed
from ctgitops.sql.batch import Batch
from tests.servers import fetch, run, session
from tests.stories.house import until


def test_the_pause_grows_while_somebody_waits_for_us_and_shrinks_when_nobody_does() -> None:
    throttle = Throttle(Batch(100, pause=timedelta()))
    assert throttle.pause == 0
    grown = []
    for _ in range(12):
        throttle.waited(1)
        grown.append(throttle.pause)
    assert grown == sorted(grown)
    assert grown[0] == 0.2
    assert grown[-1] == LONGEST.total_seconds()
    for _ in range(12):
        throttle.waited(0)
    assert throttle.pause == 0


@given(st.lists(st.integers(0, 3), max_size=40), st.sampled_from([0, 50, 100, 700, 20_000]))
def test_each_batch_that_others_waited_for_doubles_the_pause_and_each_quiet_one_halves_it(
    waiters: list[int], own: int
) -> None:
    """Whatever happened before, ten quiet batches bring the pause of the file back."""
    pause = timedelta(milliseconds=own)
    throttle, doublings = Throttle(Batch(100, pause=pause)), 0
    for each in waiters:
        throttle.waited(each)
        doublings = min(doublings + 1, 10) if each else max(doublings - 1, 0)
        longer = min(max(pause, SHORTEST) * 2**doublings, LONGEST)
        assert throttle.pause == (longer if doublings else pause).total_seconds()
    for _ in range(10):
        throttle.waited(0)
    assert throttle.pause == pause.total_seconds()


def test_who_waits_for_a_lock_of_ours_is_counted_and_nobody_else(make_database: Callable[[], str]) -> None:
    url = make_database()
    run(url, "create table one (id int); create table two (id int); insert into one values (1)")
    with session(url) as ours, session(url) as other:
        ours.execute("begin; update one set id = 2")
        other.execute("begin; lock table two")
        assert ours.execute(WAITERS.encode()).fetchall() == [(0,)]
        waiting = [
            threading.Thread(target=run, args=(url, statement))
            for statement in ("update one set id = 3", "begin; lock table two")
        ]
        for thread in waiting:
            thread.start()
        blocked = "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        until(lambda: len(fetch(url, blocked)) == 2)
        ours.execute("select pg_stat_clear_snapshot()")  # a transaction sees pg_stat_activity as it first saw it
        assert ours.execute(WAITERS.encode()).fetchall() == [(1,)]
        ours.execute("rollback")
        other.execute("rollback")
        for thread in waiting:
            thread.join()


def test_no_batch_begins_while_a_replica_is_farther_behind_than_the_file_allows(
    make_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the server would say of a replica stands in for one."""
    with session(make_database()) as connection:
        assert Throttle(Batch(100)).lag(connection) == 0
        monkeypatch.setattr(module, "_LAG", "select 12.5, 0, -1, 0")
        assert Throttle(Batch(100, max_lag=timedelta(seconds=10))).lag(connection) == 12.5
        assert Throttle(Batch(100, max_lag=timedelta(seconds=20))).lag(connection) == 0
        assert Throttle(Batch(100, max_lag=timedelta(seconds=12.5))).lag(connection) == 0


def test_a_role_that_may_not_see_replicas_is_refused_where_the_file_asks_for_it(
    make_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LAG", "select 0, 1, -1, 0")
    with session(make_database()) as connection:
        assert Throttle(Batch(100)).lag(connection) == 0
        with pytest.raises(StepFailed, match="has no permission to read the replication lag") as raised:
            Throttle(Batch(100, lag_asked=True)).lag(connection)
    assert "GRANT pg_read_all_stats TO postgres" in raised.value.hint


def test_a_replica_that_stopped_replaying_falls_behind_though_the_server_says_nothing_of_it(
    make_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written stays unreplayed; when all of it is replayed, nothing is behind."""
    throttle = Throttle(Batch(100, max_lag=timedelta()))
    with session(make_database()) as connection:
        seen = []
        for replayed, written in ((100, 100), (100, 200), (100, 300), (200, 300), (300, 300), (-1, 400)):
            monkeypatch.setattr(module, "_LAG", f"select null, 0, {replayed}, {written}")
            seen.append(throttle.lag(connection) > 0)
            seen.append(throttle.lag(connection) > 0)
    assert seen == [False, False, False, True, True, True, True, True, False, False, False, False]
