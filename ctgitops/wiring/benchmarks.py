"""Runs benchmarks in throw-away databases: SQL over a connection, and pgbench scripts with the program pgbench."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.benchmark.comparison import Turn
from ..core.benchmark.failure import BenchmarkError
from ..core.environment.project_test import ProjectTest
from ..errors import UsageError

if TYPE_CHECKING:
    from ..core.benchmark.benchmark import Benchmark
    from ..ports.benchmark import BenchmarkSession
    from ..ports.command import Commands

TURN_SECONDS = 1
LONGEST_TURN_SECONDS = 30
_VARIABLES = {
    "PGOPTIONS": "-c statement_timeout=30s -c max_parallel_workers_per_gather=0",
    "PGCLIENTENCODING": "UTF8",
    "LC_ALL": "C",
}
"""Variables of pgbench. Its output, which is parsed, is not translated."""
_LATENCY = re.compile(r"^latency average = ([0-9.]+) ms", re.MULTILINE)
_ERROR = re.compile(r"^(?:pgbench: )?(?:error|fatal): *(.+)|^pgbench: .*?(ERROR: .+)", re.MULTILINE)


@dataclass(frozen=True)
class LocalBenchmarks:
    """Implements `ports.benchmark.Benchmarks`."""

    commands: Commands
    path: str = field(repr=False)
    """The value of PATH, in which pgbench is found if no installation of PostgreSQL has it."""

    @contextmanager
    def session(self, benchmark: Benchmark, variables: Mapping[str, str]) -> Iterator[BenchmarkSession]:
        """A session in the database that `variables` name. Raises BenchmarkError."""
        if not benchmark.pgbench:
            from ..postgres.benchmark.sql_session import sql_session

            with sql_session(benchmark, variables) as made:
                yield made
            return
        program, needed = _pgbench(self.path)
        if not program:
            raise BenchmarkError("there is no program pgbench on this machine", unknown=True)
        with tempfile.TemporaryDirectory(prefix="ctgitops-") as folder:
            script = Path(folder, "benchmark.pgbench")
            script.write_text(benchmark.text, encoding="utf-8")
            yield PgbenchSession(self.commands, (program, str(script)), {**variables, **needed, **_VARIABLES})


class PgbenchSession:
    """Implements `ports.benchmark.BenchmarkSession`. pgbench gets no secret, because a script can run commands."""

    def __init__(self, commands: Commands, files: tuple[str, str], variables: Mapping[str, str]) -> None:
        self._commands = commands
        self._program, self._script = files
        self._variables = variables
        self._turns = 0

    def plans(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Always empty: the statements of a script have variables that only pgbench knows."""
        return ()

    def scanned(self) -> Mapping[str, bool]:
        """Always empty, which means not known."""
        return {}

    def turn(self, times: int) -> Turn:  # noqa: ARG002 - the time of a turn is fixed
        """Runs the script for a second, with the same random numbers in the n-th turn of each database."""
        self._turns += 1
        began = time.perf_counter()
        options = ("-n", "-T", str(TURN_SECONDS), f"--random-seed={self._turns}", "-f", self._script)
        try:
            end = self._commands.run(
                ProjectTest("pgbench", (self._program, *options)), self._variables, LONGEST_TURN_SECONDS
            )
        except UsageError as error:
            raise BenchmarkError(error.what, unknown=True) from None
        if end.exit_status is None:
            raise BenchmarkError(f"pgbench did not end within {LONGEST_TURN_SECONDS} seconds", timed_out=True)
        found = _LATENCY.search(end.output)
        if end.exit_status or not found:
            raise BenchmarkError(f"pgbench ended with exit status {end.exit_status}: {self._said(end.output)}")
        return Turn(float(found[1]), seconds=time.perf_counter() - began)

    def _said(self, output: str) -> str:
        """The first error in pgbench's output, on one line. Without the path of the temporary file."""
        errors = [" ".join((match[1] or match[2]).split()) for match in _ERROR.finditer(output)]
        return errors[0].replace(f"{self._script}:", "line ")[:300] if errors else "it reported no time"


@cache
def _pgbench(path: str) -> tuple[str, Mapping[str, str]]:
    """The newest pgbench of this machine, and the variables that it needs. Empty if there is none."""
    from ..postgres.server.programs import find_programs

    fitting = [programs for programs in find_programs() if (programs.bin / "pgbench").is_file()]
    if fitting:
        newest = max(fitting, key=lambda programs: programs.major)
        return newest.path("pgbench"), newest.environment
    return shutil.which("pgbench", path=path) or "", {}
