"""The rounds of one benchmark, with databases whose speed the test decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from ctgitops.commands.measuring.benchmark_rounds import FEWEST_PAIRS, LONG_PAIRS, measure
from ctgitops.core.benchmark.benchmark import Benchmark
from ctgitops.core.benchmark.comparison import Turn
from ctgitops.core.benchmark.failure import BenchmarkError
from ctgitops.core.benchmark.outcome import BenchmarkResult, BenchmarkVerdict
from ctgitops.errors import LedgerError

BEFORE, AFTER = {"PGDATABASE": "before"}, {"PGDATABASE": "after"}


@dataclass
class Machine:
    """Two databases. `millis` are the times of a run in each round, or the error."""

    before: list[float | BenchmarkError]
    after: list[float | BenchmarkError]
    log: list[str] = field(default_factory=list)
    scanned: dict[str, bool] = field(default_factory=dict)
    lost: bool = False

    def settle(self, *, rewrite: bool = True) -> None:
        assert not rewrite
        self.log.append("settle")
        if self.lost:
            raise LedgerError("the connection was lost")

    @contextmanager
    def session(self, _: Benchmark, variables: Mapping[str, str]) -> Iterator[Any]:
        name = variables["PGDATABASE"]
        rounds = self.before if name == "before" else self.after
        found = rounds.pop(0) if len(rounds) > 1 else rounds[0]
        if isinstance(found, BenchmarkError):
            raise found
        yield Session(self, name, found)


@dataclass
class Session:
    machine: Machine
    name: str
    millis: float

    def plans(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return (("select 1", ("Seq Scan",)),)

    def scanned(self) -> Mapping[str, bool]:
        return self.machine.scanned

    def turn(self, times: int) -> Turn:
        self.machine.log.append(f"{self.name} {times}")
        return Turn(self.millis, 3, times * self.millis / 1000)


def measured(machine: Machine) -> BenchmarkResult:
    copies = cast("Any", (machine, machine))
    return measure(Benchmark("b", "select 1", "b.sql"), (BEFORE, AFTER), copies, cast("Any", machine))


def test_the_databases_take_turns_and_each_begins_half_of_the_pairs() -> None:
    machine = Machine([100], [100])
    assert measured(machine).verdict is BenchmarkVerdict.UNCHANGED
    turns = machine.log[4:]
    assert len(turns) == 2 * FEWEST_PAIRS
    assert turns[:4] == ["before 1", "after 1", "after 1", "before 1"]
    assert turns.count("before 1") == turns.count("after 1")


def test_a_regression_is_measured_again_after_an_analysis_of_both_copies() -> None:
    machine = Machine([100], [200])
    assert measured(machine).verdict is BenchmarkVerdict.SLOWER
    assert machine.log.count("settle") == 2
    chance = Machine([100], [200, 100])
    assert measured(chance).verdict is BenchmarkVerdict.UNCHANGED
    assert measured(Machine([100], [200], lost=True)).verdict is BenchmarkVerdict.UNKNOWN


def test_a_run_that_becomes_long_is_not_repeated_in_a_turn() -> None:
    machine = Machine([0.2], [22_000])
    assert measured(machine).verdict is BenchmarkVerdict.SLOWER
    assert machine.log.count("after 1") == 2 * (1 + LONG_PAIRS)
    assert {each for each in machine.log if each != "settle"} == {"before 1", "after 1"}


def test_a_run_that_scans_only_tables_without_rows_is_unknown() -> None:
    nothing = measured(Machine([1], [1], scanned={"public.a": False}))
    assert (nothing.verdict, nothing.comparison) == (BenchmarkVerdict.UNKNOWN, None)
    assert nothing.what == "no rows in public.a: add it to `rows`, or write a seed file"
    some = measured(Machine([1], [1], scanned={"public.a": False, "public.b": True}))
    assert (some.verdict, some.what) == (BenchmarkVerdict.UNCHANGED, nothing.what)


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (1.0, BenchmarkError("column x does not exist"), BenchmarkVerdict.BROKEN),
        (BenchmarkError("relation t does not exist"), 1.0, BenchmarkVerdict.NEW),
        (BenchmarkError("relation t does not exist"), BenchmarkError("the same"), BenchmarkVerdict.UNKNOWN),
        (1.0, BenchmarkError("statement timeout", timed_out=True), BenchmarkVerdict.SLOWER),
        (BenchmarkError("statement timeout", timed_out=True), 1.0, BenchmarkVerdict.FASTER),
        (1.0, BenchmarkError("the connection was lost", unknown=True), BenchmarkVerdict.UNKNOWN),
    ],
)
def test_a_benchmark_that_fails_is_a_result(
    before: float | BenchmarkError, after: float | BenchmarkError, verdict: BenchmarkVerdict
) -> None:
    found = measured(Machine([before], [after]))
    assert (found.verdict, found.comparison) == (verdict, None)
    assert found.what
