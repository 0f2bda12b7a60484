"""Reports of schema differences."""

from __future__ import annotations

from dataclasses import replace
from html import unescape

import pytest

from ctgitops.core.gate.request import Origin
from ctgitops.core.schema.compare import Added, Altered, Changes, Removed, compare
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot
from ctgitops.core.view.drift import Drift, DriftResult, PredecessorComparison, exit_status
from ctgitops.core.view.preview import NotPlanned
from ctgitops.errors import LedgerError
from ctgitops.report.diff_lines import change_lines
from ctgitops.report.drift import diff_json, diff_markdown, diff_text, drift_json, drift_markdown, drift_text
from ctgitops.report.notification import of_drift
from tests.fakes import PRODUCTION, STAGING
from tests.report.test_json import valid

_TABLE = SchemaObject("table", "public.a", attributes={"owner": "ann"})
_COLUMN = SchemaObject("column", "public.a.b", "public.a", {"type": "text"})
_F1 = SchemaObject("function", "public.f()", attributes={"body": "begin\n  return 1;\nend"})
_F2 = SchemaObject("function", "public.f()", attributes={"body": "begin\n  return 2;\nend"})
CHANGES: Changes = (Added(_TABLE), Added(_COLUMN), Altered(_F1, _F2), Removed(SchemaObject("view", "public.v")))
DRIFTED = Drift(STAGING, CHANGES, 3, 1, 2, ("PostgreSQL 17 there, 18 here",), "f" * 64)
CLEAN = Drift(STAGING, (), 3)
SAME = PredecessorComparison(
    "staging", pending=("004_more",), unmatched=("PostgreSQL 17 in staging, 15 in production",)
)
DIFFERENT = replace(SAME, changes=CHANGES[:1], ahead=("005_own",), edited=("001_a",), drifted=(("staging", 1),))
UNREAD = PredecessorComparison("staging", error=LedgerError("cannot connect", hint="check host and port"))
UNSEEN = NotPlanned(PRODUCTION, LedgerError("cannot connect", state="nothing was read"))


def against(found: PredecessorComparison, drift: Drift = CLEAN) -> Drift:
    return replace(drift, environment=PRODUCTION, comparison=found)


@pytest.mark.parametrize(
    ("result", "mark", "status", "words"),
    [
        (against(SAME), "✅", 0, "migrations explain each difference from staging"),
        (against(PredecessorComparison("staging")), "✅", 0, "no difference from staging"),
        (against(DIFFERENT), "⚠️", 1, "DIFFERS FROM staging: 1 difference that no migration explains"),
        (against(UNREAD), "⛔", 4, "differences from staging are unknown: cannot connect"),
        (against(replace(UNREAD, optional=True)), "❔", 0, "differences from staging are unknown: cannot connect"),
        (against(UNREAD, DRIFTED), "⚠️", 4, "DRIFT: 4 differences"),
    ],
)
def test_the_verdict_says_what_the_comparison_with_the_predecessor_found(
    result: Drift, mark: str, status: int, words: str
) -> None:
    page, text = drift_markdown((result,)), drift_text((result,))
    assert page.startswith(f"### {mark} production: ")
    assert exit_status((result,)) == status
    for each in (unescape(page), text):
        assert words in each.split("\n")[0]
    told = of_drift(result, Origin())
    assert (told is None) is (status == 0)
    assert told is None or words in told.summary


def test_a_comparison_names_migrations_sides_and_next_commands() -> None:
    text = drift_text((against(DIFFERENT),))
    for line in (
        "  1 migration only in staging, and taken into account: 004_more",
        "  1 migration only in production, and taken into account: 005_own",
        "  1 migration applied with other SQL in staging than in production: 001_a",
        "  staging has 1 difference from its own ledger",
        "  not matched: PostgreSQL 17 in staging, 15 in production",
        "  - staging, + production with the migrations of staging",
        "+   table public.a",
        "  next: `ctgitops drift --env staging` shows what was changed by hand in staging",
    ):
        assert line in text.split("\n")
    many = drift_text((against(replace(SAME, pending=tuple(f"{n:03}_a" for n in range(1, 9)))),))
    assert "8 migrations only in staging, and taken into account: 001_a, 002_a, 003_a, 004_a, 005_a and 3 more" in many


@pytest.mark.parametrize(
    "results", [(DRIFTED,), (CLEAN,), (UNSEEN, DRIFTED), (against(DIFFERENT),), (against(UNREAD),)]
)
def test_drift_as_data(results: tuple[DriftResult, ...]) -> None:
    found = valid("drift", drift_json(results))
    assert [each.get("drift") for each in found["environments"]] == [
        bool(result.changes) if isinstance(result, Drift) else None for result in results
    ]


def test_the_next_steps_are_code_in_markdown() -> None:
    assert "<code>drift: {ignore: [NAME]}</code>" in unescape(drift_markdown((DRIFTED,)))


def test_a_difference_as_data() -> None:
    found = valid("diff", diff_json(("a", "b"), CHANGES))
    assert [sorted(change) for change in found["changes"]] == [["added"], ["added"], ["after", "before"], ["removed"]]


def test_one_migration_gives_and_two_give() -> None:
    assert "the schema matches the 1 migration in the ledger\n" in drift_text((Drift(STAGING, (), 1),))
    assert "the schema matches the 3 migrations in the ledger\n" in drift_text((CLEAN,))
    none = drift_text((Drift(STAGING, (), 0),))
    assert "the schema matches an empty schema, because no migration is applied\n" in none


def test_who_could_not_be_looked_at_is_never_clean() -> None:
    assert exit_status((CLEAN,)) == 0
    assert exit_status((CLEAN, DRIFTED)) == 1
    assert exit_status((CLEAN, UNSEEN)) == 4
    assert exit_status((DRIFTED, UNSEEN)) == 4
    assert "NOT CHECKED, so drift is unknown" in drift_text((UNSEEN,))
    assert "not checked, so drift is unknown" in drift_markdown((UNSEEN,))


def test_a_body_is_told_by_its_lines_that_differ() -> None:
    assert change_lines((Altered(_F1, _F2),)) == [
        "!   function public.f(): body",
        "      begin",
        "-       return 1;",
        "+       return 2;",
        "      end",
    ]


def test_what_is_simply_so_is_told_by_its_name() -> None:
    key = SchemaObject("column", "public.a.id", "public.a", {"type": "bigint", "not_null": "yes", "default": "1"})
    odd = SchemaObject("column", "public.a.b", "public.a", {"type": "text", "not_null": "not validated"})
    assert change_lines((Added(key), Removed(odd))) == [
        "  public.a",
        "+     column id: bigint, not null, default 1",
        "-     column b: text, not null not validated",
    ]


def test_a_part_stands_below_what_it_is_a_part_of() -> None:
    assert change_lines((Added(_COLUMN),)) == ["  public.a", "+     column b: text"]
    assert change_lines((Added(_TABLE), Added(_COLUMN))) == ["+   table public.a", "+     column b: text"]


def test_a_grant_stands_below_the_new_function_or_view_that_it_is_for() -> None:
    whole = [SchemaObject("function", "public.f()"), SchemaObject("view", "public.v"), _TABLE]
    parts = [SchemaObject("grant", f"{each.kind} {each.name} to ann", each.name) for each in whole[:2]]
    assert change_lines(compare(Snapshot(), Snapshot.of([*parts, *whole]))) == [
        "+   table public.a",
        "+   view public.v",
        "+     grant view public.v to ann",
        "+   function public.f()",
        "+     grant function public.f() to ann",
    ]


def test_no_name_ends_a_fence_moves_the_cursor_or_orders_the_runner_about() -> None:
    evil = SchemaObject("table", "public.\n```\n@everybody ##[error]\x1b[2J", attributes={"comment": "```"})
    changes = compare(Snapshot(), Snapshot.of([evil]))
    page = diff_markdown(("`a`", "b"), changes)
    assert page.count("\n```") == 2
    assert page.rstrip().endswith("```")
    for text in (page, diff_text(("a", "b"), changes), drift_text((Drift(STAGING, changes),))):
        assert "\x1b" not in text
        assert "##[" not in text


def test_a_page_of_many_differences_says_how_many_lines_it_leaves_out() -> None:
    many = compare(Snapshot(), Snapshot.of(SchemaObject("table", f"public.t{n}") for n in range(9000)))
    page = drift_markdown((Drift(STAGING, many),), longest=20_000)
    assert len(page) <= 20_000
    assert "more lines" in page
