"""The command `benchmark`. Runs the benchmarks of the policy before and after the pending migrations, on copies."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ..core.benchmark.outcome import BenchmarkOutcome, MeasuredLoad
from ..core.plan.replay import seed_step
from ..errors import ApplyError, CtgitopsError
from .measuring.benchmark_rounds import measure, unknown
from .try_ import CopyWork

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..core.benchmark.benchmark import Benchmark
    from ..core.environment.environment import Environment
    from ..core.gate.request import Request
    from ..core.migration.migration import Seed
    from ..core.trial.schema_artifact import TargetSchema
    from ..ports.benchmark import Benchmarks
    from ..ports.database import Databases
    from ..ports.shadow import OpenCopies, OpenCopy

SECONDS_EACH = 600
"""How long one benchmark takes at most, about, if its statements just do not reach their time limit. It is added to the
time limit of the copies' server."""


@dataclass(frozen=True)
class BenchmarkWork:
    """The benchmarks to run, and how they run."""

    benchmarks: tuple[Benchmark, ...]
    role: str = ""
    """The role of the benchmarks' connections. Empty for the role that applies migrations."""
    others: tuple[Environment, ...] = ()
    """The environments that get migrations earlier, and that may have measured their load."""


@dataclass(frozen=True)
class BenchmarkEdges:
    """The ports that the command uses."""

    copies: OpenCopies
    benchmarks: Benchmarks
    databases: Databases


def benchmark(
    request: Request, target: TargetSchema, asked: BenchmarkWork, *, edges: BenchmarkEdges
) -> BenchmarkOutcome:
    """Compares each benchmark in two copies on one server. Without pending migrations, runs nothing.

    Raises WorkspaceError or LedgerError if the plan is blocked, ApplyError if a migration or seed file fails.
    """
    work = CopyWork(request, target)
    name, steps = request.environment.name, tuple(step.name for step in work.plan.steps)
    if not asked.benchmarks or not steps:
        return BenchmarkOutcome(name, steps)
    measured = tuple(load for each in asked.others for load in _measured(each, steps, edges.databases))
    seconds = SECONDS_EACH * len(asked.benchmarks)
    opened = partial(edges.copies.open_copy, target.original, request.environment.shadow, seconds)
    with ExitStack() as stack:
        before = stack.enter_context(opened())
        try:
            after, notes = _both(work, before)
        except _RowsRefusedError as refused:
            # On a new server: the roles that the migrations have created are those of the whole server
            stack.close()
            before = stack.enter_context(opened())
            after, notes = _both(work, before, refused.what)
        for copy in (before, after):
            copy.settle()
        sides = before.variables(asked.role), after.variables(asked.role)
        results = []
        # A pgbench script commits its transactions, so it runs after all transactions that are rolled back
        for each in sorted(asked.benchmarks, key=lambda one: one.pgbench):
            found = measure(each, sides, (before, after), edges.benchmarks)
            if before.stopped:
                found = unknown(each, f"the server of the copies was stopped: {before.stopped}")
            results.append(found)
        order = {each.name: number for number, each in enumerate(asked.benchmarks)}
        results.sort(key=lambda result: order[result.name])
        return BenchmarkOutcome(name, steps, notes, tuple(results), measured)


def _measured(other: Environment, steps: tuple[str, ...], databases: Databases) -> Iterator[MeasuredLoad]:
    """The loads that an environment measured after some of the migrations. Read-only."""
    try:
        records = databases.of(other).statistics().recorded()
    except CtgitopsError as error:
        yield MeasuredLoad(other.name, (), "unknown", "", (f"the figures cannot be read: {error.what}",))
        return
    for record in records:
        same = tuple(name for name in record.migrations if name in steps)
        if same and (report := record.report):
            findings = tuple(" ".join(filter(None, (each.what, each.statement))) for each in report.findings)
            yield MeasuredLoad(other.name, same, report.state.value, f"{record.at:%Y-%m-%d %H:%M} UTC", findings)


class _RowsRefusedError(Exception):
    """The pending migrations fail in a copy with generated rows."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def _both(work: CopyWork, before: OpenCopy, refused: str = "") -> tuple[OpenCopy, tuple[str, ...]]:
    """Fills the copy `before`, and makes one that also has the pending migrations. Returns differences as text.

    The pending migrations run on the generated rows, as in the environment. With `refused`, which is their error on
    these rows, the rows of the second copy are generated after the migrations. Raises ApplyError, _RowsRefusedError.
    """
    notes = [*work.known_rows(before)]
    later = tuple(seed for seed in work.seeds if not _seeded(before, seed))
    there = before.existing(tuple(work.rows))
    rows = {table: number for table, number in work.rows.items() if table in there}
    if not refused:
        notes += work.generate(before, rows)
    after = before.fork("benchmark_after")
    try:
        after.apply(work.plan.steps)
    except ApplyError as error:
        if refused or not rows:
            raise
        raise _RowsRefusedError(error.what) from None
    after.apply(tuple(map(seed_step, later)))
    if refused:
        notes.append(f"the migrations ran without the generated rows, because with them: {refused}")
        notes.append("the rows of both copies can differ, because those of the second one are generated again")
        notes += work.generate(before, rows)
    notes += work.generate(after, {name: n for name, n in work.rows.items() if refused or name not in there})
    return after, (*before.unmatched, *dict.fromkeys(notes))


def _seeded(before: OpenCopy, seed: Seed) -> bool:
    """Whether the seed file runs before the migrations. If not, it runs after them."""
    try:
        before.apply((seed_step(seed),))
    except ApplyError:
        return False
    return True
