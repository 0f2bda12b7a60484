"""The results of benchmarks before and after the pending migrations. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from .plan_tree import PlanChange

if TYPE_CHECKING:
    from .benchmark import Benchmark
    from .comparison import TurnComparison


class BenchmarkVerdict(StrEnum):
    """What the pending migrations do to a benchmark."""

    SLOWER = "slower"
    READS_MORE = "reads-more"
    """A run reads many more blocks, but its time did not clearly rise."""
    BROKEN = "broken"
    """It fails only after the migrations."""
    UNKNOWN = "unknown"
    NEW = "new"
    """It fails only before the migrations, for example because they create its table."""
    FASTER = "faster"
    CHANGED_PLAN = "changed-plan"
    UNCHANGED = "unchanged"


REGRESSIONS = frozenset({BenchmarkVerdict.SLOWER, BenchmarkVerdict.READS_MORE, BenchmarkVerdict.BROKEN})


@dataclass(frozen=True)
class BenchmarkResult:
    """The result of one benchmark."""

    name: str
    verdict: BenchmarkVerdict
    what: str = ""
    """The reason for the verdict, as text. Empty if the figures and plans say everything."""
    comparison: TurnComparison | None = None
    """The figures. None if the benchmark did not run in both databases."""
    plans: tuple[PlanChange, ...] = ()
    required: bool = False

    @property
    def is_regression(self) -> bool:
        """Whether the migrations make this benchmark worse."""
        return self.verdict in REGRESSIONS

    @property
    def is_unknown(self) -> bool:
        """Whether the benchmark could not be compared."""
        return self.verdict is BenchmarkVerdict.UNKNOWN

    @property
    def fails(self) -> bool:
        """Whether the result is an error: a required benchmark that is worse, or whose result is unknown."""
        return self.required and (self.is_regression or self.is_unknown)


@dataclass(frozen=True)
class MeasuredLoad:
    """The load that another environment measured after it applied some of the same migrations."""

    environment: str
    migrations: tuple[str, ...]
    state: str
    """`regression`, `unknown` or `unchanged`."""
    at: str = ""
    """When it was measured, as text."""
    findings: tuple[str, ...] = ()
    """The findings, or why the figures cannot be read, as text."""


@dataclass(frozen=True)
class BenchmarkOutcome:
    """The results of all benchmarks of the policy."""

    environment: str
    migrations: tuple[str, ...]
    """The pending migrations. If there are none, no benchmark runs."""
    notes: tuple[str, ...] = ()
    """The known differences between the copy and the environment, as text."""
    results: tuple[BenchmarkResult, ...] = ()
    measured: tuple[MeasuredLoad, ...] = ()

    @property
    def regressions(self) -> tuple[BenchmarkResult, ...]:
        """The benchmarks that the migrations make worse."""
        return tuple(each for each in self.results if each.is_regression)

    @property
    def unknown(self) -> tuple[BenchmarkResult, ...]:
        """The benchmarks without a known result."""
        return tuple(each for each in self.results if each.is_unknown)

    @property
    def exit_status(self) -> int:
        """1 if a benchmark with `severity: error` became worse or is unknown. Otherwise 0."""
        return 1 if any(each.fails for each in self.results) else 0


def verdict_of(benchmark: Benchmark, comparison: TurnComparison, plans: tuple[PlanChange, ...] = ()) -> BenchmarkResult:
    """The result of a benchmark that ran in both databases."""
    other = any(not change.only_indexes for change in plans)
    if comparison.is_slower(benchmark.slower, evidence=other):
        verdict = BenchmarkVerdict.SLOWER
    elif (comparison.reads_much_more or (comparison.reads_more and other)) and comparison.high >= 1:
        verdict = BenchmarkVerdict.READS_MORE
    elif comparison.is_faster:
        verdict = BenchmarkVerdict.FASTER
    else:
        verdict = BenchmarkVerdict.CHANGED_PLAN if plans else BenchmarkVerdict.UNCHANGED
    return BenchmarkResult(benchmark.name, verdict, "", comparison, plans, benchmark.required)


def reproduced(first: BenchmarkResult, second: BenchmarkResult) -> BenchmarkResult:
    """The result of two rounds. A regression that the second round does not reproduce is not reported."""
    if first.is_regression and not second.is_regression:
        return second
    if second.is_regression and not first.is_regression:
        second = first
    shapes = {(change.statement, change.before, change.after) for change in first.plans}
    stable = tuple(c for c in second.plans if (c.statement, c.before, c.after) in shapes)
    return BenchmarkResult(second.name, second.verdict, second.what, second.comparison, stable, second.required)
