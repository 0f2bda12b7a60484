"""How far a dump or a restore is: true, never 100 before its end, and never in its way."""

from __future__ import annotations

import pytest

from ctgitops.backup import meter
from ctgitops.core.run.backup_progress import BackupMeasured, Measure
from ctgitops.postgres.catalog import copy_progress
from tests.backup.scene import Scene
from tests.servers import run

ROWS = """
create table large as select n, md5(n::text) || md5((-n)::text) as a from generate_series(1, 100000) n;
create table small as select generate_series(1, 100) as a; create table "Empty" (a int); analyze
"""


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter, "EVERY_SECONDS", 0.01)


@pytest.mark.usefixtures("often")
def test_a_dump_and_its_proof_tell_how_far_they_are(quick: Scene) -> None:
    run(quick.url, ROWS)
    quick.take()
    dumped = [each.measure for each in quick.measured if each.measure.doing == "dumping"]
    restored = [each.measure for each in quick.measured if each.measure.doing == "restoring"]
    for measures in (dumped, restored):
        percents = [each.percent for each in measures if each.percent is not None]
        assert percents == sorted(percents)
        assert 0 < max(percents) <= 99
    assert max(each.done for each in restored) > 50_000
    assert {each.tables[1] for each in restored if each.tables} == {2}
    assert all(each.rate >= 0 for each in quick.measured)


@pytest.mark.usefixtures("often")
def test_a_look_that_fails_does_not_fail_the_backup(quick: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise RuntimeError("no connection is free")

    monkeypatch.setattr(copy_progress._ProgressQuery, "_connected", refuse)
    run(quick.url, ROWS)
    quick.take()
    assert quick.measured
    assert {each.measure.doing for each in quick.measured} == {"dumping"}
    assert {each.measure.percent for each in quick.measured} == {None}


def test_what_is_told_at_each_tenth_is_worth_a_line() -> None:
    told: list[BackupMeasured] = []
    percents = iter([0, 4, 10, 19, 35, 34, None, 40])

    def measure() -> Measure:
        return Measure("dumping", "written", 5, next(percents))

    def tell(progress: object) -> None:
        assert isinstance(progress, BackupMeasured)
        told.append(progress)

    one = meter._Meter(measure, tell)
    for _ in range(8):
        one.sample()
    assert [each.milestone for each in told] == [False, False, True, False, True, False, False, True]


@pytest.mark.parametrize(("done", "of", "percent"), [(0, 10, 0), (5, 10, 50), (10, 10, 99), (25, 10, 99), (5, 0, None)])
def test_no_more_than_99_percent_before_the_end(done: int, of: int, percent: int | None) -> None:
    assert meter._percent(done, of) == percent
