"""Many runs at once, and an application at work while another session reads for a long time."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable

import psycopg
import pytest

from tests.faults.history import COUNT
from tests.faults.scene import Scene, Undisturbed, Watched, all_is_well, goes_on
from tests.servers import run, session
from tests.stories.house import House, has, marks, until
from tests.stories.test_pooler import PASSED_ON, bouncer

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
WHOLE = int(os.environ.get("CTGITOPS_FAULTS", "26")) >= 100
READS_FOR = 60 if WHOLE else 12
PATIENCE = 3.0
"""An application gives up a query after so many seconds; with our attempts of 0.2 s it never has to."""


@pytest.mark.parametrize("full", [False, True], ids=["empty", "full"])
def test_p06_eight_runs_at_once_on_a_database_that_is(
    scene: Scene, undisturbed: Undisturbed, full: bool, record_property: Callable[[str, object], None]
) -> None:
    if full:
        goes_on(scene.house)
        before = marks(scene.url)
    record_property("fault", "eight runs at once, at their start")
    record_property("struck", True)
    watched = [scene.start() for _ in range(8)]
    ended = [each.ended(240) for each in watched]
    assert [each.status for each in ended] == [0] * 8, "\n".join(each.said for each in ended)
    assert sum("up to date" in each.out for each in ended) == (8 if full else 7)
    if full:
        assert marks(scene.url) == before
    all_is_well(scene.url, undisturbed.facts)


def test_p06_eight_runs_at_once_with_two_checkouts(
    scene: Scene, undisturbed: Undisturbed, record_property: Callable[[str, object], None]
) -> None:
    """Four have the whole history, four a commit from before its second half."""
    older = House(scene.house.root.parent / "older", dict(scene.house.secrets))
    shutil.copytree(scene.house.root, older.root)
    for file in (older.root / "migrations").glob("*.sql"):
        if int(file.name[:3]) > COUNT // 2:
            file.unlink()
    for file in (older.root / "seeds").rglob("*.sql"):
        file.unlink()
    record_property("fault", "eight runs at once with two checkouts, at their start")
    record_property("struck", True)
    watched = [Watched(house.start("apply", "--env", "staging")) for house in (scene.house, older) * 4]
    ended = [each.ended(240) for each in watched]
    assert [each.status for each in ended[::2]] == [0] * 4, "\n".join(each.said for each in ended)
    assert {each.status for each in ended[1::2]} <= {0, 4}, "\n".join(each.said for each in ended)
    assert all("the database is newer than this checkout" in each.words for each in ended[1::2] if each.status == 4)
    all_is_well(scene.url, undisturbed.facts)


@pytest.mark.parametrize("mode", ["direct", "transaction"])
def test_p08_an_application_works_on_while_a_long_reader_is_in_our_way(
    scene: Scene, mode: str, record_property: Callable[[str, object], None]
) -> None:
    """Seen to fail with `lock: 20s` in the manifest: the application's queries were cancelled behind ours."""
    house = House(scene.house.root.parent / "other")
    house.policy("header: optional\n")
    house.environment("staging", scene.url, "timeouts: {lock: 200ms, retry_for: 5min}\n")
    house.migration("001_busy", "alter table busy add column more text;\ninsert into log values (1);")
    run(scene.url, "create table busy (id int); create table log (number int)")
    record_property("fault", f"a reader of {READS_FOR} s, at our ALTER TABLE")
    record_property("struck", True)
    with contextlib.ExitStack() as stack:
        through = scene.url if mode == "direct" else stack.enter_context(bouncer(scene.url, mode, PASSED_ON))
        application = Application(through)
        reader = stack.enter_context(session(scene.url))
        reader.execute("begin")
        reader.execute("select from busy")
        running = house.start("apply", "--env", "staging")
        with application:
            if mode != "direct":
                refused_through(through, house)
            time.sleep(READS_FOR)
            assert not application.failures
            assert application.worked > READS_FOR
            assert not marks(scene.url)
            reader.execute("commit")
            done = running.ended(120)
    assert done.status == 0, done.said
    assert "idle in transaction: select from busy" in done.err
    assert not application.failures
    assert marks(scene.url) == ["001_busy applied"]
    until(lambda: has(scene.url, "busy"))


def refused_through(pooler: str, house: House) -> None:
    """A second run that is given the pooler's URL changes nothing, by whichever of its signs it is known first."""
    pooled = house.run("apply", "--env", "staging", environ={"STAGING_DATABASE_URL": pooler})
    assert pooled.status == 2, pooled.said
    signs = ("uses another server session for each transaction", "drops session settings")
    assert any(sign in pooled.words for sign in signs), pooled.said


class Application:
    """SELECTs and INSERTs, one after the other, that give up after a while."""

    def __init__(self, url: str) -> None:
        self.worked = 0
        self.failures: list[str] = []
        self._url = url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        with session(self._url) as connection:
            while not self._stop.wait(0.005):
                try:
                    with connection.transaction():
                        connection.execute(f"set local statement_timeout = '{PATIENCE}s'".encode())
                        connection.execute("select count(*) from busy")
                        connection.execute("insert into busy values (1)")
                    self.worked += 2
                except psycopg.Error as error:
                    self.failures.append(str(error))
