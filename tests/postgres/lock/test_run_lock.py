"""The run lock on a real server: one run at a time, and what is said of the run that holds it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta

import pytest

from ctgitops.core.gate.request import Origin
from ctgitops.core.ledger.safeguards import Safeguards
from ctgitops.core.run.progress import LockAwaited, OrphanAwaited
from ctgitops.errors import ApplyError, MustWaitError
from ctgitops.postgres.connection.connect import Address, Connection, connect
from ctgitops.postgres.lock import orphaned_backends, run_lock
from ctgitops.postgres.lock.run_lock import RUN_LOCK, holder_of
from tests.fakes import migration
from tests.postgres.runs import LOCKED, ONE, WORKING, Runs, once, sleeps, stop, terminate
from tests.servers import fetch, run, session
from tests.stories.house import advisory_locks, database_of, has, marks, until

TWO = migration("002_two", sql="create table two ();")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (run_lock, orphaned_backends):
        monkeypatch.setattr(module, "POLL_SECONDS", 0.01)


@contextmanager
def held(url: str) -> Iterator[Connection]:
    """Another session that holds the run lock."""
    with session(url) as other:
        other.execute("select pg_advisory_lock(%s)", [RUN_LOCK])
        yield other


def test_a_run_waits_until_the_lock_is_free_and_says_so_once(database_url: str) -> None:
    runs, moments = Runs(database_url), set()
    began = f"select query_start from pg_stat_activity where {LOCKED}"

    def waits() -> bool:
        moments.update(fetch(database_url, began))
        return bool(runs.heard) and len(moments) > 4

    with held(database_url) as other:
        with once(waits, lambda: other.execute("select pg_advisory_unlock_all()")):
            runs.apply(ONE)
        (awaited,) = [each for each in runs.heard if isinstance(each, LockAwaited)]
        assert f"backend {other.info.backend_pid}, ctgitops test, user postgres" in awaited.holder
    assert marks(database_url) == ["001_one applied"]


def test_a_look_for_the_holder_keeps_the_role_of_the_session(database_url: str) -> None:
    role = f"applies_{database_of(database_url)}"
    run(database_url, f"create role {role}")
    with connect(Address(database_url, "staging", role=role), "ctgitops/lock") as connection:
        for holder in (nullcontext(), held(database_url)):
            with holder:
                holder_of(connection)
            assert connection.execute("select current_user").fetchone() == (role,)


def test_a_run_that_may_not_wait_changes_nothing_and_names_the_holder(database_url: str) -> None:
    with held(database_url) as other:
        with pytest.raises(MustWaitError, match=r"another run holds the (run )?lock") as refused:
            Runs(database_url, wait=timedelta()).apply(ONE)
        assert f"backend {other.info.backend_pid}" in refused.value.what
    assert refused.value.state == "nothing was changed"
    assert not has(database_url, "ctgitops.ledger")
    assert not has(database_url, "one")


def test_a_run_that_is_stopped_while_it_waits_changes_nothing(database_url: str) -> None:
    runs = Runs(database_url)
    with held(database_url), once(lambda: runs.heard, stop), pytest.raises(MustWaitError, match="asked to stop"):
        runs.apply(ONE)
    assert not has(database_url, "ctgitops.ledger")
    until(lambda: advisory_locks(database_url) == 0)


def test_runs_at_the_same_time_apply_each_migration_once(database_url: str) -> None:
    run(database_url, "create table log (n int)")
    migrations = [migration(f"{n:03}_log", sql=f"insert into log values ({n});") for n in range(1, 5)]
    started = [threading.Thread(target=Runs(database_url).apply, args=migrations) for _ in range(4)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    assert fetch(database_url, "select n from log order by n") == [(1,), (2,), (3,), (4,)]
    assert marks(database_url) == [f"{n:03}_log applied" for n in range(1, 5)]


def test_the_lock_is_free_after_a_run_however_it_ended(database_url: str) -> None:
    Runs(database_url).apply(ONE)
    until(lambda: advisory_locks(database_url) == 0)  # the server notices the end of a session a moment later
    with pytest.raises(ApplyError):
        Runs(database_url).apply(ONE, migration("002_two", sql="select 1 / 0;"))
    until(lambda: advisory_locks(database_url) == 0)
    assert fetch(database_url, "select ended >= since from ctgitops.lease") == [(True,)]


def test_a_lock_of_another_database_or_another_number_is_not_the_run_lock(
    database_url: str, make_database: Callable[[], str]
) -> None:
    with held(make_database()), session(database_url) as other:
        other.execute("select pg_advisory_lock(1)")
        other.execute("select pg_advisory_lock(1, 2)")
        assert Runs(database_url).database.holder() is None
        Runs(database_url, wait=timedelta()).apply(ONE)
    assert marks(database_url) == ["001_one applied"]


def test_the_holder_is_described_by_its_actor_its_run_and_what_it_does(database_url: str) -> None:
    runs = Runs(database_url, origin=Origin(actor="anna", run_url="https://ci/7"))
    busy: list[str] = []

    def result() -> None:
        if (holder := runs.database.holder()) is not None:
            busy.append(holder.busy)
        terminate(database_url, WORKING)

    with runs.locked(ONE, migration("002_two", sql="select pg_sleep(60);")) as (held, plan):
        before = runs.database.holder()
        assert before is not None
        assert (before.actor, before.run_url, before.step, before.busy) == ("anna", "https://ci/7", "", "")
        assert before.alive
        assert before.ours
        with once(lambda: sleeps(database_url), result), pytest.raises(ApplyError):
            held.run(plan.steps[1], plan, Safeguards())
    assert [each.startswith("active for ") for each in busy] == [True]
    until(lambda: runs.database.holder() is None)  # a backend releases its locks a moment after the client closed


def test_a_run_that_lost_its_lock_begins_nothing_more(database_url: str) -> None:
    runs = Runs(database_url)
    with (
        runs.locked(ONE, TWO) as (held, plan),
        pytest.raises(ApplyError, match="the connection that holds the run lock") as lost,
    ):
        held.run(plan.steps[0], plan, Safeguards())
        terminate(database_url, LOCKED)
        held.run(plan.steps[1], plan, Safeguards())
    assert "001_one done" in lost.value.state
    assert lost.value.applied == ("001_one",)
    assert marks(database_url) == ["001_one applied"]
    runs.apply(ONE, TWO)
    assert marks(database_url) == ["001_one applied", "002_two applied"]


def test_a_backend_that_a_lost_run_left_at_work_is_waited_for(database_url: str) -> None:
    runs = Runs(database_url)
    with session(database_url) as orphan:
        orphan.execute(b"set application_name = 'ctgitops/002'; begin; create table left_behind ();")
        pid = orphan.info.backend_pid
        with once(lambda: runs.heard, lambda: orphan.execute("commit")):
            runs.apply(ONE)
    (awaited,) = [each for each in runs.heard if isinstance(each, OrphanAwaited)]
    assert awaited.orphan.pid == pid
    assert has(database_url, "left_behind")
    assert marks(database_url) == ["001_one applied"]


def test_a_backend_that_does_not_end_keeps_the_next_run_from_beginning(database_url: str) -> None:
    with session(database_url) as orphan:
        orphan.execute(b"set application_name = 'ctgitops/002'; begin; select 1;")
        pid = orphan.info.backend_pid
        with pytest.raises(MustWaitError) as refused:
            Runs(database_url, patience=timedelta(milliseconds=50)).apply(ONE)
    assert f"pg_terminate_backend({pid})" in refused.value.hint
    assert not has(database_url, "ctgitops.ledger")
    assert not has(database_url, "one")


def test_unlock_ends_the_holder_and_the_sessions_of_its_run_and_no_others(database_url: str) -> None:
    database = Runs(database_url).database
    Runs(database_url).apply(ONE)
    with session(database_url) as earlier, session(database_url) as other:
        earlier.execute("set application_name = 'ctgitops/apply'")
        with held(database_url) as lock, session(database_url) as worker:
            lock.execute("set application_name = 'ctgitops/lock'")
            worker.execute("set application_name = 'ctgitops/002'")
            holder = database.holder()
            assert holder is not None
            assert database.end(holder)
            alive = {pid for (pid,) in fetch(database_url, "select pid from pg_stat_activity")}
            assert not {lock.info.backend_pid, worker.info.backend_pid} & alive
            assert {earlier.info.backend_pid, other.info.backend_pid} <= alive
            assert database.holder() is None


def test_a_step_that_is_noted_right_after_a_report_waits_for_the_next_one(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A history of thousands of quick migrations does not write thousands of rows."""
    runs = Runs(database_url)
    with runs.locked(ONE) as (held, _):
        held.set_activity("too early")
        monkeypatch.setattr(run_lock, "LEASE_SECONDS", -1)
        before = fetch(database_url, "select step from ctgitops.lease")
        held.set_activity("in time")
        after = fetch(database_url, "select step from ctgitops.lease")
    assert (before, after) == ([(None,)], [("in time",)])
