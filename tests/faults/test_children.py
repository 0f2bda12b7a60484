"""If a child process of the run is killed, such as pg_dump or a throw-away server, nothing is applied unproved."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.scene import Scene, Watched, goes_on
from tests.servers import fetch, run
from tests.stories.house import House, advisory_locks, has, marks, ours, until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


def children(of: int) -> list[int]:
    """All processes below a process; those of a watchdog's session too."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found: list[int] = []
    level = [of]
    while level:
        level = [pid for pid, parent in parents.items() if parent in level]
        found += level
    return found


def working(of: int, program: str) -> list[int]:
    """Those of them that are this program by now, not the shell that starts it."""
    found = []
    for pid in children(of):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text().strip() == program:
                found.append(pid)
    return found


@pytest.mark.skipif(not Path("/proc/self/comm").exists(), reason="processes are found in /proc")
@pytest.mark.parametrize("program", ["pg_dump", "pg_restore", "postgres"])
def test_a_child_that_is_killed_costs_the_backup_and_nothing_else(
    scene: Scene, tmp_path: Path, program: str, record_property: Callable[[str, object], None]
) -> None:
    """Seen to fail where a backup that failed is passed over: it was applied without a receipt."""
    house = House(scene.house.root.parent / "backed_up")
    house.policy("header: optional\n")
    house.environment("staging", scene.url, f"backup: {{to: {tmp_path / 'backups'}}}\n")
    house.migration("001_one", "create table one ();")
    run(scene.url, "create table big as select n, repeat('x', 500) word from generate_series(1, 60000) n")
    watched = Watched(house.start("apply", "--env", "staging"))
    until(lambda: working(watched.running.process.pid, program), 60)
    for pid in working(watched.running.process.pid, program)[:1]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    record_property("fault", f"a child is killed, at {program}")
    record_property("struck", True)
    done = watched.ended(120)
    assert done.status in {0, 7}, done.said
    assert has(scene.url, "one") is (done.status == 0)
    goes_on(house)
    until(lambda: not ours(scene.url) and not advisory_locks(scene.url), 15)
    assert [mark for mark in marks(scene.url) if mark.endswith("applied")] == ["001_one applied"]
    assert fetch(scene.url, "select receipt is not null from ctgitops.ledger where mark = 'applied'") == [(True,)]
