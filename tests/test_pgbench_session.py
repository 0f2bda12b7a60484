"""Turns of pgbench, with a program whose output the test decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from ctgitops.core.benchmark.benchmark import Benchmark
from ctgitops.core.benchmark.failure import BenchmarkError
from ctgitops.core.environment.project_test import ProjectTest
from ctgitops.core.trial.command_result import CommandEnd
from ctgitops.wiring import benchmarks

PROGRAM = "/usr/bin/pgbench"


class Program:
    def __init__(self, output: str, status: int = 0) -> None:
        self.output, self.status = output, status
        self.variables: Mapping[str, str] = {}

    def run(self, test: ProjectTest, variables: Mapping[str, str], _: float) -> CommandEnd:
        self.variables = variables
        return CommandEnd(self.status, 0.0, self.output.format(script=test.command[-1]))


def turn(program: Program, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(benchmarks, "_pgbench", lambda _: (PROGRAM, {}))
    runs = benchmarks.LocalBenchmarks(cast("Any", program), "")
    with runs.session(Benchmark("b", "select 1", "pgbench", pgbench=True), {"PGUSER": "u"}) as session:
        return session.turn(1)


def test_a_turn_has_a_duration_and_output_that_is_not_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program("latency average = 1.250 ms\n")
    found = turn(program, monkeypatch)
    assert found.millis == 1.25
    assert found.seconds > 0
    assert (program.variables["LC_ALL"], program.variables["PGUSER"]) == ("C", "u")


def test_an_error_names_the_line_and_no_temporary_file(monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program("pgbench: error: {script}:3: syntax error\n", 1)
    with pytest.raises(BenchmarkError, match=r"^pgbench ended with exit status 1: line 3: syntax error$"):
        turn(program, monkeypatch)
