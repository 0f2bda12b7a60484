"""The load in an outcome, in a notification, on GitHub, and as the page of `performance`."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given

from ctgitops.core.environment.receiver import Event
from ctgitops.core.gate.request import Origin
from ctgitops.core.performance.record import LoadRecord, Moment
from ctgitops.core.performance.report import Figure, LoadFinding, LoadLevel, LoadReport
from ctgitops.core.performance.sample import Blind
from ctgitops.core.run.outcome import Outcome
from ctgitops.report.json import outcome_json
from ctgitops.report.load import performance_json, performance_markdown, performance_text
from ctgitops.report.markdown import outcome_markdown
from ctgitops.report.notification import of_load, of_outcome
from ctgitops.report.outcome_text import outcome_text
from ctgitops.report.workflow_inputs import with_inputs_of
from tests.fakes import NOW
from tests.report.cases import APPLIED, ORIGIN
from tests.report.test_hostile import harmless, hostile, skeleton
from tests.report.test_json import valid

SLOWER = LoadFinding(
    "slower-statement",
    LoadLevel.REGRESSION,
    "40.0 times slower, in 600 calls; each call reads 4,000 blocks instead of 4",
    "select sum(length) from cable_routes where project = $1",
    600,
    0.5,
    20.0,
)
UNUSED = LoadFinding("unused-index", LoadLevel.NOTICE, "the new index public.routes_at was not used, in 40 scans of t")
PLANS = Blind("the plans of statements", "no answer in time", matters=False)
FIGURES = (Figure("transactions", 412.5, 198.0, "a second"), Figure("replica lag", None, 0.0, "s"))
COMMAND = "ctgitops rollback --env production --steps 3"
BACK = (f"{COMMAND} --dry-run", COMMAND)
SLOW = LoadReport((SLOWER, UNUSED), (PLANS,), FIGURES, 900, BACK, ("003_route_index",), "no")
UNSEEN = LoadReport(
    blind=(Blind("the statements", "pg_stat_statements is not in shared_preload_libraries"),), seconds=900
)
WELL = LoadReport(figures=FIGURES, seconds=900)


def outcome(load: LoadReport) -> Outcome:
    return replace(APPLIED, load=load)


def record(load: LoadReport) -> LoadRecord:
    return LoadRecord(Moment.END, NOW, "production", ("003_route_index",), "f" * 64, load, run_url=ORIGIN.run_url)


@pytest.mark.parametrize(
    ("load", "mark", "said"),
    [
        (SLOW, "🟠", "PERFORMANCE: 1 regression in 15 min"),
        (UNSEEN, "🟠", "performance UNKNOWN: the statements could not be measured"),
        (WELL, "✅", ""),
    ],
)
def test_the_first_line_has_what_is_not_well(load: LoadReport, mark: str, said: str) -> None:
    first = outcome_text(outcome(load)).splitlines()[0]
    assert first.endswith(said)
    assert ("performance" in first.lower()) is bool(said)
    assert outcome_markdown(outcome(load)).startswith(f"### {mark} ")


def test_the_text_has_findings_figures_and_what_was_not_seen() -> None:
    text = outcome_text(outcome(SLOW))
    assert "warning[slower-statement]: 40.0 times slower, in 600 calls" in text
    assert (
        "    select sum(length) from cable_routes where project = $1\n    mean 0.50 ms before, 20.00 ms after" in text
    )
    assert "note[unused-index]: the new index public.routes_at was not used" in text
    assert "not measured: the plans of statements: no answer in time" in text
    assert "412.5 a second" in text
    assert "unknown" in text
    assert f"first run `{COMMAND} --dry-run`, then run `{COMMAND}`; the dry run now says: no" in text


def test_json_is_of_the_published_shape() -> None:
    for load in (SLOW, UNSEEN, WELL):
        found = valid("outcome", outcome_json(outcome(load)))["performance"]
        assert found["state"] == load.state
        page = valid("performance", performance_json("production", (record(load),)))
        assert page["runs"][0]["report"] == found
    assert valid("outcome", outcome_json(APPLIED))["performance"] is None


def test_a_regression_is_an_event_of_its_own() -> None:
    told = of_load(outcome(SLOW), ORIGIN)
    assert told is not None
    assert told.event is Event.REGRESSION
    assert told.summary == "PERFORMANCE: 1 regression in 15 min"
    assert SLOWER.statement in told.text()
    assert COMMAND in told.next
    valid("notification", told.json)
    for load in (UNSEEN, WELL):
        assert of_load(outcome(load), ORIGIN) is None
    applied = of_outcome(outcome(SLOW), ORIGIN)
    assert applied is not None
    assert applied.event is Event.APPLIED
    alone = of_load(outcome(replace(SLOW, proposed=())), ORIGIN)
    assert alone is not None
    assert alone.next == "`ctgitops performance --env production` shows all findings"


def test_on_github_the_rollback_is_a_run_of_the_workflow() -> None:
    page = outcome_text(with_inputs_of(outcome(SLOW)))
    assert "first run the workflow with `command: rollback`" in page
    assert "`dry-run: true`" in page
    assert "ctgitops rollback" not in page


def test_pages_of_earlier_runs() -> None:
    records = (record(SLOW), record(UNSEEN))
    text = performance_text("production", records)
    assert text.startswith("production: 2026-11-24 09:30 UTC, 003_route_index\n\n  PERFORMANCE: 1 regression in 15 min")
    assert "performance UNKNOWN" in text
    page = performance_markdown("production", records)
    assert page.startswith("### Performance of production\n")
    assert page.count("#### 2026-11-24 09:30 UTC") == 2
    assert [run["migrations"] for run in json.loads(performance_json("production", records))["runs"]] == [
        ["003_route_index"]
    ] * 2


@given(hostile)
def test_no_text_of_a_statement_or_a_name_becomes_markup(text: str) -> None:
    def page(text: str) -> str:
        finding = LoadFinding("slower-statement", LoadLevel.REGRESSION, text, text or "x", 1, 1.0, 2.0)
        load = LoadReport((finding,), (Blind(text, text),), (), 9, (), (text,), text)
        return outcome_markdown(outcome(load), Origin("x", "x", 1, "x"))

    assert skeleton(harmless(page(text))) == skeleton(harmless(page("x")))
