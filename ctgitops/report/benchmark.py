"""Pages about benchmarks that ran before and after the pending migrations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..core.benchmark.outcome import BenchmarkOutcome, BenchmarkVerdict
from .escape import code, fence, plain
from .json import dump
from .phrases import count
from .terminal_text import indented, on_one_line

if TYPE_CHECKING:
    from ..core.benchmark.comparison import TurnComparison
    from ..core.benchmark.outcome import BenchmarkResult, MeasuredLoad
    from ..core.benchmark.plan_tree import PlanChange
    from ..core.benchmark.reported_benchmark import ReportedBenchmarks

MARKS = {
    BenchmarkVerdict.SLOWER: "🟠 slower",
    BenchmarkVerdict.READS_MORE: "🟠 reads more",
    BenchmarkVerdict.BROKEN: "🟠 fails after the migrations",
    BenchmarkVerdict.UNKNOWN: "❔ unknown",
    BenchmarkVerdict.NEW: "🔹 new",
    BenchmarkVerdict.FASTER: "✅ faster",
    BenchmarkVerdict.CHANGED_PLAN: "🔹 another plan, not slower",
    BenchmarkVerdict.UNCHANGED: "✅ not slower",
}
_NOTHING = "nothing was run"


def benchmark_verdict(outcome: BenchmarkOutcome) -> str:
    """The verdict on all benchmarks, in words."""
    if not outcome.migrations:
        return f"no pending migration, so {_NOTHING}"
    if not outcome.results:
        return f"the policy has no `benchmark`, so {_NOTHING}"
    parts = []
    if worse := outcome.regressions:
        parts.append(f"{len(worse)} of {count(len(outcome.results), 'benchmark')} worse")
    if outcome.unknown:
        parts.append(f"{count(len(outcome.unknown), 'result')} UNKNOWN")
    return ", ".join(parts) or f"{count(len(outcome.results), 'benchmark')}, none slower"


def benchmark_text(outcome: BenchmarkOutcome) -> str:
    """The page for a terminal."""
    lines = [f"{outcome.environment}: {count(len(outcome.migrations), 'pending migration')}: "
             f"{benchmark_verdict(outcome)}"]  # fmt: skip
    lines += [f"  not matched: {on_one_line(note)}" for note in outcome.notes]
    for result in outcome.results:
        lines += ["", *_result_lines(result)]
    lines += [line for each in outcome.measured for line in ("", *_measured_lines(each))]
    return "\n".join(lines)


def _result_lines(result: BenchmarkResult) -> Iterator[str]:
    level = "error" if result.fails else "warning" if result.is_regression or result.is_unknown else "note"
    yield f"  {level}[{result.verdict}]: {on_one_line(result.name)}"
    if result.what:
        yield f"    {on_one_line(result.what)}"
    if result.comparison:
        yield from (f"    {line}" for line in figures(result.comparison))
    for change in result.plans:
        yield f"    {on_one_line(change.statement)}"
        yield "      plan before:"
        yield from indented("\n".join(map(on_one_line_kept, change.before)), 8)
        yield "      plan after:"
        yield from indented("\n".join(map(on_one_line_kept, change.after)), 8)


def on_one_line_kept(line: str) -> str:
    """A line of a plan, with its indentation."""
    return f"{' ' * (len(line) - len(line.lstrip()))}{on_one_line(line.lstrip())}"


def _measured_lines(load: MeasuredLoad) -> Iterator[str]:
    yield f"  measured in {load.environment} {load.at}".rstrip() + f", {', '.join(load.migrations)}: {load.state}"
    yield from (f"    {on_one_line(each)}" for each in load.findings)


def figures(found: TurnComparison) -> Iterator[str]:
    """The figures of a comparison, as lines."""
    yield f"{_millis(found.before)} before, {_millis(found.after)} after: {_ratio(found)}"
    if found.blocks_before is not None and found.blocks_after is not None:
        yield f"blocks per run: {found.blocks_before:,.0f} before, {found.blocks_after:,.0f} after"


def _ratio(found: TurnComparison) -> str:
    return f"factor {found.ratio:,.2f} ({found.low:,.2f} to {found.high:,.2f}, {count(found.pairs, 'pair')})"


def _millis(value: float) -> str:
    return f"{value:,.3f} ms" if value < 1 else f"{value:,.1f} ms"


def benchmark_markdown(outcome: BenchmarkOutcome) -> str:
    """The page as Markdown. All texts are escaped."""
    mark = "🟠" if outcome.regressions else "❔" if outcome.unknown else "✅"
    parts = [f"### {mark} Benchmarks of {plain(outcome.environment)}: {plain(benchmark_verdict(outcome))}"]
    parts += [f"⚠️ Not matched: {plain(note)}" for note in outcome.notes]
    parts += _results(outcome.results)
    for load in outcome.measured:
        said = "; ".join(load.findings) or "no finding"
        names = ", ".join(code(name) for name in load.migrations)
        parts.append(
            f"Measured in {plain(load.environment)} {plain(load.at)}: {names} {plain(load.state)}: {plain(said)}"
        )
    return "\n\n".join(parts) + "\n"


def reported_markdown(found: ReportedBenchmarks, commit: str = "") -> str:
    """The reported results for a comment. All texts in the report are untrusted, so they are escaped."""
    at = f"Commit {code(commit[:7])}: " if commit else ""
    if found.unknown:
        return f"### ❔ Benchmarks on copies: not known\n\n{at}{plain(found.unknown)}.\n"
    outcome = BenchmarkOutcome(found.environment, ("",) * min(found.migrations, 1), results=found.results)
    mark = "⛔" if not found.passed else "🟠" if outcome.regressions else "❔" if outcome.unknown else "✅"
    where = f"on copies of {plain(found.environment)} before and after {count(found.migrations, 'pending migration')}"
    title = f"### {mark} Benchmarks on copies: {plain(benchmark_verdict(outcome))}"
    notes = [f"⚠️ Not matched: {plain(note)}" for note in found.unmatched]
    return "\n\n".join([title, f"{at}Benchmarks of the project, {where}.", *notes, *_results(found.results)]) + "\n"


def reported_text(found: ReportedBenchmarks) -> str:
    """The reported results for the log of a workflow."""
    if found.unknown:
        return f"not known: {on_one_line(found.unknown)}"
    lines = [f"not matched: {on_one_line(note)}" for note in found.unmatched]
    lines += [f"{MARKS[each.verdict]}: {on_one_line(each.name)}" for each in found.results]
    return "\n".join(lines) or f"no pending migration, so {_NOTHING}"


def _results(results: tuple[BenchmarkResult, ...]) -> Iterator[str]:
    """A table, and the reasons and plans below it."""
    if results:
        rows = ["| benchmark | result | before | after | factor | blocks |", "|:--|:--|--:|--:|:--|--:|"]
        yield "\n".join([*rows, *map(_row, results)])
    for result in results:
        yield from [f"{plain(result.name)}: {plain(result.what)}."] if result.what else []
        yield from (_plans(result.name, change) for change in result.plans)


def _row(result: BenchmarkResult) -> str:
    cells = [plain(result.name), MARKS[result.verdict]]
    if found := result.comparison:
        known = found.blocks_before is not None and found.blocks_after is not None
        blocks = "" if not known else f"{found.blocks_before:,.0f} → {found.blocks_after:,.0f}"
        factor = f"{found.ratio:,.2f} ({found.low:,.2f} to {found.high:,.2f})"
        cells += [_millis(found.before), _millis(found.after), factor, blocks]
    else:
        cells += ["", "", "", ""]
    return f"| {' | '.join(cells)} |"


def _plans(name: str, change: PlanChange) -> str:
    text = "\n".join([change.statement, "", "before:", *change.before, "", "after:", *change.after])
    return f"<details><summary>Plans of {plain(name)}</summary>\n\n{fence(text, 'text')}\n\n</details>"


def benchmark_json(outcome: BenchmarkOutcome) -> str:
    """The outcome as JSON."""
    return dump(
        {
            "environment": outcome.environment,
            "passed": outcome.exit_status == 0,
            "migrations": list(outcome.migrations),
            "unmatched": list(outcome.notes),
            "benchmarks": [_result(each) for each in outcome.results],
            "measured": [
                {
                    "environment": each.environment,
                    "migrations": list(each.migrations),
                    "state": each.state,
                    "at": each.at,
                    "findings": list(each.findings),
                }
                for each in outcome.measured
            ],
        }
    )


def _result(result: BenchmarkResult) -> dict[str, Any]:
    found = result.comparison
    return {
        "name": result.name,
        "verdict": result.verdict.value,
        "severity": "error" if result.required else "warning",
        "what": result.what,
        "figures": None
        if found is None
        else {
            "pairs": found.pairs,
            "before_ms": round(found.before, 4),
            "after_ms": round(found.after, 4),
            "ratio": round(found.ratio, 4),
            "low": round(found.low, 4),
            "high": round(found.high, 4),
            "blocks_before": found.blocks_before,
            "blocks_after": found.blocks_after,
        },
        "plans": [
            {
                "statement": each.statement,
                "before": list(each.before),
                "after": list(each.after),
                "only_indexes": each.only_indexes,
            }
            for each in result.plans
        ],
    }
