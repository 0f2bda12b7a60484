"""Reports of benchmarks that unmerged code wrote."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.benchmark.benchmark import Benchmark
from ctgitops.core.benchmark.comparison import Turn, compare
from ctgitops.core.benchmark.outcome import BenchmarkOutcome, BenchmarkVerdict, MeasuredLoad, verdict_of
from ctgitops.core.benchmark.plan_tree import PlanChange
from ctgitops.core.benchmark.reported_benchmark import reported_benchmarks
from ctgitops.report.benchmark import benchmark_json, benchmark_markdown, benchmark_text, reported_markdown
from tests.report.test_json import valid

WANTED = (Benchmark("orders", "select 1", "b.sql", required=True),)
CHANGE = PlanChange("select 1", ("Index Scan on t using i",), ("Seq Scan on t",))
RESULT = verdict_of(WANTED[0], compare(((Turn(1, 3), Turn(4, 300)),) * 9), (CHANGE,))
LOAD = MeasuredLoad("staging", ("002_two",), "regression", "2026-12-01 05:00 UTC", ("4 times slower select 1",))
OUTCOME = BenchmarkOutcome("production", ("002_two",), ("another version",), (RESULT,), (LOAD,))
KEYS = st.sampled_from(["benchmarks", "error", "what", "name", "verdict", "figures", "plans", "migrations"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
)


def document(**changes: Any) -> str:
    return json.dumps({**json.loads(benchmark_json(OUTCOME)), **changes})


def test_the_document_is_valid_and_is_read_again() -> None:
    page = valid("benchmark", benchmark_json(OUTCOME))
    found = reported_benchmarks(json.dumps(page), WANTED)
    assert (found.environment, found.migrations, found.results, found.passed) == ("production", 1, (RESULT,), False)
    assert found.unmatched == ("another version",)
    assert reported_benchmarks(json.dumps(page), (Benchmark("orders", "", ""),)).passed  # a warning


def test_the_pages_show_figures_plans_and_what_staging_measured() -> None:
    text = benchmark_text(OUTCOME)
    assert "production: 1 pending migration: 1 of 1 benchmark worse" in text
    assert "error[slower]: orders" in text
    assert "1.0 ms before, 4.0 ms after: factor 4.00 (4.00 to 4.00, 9 pairs)" in text
    assert "        Seq Scan on t" in text
    assert "measured in staging 2026-12-01 05:00 UTC, 002_two: regression\n    4 times slower select 1" in text
    for page in (benchmark_markdown(OUTCOME), reported_markdown(reported_benchmarks(document(), WANTED))):
        assert "| orders | 🟠 slower | 1.0 ms | 4.0 ms | 4.00 (4.00 to 4.00) | 3 → 300 |" in page
        assert "Seq Scan on t" in page


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has written no results"),
        (document(benchmarks=[]), "no result of the benchmark orders"),
        (json.dumps({"error": {"what": "the plan is blocked"}}), "no benchmark ran: the plan is blocked"),
        ("[]", "is not a document"),
    ],
)
def test_without_a_result_of_each_benchmark_nothing_is_known(text: str, said: str) -> None:
    found = reported_benchmarks(text, WANTED)
    assert said in found.unknown
    assert not found.passed
    assert "not known" in reported_markdown(found)


def test_without_a_pending_migration_no_result_is_missing() -> None:
    found = reported_benchmarks(document(benchmarks=[], migrations=[]), WANTED)
    assert found.passed
    assert "no pending migration, so nothing was run" in reported_markdown(found)


def test_an_unknown_result_has_no_green_mark() -> None:
    unknown = {**json.loads(benchmark_json(OUTCOME))["benchmarks"][0], "verdict": "unknown", "figures": None}
    found = reported_benchmarks(document(benchmarks=[unknown]), (Benchmark("orders", "", ""),))
    assert found.results[0].verdict is BenchmarkVerdict.UNKNOWN
    page = reported_markdown(found)
    assert page.startswith("### ❔")
    assert "✅" not in page
    own = BenchmarkOutcome("production", ("002_two",), results=(replace(RESULT, verdict=BenchmarkVerdict.UNKNOWN),))
    assert "error[unknown]: orders" in benchmark_text(own)


@given(st.text() | JSON.map(json.dumps))
def test_no_report_raises_or_passes_without_a_result(text: str) -> None:
    found = reported_benchmarks(text, WANTED)
    assert found.unknown or found.results or not found.migrations
    reported_markdown(found, "abc")
