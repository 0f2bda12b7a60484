"""The results of benchmarks as a job without permissions reported them. The job can have reported anything. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .comparison import TurnComparison
from .outcome import BenchmarkResult, BenchmarkVerdict
from .plan_tree import PlanChange

if TYPE_CHECKING:
    from .benchmark import Benchmark

LARGEST = 10_000_000
"""Maximum length of a report in bytes."""
MOST, MOST_PLANS, MOST_LINES, MOST_NOTES = 50, 5, 60, 10
LONGEST_NAME, LONGEST_TEXT = 80, 200


@dataclass(frozen=True)
class ReportedBenchmarks:
    """All results of one report. The texts are shortened, but not escaped."""

    environment: str = ""
    migrations: int = 0
    results: tuple[BenchmarkResult, ...] = ()
    unknown: str = ""
    """Why the results are not known. Empty if they are."""
    unmatched: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the results are known and none of them is an error."""
        return not self.unknown and not any(each.fails for each in self.results)


def reported_benchmarks(text: str, wanted: tuple[Benchmark, ...]) -> ReportedBenchmarks:
    """The results in a JSON document of `benchmark`. Never raises.

    `wanted` are the benchmarks of the policy. With pending migrations, the results are known if each of them has one.
    """
    if not text:
        return ReportedBenchmarks(unknown="the job of the benchmarks has written no results")
    if len(text) > LARGEST:
        return ReportedBenchmarks(unknown="the file with the results is too large")
    required = {each.name[:LONGEST_NAME]: each.required for each in wanted}
    try:
        document = json.loads(text)
        if (error := document.get("error")) is not None:
            return ReportedBenchmarks(unknown=f"no benchmark ran: {str(error['what'])[:LONGEST_TEXT]}")
        results = tuple(_result(each, required) for each in document["benchmarks"][:MOST])
        notes = tuple(str(each)[:LONGEST_TEXT] for each in document["unmatched"][:MOST_NOTES])
        environment, migrations = str(document["environment"])[:LONGEST_NAME], len(document["migrations"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        return ReportedBenchmarks(unknown="the file with the results is not a document of `ctgitops benchmark`")
    names = {each.name for each in results}
    missing = ", ".join(name for name in required if name not in names) if migrations else ""
    unknown = f"the report has no result of the benchmark {missing}" if missing else ""
    return ReportedBenchmarks(environment, migrations, results, unknown, notes)


def _result(data: dict[str, Any], required: dict[str, bool]) -> BenchmarkResult:
    name = str(data["name"])[:LONGEST_NAME]
    return BenchmarkResult(
        name,
        BenchmarkVerdict(data["verdict"]),
        str(data["what"])[:LONGEST_TEXT],
        _comparison(data["figures"]) if data["figures"] is not None else None,
        tuple(map(_plan, data["plans"][:MOST_PLANS])),
        required.get(name, False),
    )


def _comparison(data: dict[str, Any]) -> TurnComparison:
    figures = [float(data[key]) for key in ("before_ms", "after_ms", "ratio", "low", "high")]
    blocks = [None if data[key] is None else float(data[key]) for key in ("blocks_before", "blocks_after")]
    return TurnComparison(int(data["pairs"]), *figures, *blocks)


def _plan(data: dict[str, Any]) -> PlanChange:
    before, after = (
        tuple(str(line)[:LONGEST_TEXT] for line in data[side][:MOST_LINES]) for side in ("before", "after")
    )
    return PlanChange(str(data["statement"])[:LONGEST_TEXT], before, after)
