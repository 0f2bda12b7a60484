"""Adverse server conditions: unsuitable defaults, a full disk, and a standby."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.scene import Scene, Undisturbed, all_is_well, goes_on
from tests.servers import fetch, run
from tests.stories.house import House, marks

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
HOSTILE = {
    "statement_timeout": "1ms",
    "lock_timeout": "1ms",
    "idle_in_transaction_session_timeout": "1ms",
    "idle_session_timeout": "50ms",
    "default_transaction_isolation": "repeatable read",
    "default_transaction_deferrable": "on",
    "standard_conforming_strings": "off",
    "datestyle": "German, DMY",
    "timezone": "Pacific/Chatham",
    "synchronous_commit": "off",
}
FAT = """create table fat (word text);
insert into fat select (select string_agg(md5(n || ',' || k), '') from generate_series(1, 15) k)
from generate_series(1, {rows}) n;"""


def test_p26_defaults_of_the_database_and_of_the_role_that_are_against_us(
    scene: Scene, undisturbed: Undisturbed, record_property: Callable[[str, object], None]
) -> None:
    name = fetch(scene.url, "select quote_ident(current_database())")[0][0]
    # From another database, where none of them holds for us
    for key, value in HOSTILE.items():
        run(scene.server.url(), f"alter database {name} set {key} = '{value}'")
    record_property("fault", "defaults of the server against us, at its start")
    record_property("struck", True)
    watched = scene.start()
    watched.said_line(20)
    watched.running.kill()
    watched.ended()
    goes_on(scene.house)
    for key in HOSTILE:
        run(scene.server.url(), f"alter database {name} reset {key}")
    all_is_well(scene.url, undisturbed.facts)


def test_a_disk_that_is_full_leaves_no_trace_or_what_is_healed(
    scene: Scene, record_property: Callable[[str, object], None]
) -> None:
    house = House(scene.house.root.parent / "other")
    house.policy("header: optional\n")
    house.environment("staging", scene.url, "timeouts: {lock: 200ms, retry_for: 5s}\n")
    house.migration("001_fat", FAT.format(rows=60_000))
    house.migration("002_index", "create index concurrently fat_word on fat (word, upper(word));")
    record_property("fault", "the disk is full, at a table and at an index")
    record_property("struck", True)
    with scene.server.full(20):
        done = house.apply()
    assert done.status == 6, done.said
    assert "could not extend file" in done.words
    assert "001_fat left no trace" in done.words
    assert house.apply("--to", "001").status == 0
    with scene.server.full(40):
        done = house.apply()
    assert done.status == 6, done.said
    assert "002_index is unfinished" in done.words
    assert fetch(scene.url, "select count(*) from pg_index where not indisvalid") == [(1,)]
    house.applied()
    assert fetch(scene.url, "select count(*) from pg_index where not indisvalid") == [(0,)]
    assert [mark for mark in marks(scene.url) if mark.endswith("applied")] == ["001_fat applied", "002_index applied"]
