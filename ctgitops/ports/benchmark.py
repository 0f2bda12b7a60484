"""Port to the measurement of benchmarks in throw-away databases."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..core.benchmark.benchmark import Benchmark
    from ..core.benchmark.comparison import Turn


class BenchmarkSession(Protocol):
    """Runs one benchmark in one database."""

    def plans(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Each statement that EXPLAIN can plan, with the lines of its plan. The transaction is rolled back.

        Raises BenchmarkError.
        """

    def scanned(self) -> Mapping[str, bool]:
        """The tables that the statements scan, and whether they have rows. Known after `plans`. Empty if not known."""

    def turn(self, times: int) -> Turn:
        """Runs the benchmark `times` times, each in a transaction that is rolled back. Raises BenchmarkError."""


class Benchmarks(Protocol):
    """Opens sessions for benchmarks."""

    def session(self, benchmark: Benchmark, variables: Mapping[str, str]) -> AbstractContextManager[BenchmarkSession]:
        """A session in the database that the variables of libpq name. Raises BenchmarkError."""
