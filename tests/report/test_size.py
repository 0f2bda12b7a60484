from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.migration.header import Rollback
from ctgitops.core.migration.selector import Selector
from ctgitops.core.plan.plan import Direction, Plan, Step
from ctgitops.core.problem import Problem
from ctgitops.core.run.outcome import Done, Outcome, Status
from ctgitops.core.schema.compare import Added
from ctgitops.core.schema.snapshot import SchemaObject
from ctgitops.core.trial.trial import Trial
from ctgitops.core.view.preview import Preview
from ctgitops.report.markdown import check_markdown, outcome_markdown, plans_markdown
from ctgitops.report.page import MAX, fit
from ctgitops.sql.script import Script
from tests.fakes import PRODUCTION, STAGING, workspace
from tests.report.cases import ORIGIN, READY


def step(number: int, sql: int, *, breaking: bool = False, text: str = "d") -> Step:
    return Step(
        Direction.APPLY,
        number,
        f"{number:03}_m",
        None,
        f"sha256:{number}",
        Script("x" * sql, f"migrations/{number:03}_m.sql"),
        breaking=breaking,
        rollback=Rollback.AVAILABLE,
        description=text,
        impact=text,
    )


def page(steps: tuple[Step, ...], problems: tuple[Problem, ...] = ()) -> str:
    plan = Plan("staging", Direction.APPLY, None, None, Selector(), steps, (), problems)
    other = replace(plan, environment="production")
    return plans_markdown((Preview(STAGING, plan), Preview(PRODUCTION, other)), ORIGIN)


def problems(count: int, detail: int, hint: int) -> tuple[Problem, ...]:
    return tuple(Problem(f"p{i}", f"problem {i}", hint="h" * hint, detail="d" * detail) for i in range(count))


@given(
    st.lists(st.sampled_from([10, 4_000, 70_000]), min_size=1, max_size=120),
    st.integers(0, 60),
    st.sampled_from([0, 300, 9_000]),
    st.sampled_from(["", "h", "|" * 400]),
)
def test_a_page_fits_and_keeps_what_it_must(sizes: list[int], count: int, detail: int, text: str) -> None:
    steps = tuple(step(n, size, breaking=n == 1, text=text or "d") for n, size in enumerate(sizes, 1))
    made = page(steps, problems(count, detail, len(text)))
    assert len(made) <= MAX
    first, *_ = made.splitlines()
    assert f"{len(steps)} migration" in first
    assert "1 BREAKING" in first
    assert "| <b>staging</b> |" in made
    assert "| <b>production</b> |" in made
    assert "<b>BREAKING</b>" in made
    assert made.count("<details>") == made.count("</details>")


def test_what_is_left_out_is_named_with_its_number() -> None:
    only_sql = page(tuple(step(n, 9_000) for n in range(1, 11)), problems(3, 2_000, 20))
    assert re.search(r"Left out to fit into a comment: \d of 10 SQL files\.", only_sql)
    hints_too = page((step(1, 9_000),), problems(130, 500, 399))
    assert re.search(r"\d+ of 130 diffs, .*\d+ of 130 hints\.", hints_too)
    assert (hints_too.count("[!CAUTION]"), hints_too.count("⛔ <b>problem ")) == (5, 125)


@pytest.mark.parametrize("count", [25, 200])
def test_a_page_is_full_and_keeps_something_of_everything(count: int) -> None:
    steps = tuple(step(n, 40 if n % 2 else 4_000, text="words " * 9) for n in range(1, count + 1))
    changes = tuple(Added(SchemaObject("table", f"public.t{n}_{'x' * 90}")) for n in range(900))
    plan = Plan("staging", Direction.APPLY, None, None, Selector(), steps)
    tried = Trial("17.6", tried=tuple(each.name for each in steps), changes=changes)
    made = plans_markdown((Preview(STAGING, plan, proof=tried),), ORIGIN)
    assert 0.9 * MAX < len(made) <= MAX
    assert "```sql" in made
    assert "```diff" in made
    assert made.count("<code>0") > 20
    assert re.search(r"\d+ of \d+ SQL files, \d+ of 900 lines of schema changes", made)


def test_a_cut_page_says_where_the_whole_is() -> None:
    plan = Plan("staging", Direction.APPLY, None, None, Selector(), (step(1, 70_000),))
    results = (Preview(STAGING, plan),)
    assert f"The whole plan is in [the summary of the run]({ORIGIN.run_url})" in plans_markdown(results, ORIGIN)
    told = plans_markdown(results, ORIGIN, summary_has_all=False)
    assert (
        "the file <code>ctgitops-plan.md</code>, which a workflow can upload as an artifact, has the whole plan" in told
    )
    assert "The whole plan is in" not in told


def test_a_small_file_stays_when_a_large_one_goes() -> None:
    made = page((step(1, 70_000), step(2, 100)))
    assert "x" * 100 in made
    assert "1 of 2 SQL files" in made


@pytest.mark.slow
def test_a_thousand_migrations_keep_the_rows_that_matter() -> None:
    made = page(tuple(step(n, 10, breaking=n == 997) for n in range(1, 1001)))
    assert len(made) <= MAX
    assert "<code>997_m</code> <b>BREAKING</b>" in made
    assert re.search(r"<b>and \d+ more</b>", made)


def test_a_page_that_fits_is_not_cut() -> None:
    assert "Left out to fit" not in plans_markdown(READY, ORIGIN)


def test_other_pages_fit_too() -> None:
    many = problems(400, 3_000, 300)
    assert len(check_markdown(workspace(), many)) <= MAX
    plan = Plan("staging", Direction.APPLY, None, None, Selector(), (), (), many)
    assert len(outcome_markdown(Outcome(plan, Status.BLOCKED))) <= MAX
    done = tuple(Done(f"{n:04}_m", 1) for n in range(3000))
    assert len(outcome_markdown(Outcome(replace(plan, problems=()), Status.APPLIED, done))) <= MAX


@pytest.mark.parametrize(("longest", "wanted"), [(100, "aaabbb"), (5, "aabbb"), (3, "abb"), (1, "b"), (0, "")])
def test_as_little_is_dropped_as_needed_and_no_kind_takes_all(longest: int, wanted: str) -> None:
    assert fit(lambda kept: "a" * kept["a"] + "b" * kept["b"], {"a": 3, "b": 3}, longest) == wanted


def test_a_page_is_drawn_only_as_often_as_a_search_needs() -> None:
    drawn: list[dict[str, int]] = []

    def draw(kept: dict[str, int]) -> str:
        drawn.append(dict(kept))
        return "x" * 10 + "a" * kept["a"] + "b" * kept["b"]

    assert fit(draw, {"a": 10**6, "b": 10**6}, 9) == "x" * 10
    assert len(drawn) < 100
