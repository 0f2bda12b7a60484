"""The last words of a run that is stopped, or whose server crashes: nothing is called done that may be lost."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from ctgitops.commands.apply import apply
from ctgitops.core.plan.plan import Plan, Step
from ctgitops.core.run.progress import Progress, StepFinished, StepStarted
from ctgitops.errors import ApplyError, LedgerError
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.session.coalesce import Pace
from ctgitops.wiring.wiring import Wiring
from tests.servers import base_for_servers, fetch, fresh_database, programs_for_tests, session
from tests.stories.house import House, marks, runs, until


def applied_until(house: House, at: Callable[[Progress], bool]) -> None:
    """An apply in this process that is asked to stop while it tells of something."""

    def tell(progress: Progress) -> None:
        if at(progress):
            raise KeyboardInterrupt

    wiring = Wiring(house.root, house.secrets)
    apply(wiring.request("staging"), databases=wiring.databases, backups=wiring.backups, tell=tell)


def stopped(house: House, at: Callable[[Progress], bool]) -> ApplyError:
    with pytest.raises(ApplyError) as caught:
        applied_until(house, at)
    return caught.value


@pytest.fixture
def six(house: House) -> House:
    for number in range(1, 7):
        house.migration(f"{number:03}_t", f"create table t{number} ();")
    return house


def test_between_two_migrations_it_says_what_is_applied(six: House, database_url: str) -> None:
    """Seen to fail without the fix: status 130, which is that of a run that applied nothing, and no entry."""
    error = stopped(six, lambda p: isinstance(p, StepFinished) and p.position == 5)
    assert "the run was asked to stop" in error.what
    assert "001_t to 005_t, 5 in all, done; 006_t left no trace" in error.state
    assert error.applied == tuple(f"{n:03}_t" for n in range(1, 6))
    assert marks(database_url)[-2:] == ["005_t applied", "006_t interrupted"]
    six.applied()
    assert marks(database_url)[-1] == "006_t applied"


def test_before_the_first_nothing_is_applied(six: House, database_url: str) -> None:
    """The command line ends with 130 then."""
    with pytest.raises(KeyboardInterrupt):
        applied_until(six, lambda p: isinstance(p, StepStarted))
    assert marks(database_url) == []


def test_after_the_last_nothing_is_left_to_do(six: House, database_url: str) -> None:
    error = stopped(six, lambda p: isinstance(p, StepFinished) and p.position == 6)
    assert "001_t to 006_t, 6 in all, done; the plan is complete" in error.state
    assert marks(database_url)[-1] == "006_t applied"


def test_in_our_own_code_while_a_migration_is_prepared(
    six: House, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose = Pace.choose

    def interrupted(self: Pace, step: Step, plan: Plan) -> tuple[Step, ...]:
        if step.number > 1:
            raise KeyboardInterrupt
        return choose(self, step, plan)

    monkeypatch.setattr(Pace, "choose", interrupted)
    error = stopped(six, lambda _: False)
    assert "in staging, 001_t done; 002_t left no trace" in error.state
    assert marks(database_url) == ["001_t applied", "002_t interrupted"]


def test_with_all_in_one_transaction(six: House, database_url: str) -> None:
    six.environment("staging", database_url, "transaction: all\n")
    error = stopped(six, lambda p: isinstance(p, StepFinished) and p.position == 2)
    assert "001_t to 006_t, 6 in all, done; the plan is complete" in error.state
    assert marks(database_url)[-1] == "006_t applied"


def test_a_lock_that_is_lost_between_two_migrations(six: House, database_url: str) -> None:
    """Seen to fail without the fix: the error named nothing, and the Action's output `applied` was 0."""

    def end_lock(progress: Progress) -> bool:
        if isinstance(progress, StepFinished) and progress.position == 1:
            fetch(database_url, f"select pg_terminate_backend(pid, 5000) from {LOCK}")
        return False

    error = stopped(six, end_lock)
    assert "the connection that holds the run lock was lost" in error.what
    assert error.state == "in staging, 001_t done; nothing more was started"
    assert error.applied == ("001_t",)
    assert marks(database_url) == ["001_t applied"]


LOCK = "pg_stat_activity where application_name = 'ctgitops/lock' and datname = current_database()"


# What was not flushed. -------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("comes_back", [True, False])
def test_what_a_crash_takes_back_is_not_called_done(comes_back: bool) -> None:
    """Commits that do not wait for the disk are lost when all of the server is killed before it wrote them."""
    settings = {"wal_writer_delay": "10s", "restart_after_crash": "on" if comes_back else "off"}
    with LocalServer(programs_for_tests(), settings=settings, base=base_for_servers()) as server:
        url = server.create_database("app").url
        house = House(Path(tempfile.mkdtemp(dir=server.folder)))
        house.policy("header: optional\n")
        house.environment("staging", url)
        house.migration("001_one", "create table one ();")
        house.applied()
        for number in (2, 3, 4):
            house.migration(f"{number:03}_t", f"create table t{number} ();")
        house.migration("005_sleep", "select pg_sleep(60);", verify="select true;")  # so it travels alone
        running = house.start("apply", "--env", "staging")
        until(lambda: runs(url, "pg_sleep"))
        backend = fetch(url, "select pid from pg_stat_activity where query ~ 'pg_sleep' and pid <> pg_backend_pid()")
        subprocess.run(["/bin/kill", "-9", str(backend[0][0])], check=True)
        done = running.ended()
        there = marks(url) if comes_back else []
    assert done.status == 6, done.said
    state = done.words.partition("state: ")[2].partition("whether")[0]
    called_done, lost_or_unknown = state.partition(" done;")[0::2] if " done;" in state else ("", state)
    if not comes_back:
        assert "committed, but not confirmed to be on the server's disk (the next run checks)" in lost_or_unknown
    else:
        assert "committed, but lost when the server crashed before they were on its disk" in lost_or_unknown
    for name in ("002_t", "003_t", "004_t"):
        assert (name in called_done) is (f"{name} applied" in there), (state, there)
        assert (name in lost_or_unknown) is (f"{name} applied" not in there), (state, there)


@pytest.fixture(scope="module")
def forgetful() -> Iterator[LocalServer]:
    """Its log is written to the disk every ten seconds, unless a commit waits for that."""
    settings = {"wal_writer_delay": "10s", "restart_after_crash": "on", "synchronous_commit": "off"}
    with LocalServer(programs_for_tests(), settings=settings, base=base_for_servers()) as server:
        yield server


def crash(url: str) -> None:
    """A backend is killed, and the server throws away all that is not on its disk."""
    with session(url) as backend:
        subprocess.run(["/bin/kill", "-9", str(backend.info.backend_pid)], check=True)
        until(lambda: not is_up(url))
    until(lambda: is_up(url))


def is_up(url: str) -> bool:
    try:
        return fetch(url, "select 1") == [(1,)]
    except (LedgerError, psycopg.OperationalError):
        return False


BATCH = """with batch as (select n from one where n = 1 limit $1 for update skip locked)
update one set n = 2 from batch where one.n = batch.n;"""
LASTS = {
    "each": ("", "create table last ();"),
    "all": ("transaction: all\n", "create table last ();"),
    "its own setting": ("", "set synchronous_commit = off; create table last ();"),
    "outside": ("", "create table last (); vacuum last;"),
    "batch": ("", f"-- ctgitops: batch size=100\n{BATCH}"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*LASTS, "seed", "repair", "failed"])
def test_what_is_called_done_is_on_disk_where_synchronous_commit_is_off(
    kind: str, forgetful: LocalServer, tmp_path: Path
) -> None:
    """Seen to fail without the fix: an apply that ended with 0 was lost in a crash of the server."""
    url = fresh_database(forgetful)
    house = House(tmp_path)
    house.policy("header: optional\n")
    manifest, sql = LASTS.get(kind, ("seeds: [seeds]\n" if kind == "seed" else "", "create table last ();"))
    house.environment("staging", url, manifest)
    house.migration("001_one", "create table one (n int); insert into one values (1);")
    if kind == "failed":
        house.migration("002_last", sql)
        house.migration("003_wrong", "select 1 / 0;")
    elif kind == "seed":
        house.write("seeds/001_words.sql", "insert into one values (3);")
    else:
        house.migration("002_last", sql)
    done = house.apply()
    if kind == "repair":
        done = house.run("repair", "--not-applied", "002", "--env", "staging", "--reason", "it was undone by hand")
    assert done.status == (6 if kind == "failed" else 0), done.said
    said = marks(url)
    crash(url)
    assert marks(url) == said
