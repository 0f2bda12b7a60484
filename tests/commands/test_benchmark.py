"""The verb `benchmark`: what each copy gets, and what an earlier environment measured."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

from ctgitops.commands.benchmark import BenchmarkEdges, BenchmarkWork, benchmark
from ctgitops.core.benchmark.benchmark import Benchmark
from ctgitops.core.benchmark.outcome import BenchmarkOutcome, BenchmarkVerdict, MeasuredLoad
from ctgitops.core.environment.policy import HeaderRule, Policy
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.performance.record import LoadRecord, Moment
from ctgitops.core.performance.report import LoadFinding, LoadLevel, LoadReport
from ctgitops.core.plan.plan import Step
from ctgitops.core.schema.source_database import SourceDatabase
from ctgitops.core.trial.schema_artifact import TargetSchema
from ctgitops.errors import ApplyError, LedgerError
from tests.commands.test_benchmark_rounds import Machine
from tests.fakes import NOW, PRODUCTION, STAGING, Diary, migration, request, workspace

ROWS = {"public.old": 10, "public.new": 20}
SLOWER = LoadFinding("slower-statement", LoadLevel.REGRESSION, "4 times slower", "select 1")


@dataclass
class Copy:
    """A copy that logs. Its migration fails on generated rows if `refuses`."""

    log: list[str]
    refuses: bool = False
    name: str = "before"
    rows: dict[str, int] = field(default_factory=dict)
    unmatched: tuple[str, ...] = ()
    stopped: str = ""

    def apply(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            self.log.append(f"{self.name}: {step.name}")
            if self.refuses and self.rows:
                raise ApplyError("a row violates a constraint")

    def existing(self, tables: Collection[str]) -> frozenset[str]:
        return frozenset(tables) & {"public.old"}

    def generate(self, rows: Mapping[str, int], _: object) -> tuple[str, ...]:
        self.log.append(f"{self.name}: rows {', '.join(rows)}")
        self.rows |= rows
        return ()

    def fork(self, name: str) -> Copy:
        return Copy(self.log, self.refuses, name, dict(self.rows))

    def settle(self, *, rewrite: bool = True) -> None:
        self.log.append(f"{self.name}: settle {rewrite}")

    def variables(self, role: str = "") -> Mapping[str, str]:
        self.log.append(f"{self.name}: connect {role}")
        return {"PGDATABASE": "before" if self.name == "before" else "after"}


def run(copy: Copy, diary: Diary, *, pending: bool = True, machine: Machine | None = None) -> BenchmarkOutcome:
    policy = Policy(header=HeaderRule.OPTIONAL, rows=ROWS)
    files = (migration("001_one", "1.0.0", sql="create table new (id int)"),) if pending else ()

    @contextmanager
    def open_copy(*_: object) -> Iterator[Copy]:
        yield replace(copy, rows={})

    copies = cast("Any", type("Copies", (), {"open_copy": staticmethod(open_copy)}))
    edges = BenchmarkEdges(copies, cast("Any", machine or Machine([100], [100])), diary)
    work = BenchmarkWork((Benchmark("b", "select 1", "b.sql"),), "app", (STAGING,))
    target = TargetSchema(SourceDatabase("deploy", 15), Ledger())
    return benchmark(request(workspace(*files, policy=policy), PRODUCTION), target, work, edges=edges)


def test_both_copies_have_the_same_rows_and_only_one_has_the_migrations() -> None:
    copy = Copy([])
    outcome = run(copy, Diary())
    assert copy.log == [
        "before: rows public.old",
        "benchmark_after: 001_one",
        "benchmark_after: rows public.new",
        "before: settle True",
        "benchmark_after: settle True",
        "before: connect app",
        "benchmark_after: connect app",
    ]
    assert [result.verdict for result in outcome.results] == [BenchmarkVerdict.UNCHANGED]


def test_rows_that_do_not_fit_the_migrations_are_generated_after_them() -> None:
    copy = Copy([], refuses=True)
    note, differ = run(copy, Diary()).notes
    assert copy.log[1:5] == [
        "benchmark_after: 001_one",
        "benchmark_after: 001_one",  # on another server
        "before: rows public.old",
        "benchmark_after: rows public.old, public.new",
    ]
    assert differ.startswith("the rows of both copies can differ")
    assert note.endswith("with them: a row violates a constraint")


def test_without_a_pending_migration_there_is_no_copy() -> None:
    copy = Copy([])
    assert run(copy, Diary(), pending=False) == BenchmarkOutcome("production", ())
    assert copy.log == []


def test_a_server_that_was_stopped_leaves_the_result_unknown() -> None:
    outcome = run(Copy([], stopped="it wrote more than 1,024 MB"), Diary())
    assert outcome.unknown == outcome.results
    assert "it wrote more than" in outcome.results[0].what


def test_what_staging_measured_after_the_same_migrations_is_beside_the_benchmarks() -> None:
    report = LoadReport((SLOWER,))
    loads = [
        LoadRecord(Moment.BEFORE, NOW, "staging", ("001_one",), "p"),
        LoadRecord(Moment.END, NOW, "staging", ("000_other",), "p", report),
        LoadRecord(Moment.END, NOW, "staging", ("001_one", "000_other"), "p", report),
    ]
    found = run(Copy([]), Diary(loads=loads)).measured
    at, said = "2026-11-24 09:30 UTC", ("4 times slower select 1",)
    assert found == (MeasuredLoad("staging", ("001_one",), "regression", at, said),)
    (unread,) = run(Copy([]), Diary(unreachable={"staging": LedgerError("no connection")})).measured
    assert (unread.state, unread.findings) == ("unknown", ("the figures cannot be read: no connection",))
