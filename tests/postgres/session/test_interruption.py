"""A run that is stopped, cut off or killed on a real server: nothing half done stays, and the next run goes on."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator

import pytest

from ctgitops.core.ledger.safeguards import Safeguards
from ctgitops.core.run.progress import StepWaited
from ctgitops.errors import ApplyError
from tests.fakes import migration
from tests.postgres.runs import LOCKED, ONE, WORKING, Runs, once, sleeps, stop, terminate
from tests.servers import fetch, run, session
from tests.stories.house import advisory_locks, has, marks, ours, transaction, until

SLEEP = "create table {} ();\nselect pg_sleep(60);"
TWO, THREE = (migration(name, sql=f"create table {name[4:]} ();") for name in ("002_two", "003_three"))
UNFORESEEN = "create table two ();\ndo $$ begin execute 'lock table one'; end $$;"
"""A lock that no look at the SQL foresees, so that it is met in the statement."""
SLEEPING = migration("002_two", sql=SLEEP.format("two"))
GO = "create function go() returns bool language sql as $$ select to_regclass('gone_on') is not null $$"
SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])


@pytest.fixture(autouse=True)
def _sigterm() -> Iterator[None]:
    """As the command line has it."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)


def quiet(url: str) -> None:
    """No session of the run is left, and its lock is free."""
    until(lambda: not ours(url) and not advisory_locks(url))


@SIGNALS
def test_a_signal_in_the_middle_of_a_migration_rolls_it_back_and_keeps_those_before(
    database_url: str, number: int
) -> None:
    runs, sleeping = Runs(database_url), migration("003_three", sql=SLEEP.format("three"))
    with (
        once(lambda: sleeps(database_url), lambda: stop(number)),
        pytest.raises(ApplyError, match="003_three: the run was asked to stop") as stopped,
    ):
        runs.apply(ONE, TWO, sleeping)
    assert "002_two done; 003_three left no trace" in stopped.value.state
    assert set(stopped.value.applied) == {"001_one", "002_two"}
    quiet(database_url)
    assert marks(database_url) == ["001_one applied", "002_two applied", "003_three interrupted"]
    assert not has(database_url, "three")
    runs.apply(ONE, TWO, THREE)
    assert marks(database_url)[-1] == "003_three applied"


def test_a_second_signal_does_not_keep_the_first_from_being_recorded(database_url: str) -> None:
    def impatient() -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            stop(number)

    with once(lambda: sleeps(database_url), impatient), pytest.raises((ApplyError, KeyboardInterrupt)):
        Runs(database_url).apply(ONE, SLEEPING)
    quiet(database_url)
    assert not has(database_url, "two")
    Runs(database_url).apply(ONE, TWO)
    assert marks(database_url)[-1] == "002_two applied"


def test_a_signal_between_two_attempts_for_a_lock_leaves_nothing(database_url: str) -> None:
    runs = Runs(database_url)
    runs.apply(ONE)
    altering = migration("002_two", sql=UNFORESEEN)
    runs.hears = lambda progress: stop() if isinstance(progress, StepWaited) else None
    with (
        transaction(database_url, "lock table one in access exclusive mode"),
        pytest.raises(ApplyError, match="002_two: the run was asked to stop"),
    ):
        runs.apply(ONE, altering)
    assert marks(database_url) == ["001_one applied", "002_two interrupted"]
    assert not has(database_url, "two")


def test_a_lock_that_is_not_free_is_tried_again_until_it_is(database_url: str) -> None:
    runs = Runs(database_url)
    runs.apply(ONE)
    with session(database_url) as other:
        other.execute("begin; lock table one in access exclusive mode")
        runs.hears = lambda progress: other.rollback() if isinstance(progress, StepWaited) else None
        runs.apply(ONE, migration("002_two", sql=UNFORESEEN))
    assert [each.attempt for each in runs.heard if isinstance(each, StepWaited)] == [1]
    assert marks(database_url) == ["001_one applied", "002_two applied"]


def test_a_signal_between_two_steps_is_recorded_at_the_next_one(database_url: str) -> None:
    with (
        pytest.raises(ApplyError, match="002_two: the run was asked to stop") as stopped,
        Runs(database_url).locked(ONE, TWO) as (held, plan),
    ):
        held.run(plan.steps[0], plan, Safeguards())
        raise KeyboardInterrupt
    assert "001_one done" in stopped.value.state
    assert marks(database_url) == ["001_one applied", "002_two interrupted"]
    assert not has(database_url, "two")


def test_a_signal_after_the_last_step_takes_nothing_back(database_url: str) -> None:
    with (
        pytest.raises(ApplyError, match=r"asked to stop (when|after) its plan for staging was completed") as stopped,
        Runs(database_url).locked(ONE) as (held, plan),
    ):
        held.run(plan.steps[0], plan, Safeguards())
        raise KeyboardInterrupt
    assert stopped.value.applied == ("001_one",)
    assert marks(database_url) == ["001_one applied"]


def test_a_signal_before_the_first_step_is_no_failure_of_a_migration(database_url: str) -> None:
    with pytest.raises(KeyboardInterrupt), Runs(database_url).locked(ONE):
        raise KeyboardInterrupt
    assert marks(database_url) == []
    quiet(database_url)


def test_a_backend_that_is_terminated_takes_its_migration_with_it(database_url: str) -> None:
    runs = Runs(database_url)
    with (
        once(lambda: sleeps(database_url), lambda: terminate(database_url, WORKING)),
        pytest.raises(ApplyError, match="002_two: terminating connection") as lost,
    ):
        runs.apply(ONE, SLEEPING)
    assert "001_one done; 002_two left no trace" in lost.value.state
    assert marks(database_url) == ["001_one applied", "002_two failed"]
    runs.apply(ONE, TWO)
    assert has(database_url, "two")


def test_a_backend_whose_client_was_cut_off_is_ended_before_anything_is_said(database_url: str) -> None:
    """The server does not notice that nobody listens: it would go on, and commit."""
    with Runs(database_url).locked(ONE, SLEEPING) as (held, plan):
        held.run(plan.steps[0], plan, Safeguards())
        connection = held._work._connection
        assert connection is not None
        descriptor, backend = connection.pgconn.socket, connection.info.backend_pid

        def cut() -> None:
            with socket.socket(fileno=os.dup(descriptor)) as our_end:
                our_end.shutdown(socket.SHUT_RDWR)

        with once(lambda: sleeps(database_url), cut), pytest.raises(ApplyError) as lost:
            held.run(plan.steps[1], plan, Safeguards())
        assert fetch(database_url, f"select from pg_stat_activity where pid = {backend}") == []
    assert "002_two left no trace" in lost.value.state
    assert marks(database_url) == ["001_one applied", "002_two failed"]
    assert not has(database_url, "two")


def test_a_run_that_loses_all_its_sessions_leaves_no_trace_of_its_migration(database_url: str) -> None:
    """What a kill does: nothing can be recorded by this run."""
    runs = Runs(database_url)
    both = f"({WORKING}) or ({LOCKED})"
    with once(lambda: sleeps(database_url), lambda: terminate(database_url, both)), pytest.raises(ApplyError):
        runs.apply(ONE, SLEEPING)
    quiet(database_url)
    assert marks(database_url)[0] == "001_one applied"
    assert "002_two applied" not in marks(database_url)
    assert not has(database_url, "two")
    runs.apply(ONE, TWO)
    assert marks(database_url)[-1] == "002_two applied"


def test_a_batch_of_migrations_whose_backend_is_terminated_is_run_once_each(database_url: str) -> None:
    run(database_url, "create table log (n int)")
    more = [migration(f"{n:03}_log", sql=f"insert into log values ({n});") for n in range(2, 6)]
    more[2] = migration("004_log", sql="insert into log values (4);\nselect pg_sleep(60) where not go();")
    run(
        database_url,
        "create function go() returns bool language sql as $$ select to_regclass('gone_on') is not null $$",
    )

    def go_on() -> None:
        run(database_url, "create table gone_on ()")
        terminate(database_url, WORKING)

    with Runs(database_url).locked(ONE, *more) as (held, plan):
        held.run(plan.steps[0], plan, Safeguards())
        held._run_of(plan)._coalescer.pace.size = 8
        with once(lambda: sleeps(database_url), go_on):
            for step in plan.steps[1:]:
                held.run(step, plan, Safeguards())
    assert fetch(database_url, "select n from log order by n") == [(2,), (3,), (4,), (5,)]
    assert marks(database_url) == ["001_one applied", *(f"{n:03}_log applied" for n in range(2, 6))]
