"""A server that can be crashed, a run whose output is watched by line, and the invariants after any fault."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from ctgitops.postgres.connection.connect import Address, connect
from ctgitops.postgres.ledger.ledger import read_ledger
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.watchdog import Watchdog
from tests.faults.history import COUNT
from tests.servers import fetch
from tests.stories.house import Facts, House, Run, Running, advisory_locks, facts, marks, ours, until

MOST_RUNS = 4
DURABLE = {
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_level": "replica",
    "max_prepared_transactions": "5",
    "max_connections": "60",
}
MAY_END = {0, 4, 5, 6, 130, -9, -15}
"""Whatever was done to a run: it is done, cannot reach its server, must wait, failed, or was ended by a signal."""


class Breakable(LocalServer):
    """A server that crashes and comes back at the same place."""

    _watchdog: Watchdog
    _room: tuple[str, ...] = ()

    def _start(self, watchdog: Watchdog) -> None:
        self._watchdog = watchdog
        super()._start(watchdog)

    def crash(self) -> None:
        """`pg_ctl restart -m immediate`: every backend is gone at once, then it recovers from its log."""
        self._stop()
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        self._process = self._launch(self._watchdog, self.folder / "log")
        assert self._ready(), (self.folder / "log").read_text()

    @contextlib.contextmanager
    def full(self, megabytes: int) -> Iterator[None]:
        """A disk without room, after a crash: no table or index may grow beyond so much; a segment of its log may."""
        self._room = ("/bin/sh", "-c", f'ulimit -f {megabytes << 11}; exec "$@"', "sh")
        self.crash()
        try:
            yield
        finally:
            self._room = ()
            self.crash()

    def started_by(self, command: list[str]) -> list[str]:
        return [*self._room, *command]


class Watched:
    """A run whose lines are counted while it speaks."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.lines: list[str] = []
        self._out: list[str] = []
        self._news = threading.Condition()
        self._over = False
        self._threads = [threading.Thread(target=read, daemon=True) for read in (self._listen, self._collect)]
        for thread in self._threads:
            thread.start()

    def said_line(self, number: int, seconds: float = 60) -> bool:
        """Waits for its line of that number, from 1; False where it ended before."""
        with self._news:
            assert self._news.wait_for(lambda: self._over or len(self.lines) >= number, seconds), self.lines
            return len(self.lines) >= number and self.running.process.poll() is None

    def said(self, text: str, seconds: float = 60) -> bool:
        """Waits until it has said `text`; False where it ended before."""
        with self._news:
            happened = self._news.wait_for(lambda: self._over or any(text in line for line in self.lines), seconds)
            assert happened, self.lines
            return any(text in line for line in self.lines) and self.running.process.poll() is None

    def waited(self, seconds: float) -> bool:
        """Lets it work for so long; False where it ended before."""
        with self._news:
            return not self._news.wait_for(lambda: self._over, seconds)

    def ended(self, seconds: float = 60) -> Run:
        self.running.process.wait(seconds)
        for thread in self._threads:
            thread.join(seconds)
        for stream in (self.running.process.stdout, self.running.process.stderr):
            if stream:
                stream.close()
        return self.running.house.checked(Run(self.running.process.returncode, "".join(self._out), "".join(self.lines)))

    def _listen(self) -> None:
        assert self.running.process.stderr is not None
        for line in self.running.process.stderr:
            with self._news:
                self.lines.append(line)
                self._news.notify_all()
        with self._news:
            self._over = True
            self._news.notify_all()

    def _collect(self) -> None:
        assert self.running.process.stdout is not None
        self._out.extend(self.running.process.stdout)


@dataclass(frozen=True)
class Undisturbed:
    """What a run leaves that nobody disturbs, how long it takes, and how many lines it says."""

    facts: Facts
    seconds: float
    lines: int


@dataclass(frozen=True)
class Scene:
    """One repository with one fresh database, and chance."""

    house: House
    url: str
    server: Breakable
    chance: Random

    def start(self, environ: Mapping[str, str] | None = None) -> Watched:
        return Watched(self.house.start("apply", "--env", "staging", environ=dict(environ or {})))


def repository(root: Path) -> House:
    root.mkdir(parents=True)
    return House(root)


def goes_on(house: House) -> int:
    """Runs it again until it is done; returns how often that was."""
    for count in range(1, MOST_RUNS + 1):
        done = house.apply("--wait", "60")
        if done.status == 0:
            return count
        assert done.status in {5, 6}, done.said
    raise AssertionError(f"not done after {MOST_RUNS} more runs: {done.said}")


def all_is_well(url: str, undisturbed: Facts) -> None:
    """Each migration once, a whole ledger, nothing INVALID, nothing left open, and the schema as it should be."""
    until(lambda: not ours(url) and not advisory_locks(url), 15)
    twice = fetch(url, "select number, count(*) from log group by number having count(*) <> 1")
    assert twice == []
    applied = [mark for mark in marks(url) if mark.endswith(" applied") and mark[:3].isdigit() and ".sql" not in mark]
    assert len(applied) == len(set(applied)) == COUNT
    with connect(Address(url, "the test's database"), "ctgitops test") as connection:
        ledger = read_ledger(connection, Address(url, "the test's database"))
    assert ledger.broken_at() is None
    assert not ledger.unfinished
    assert fetch(url, "select indexrelid::regclass::text from pg_index where not (indisvalid and indisready)") == []
    assert fetch(url, "select touched, count(*) from big group by touched") == [(1, 3001)]
    assert fetch(url, _LEFT_OPEN) == []
    found = facts(url)
    assert [f for f in found if f not in undisturbed] == []
    assert [f for f in undisturbed if f not in found] == []


_LEFT_OPEN = """
select 'session', application_name, state from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
  and (state like 'idle in transaction%' or application_name like 'ctgitops%' and application_name <> 'ctgitops test')
union all select 'prepared', gid, '' from pg_prepared_xacts where database = current_database()
union all select 'lock', relation::regclass::text, mode from pg_locks
where database = (select oid from pg_database where datname = current_database())
  and pid <> pg_backend_pid() and locktype in ('relation', 'advisory')
  and not exists (select from pg_stat_activity a where a.pid = pg_locks.pid and a.backend_type = 'autovacuum worker')
"""
