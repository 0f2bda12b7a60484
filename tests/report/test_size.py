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


def test_sql_goes_first_then_diffs_then_hints_and_the_page_says_so() -> None:
    only_sql = page(tuple(step(n, 9_000) for n in range(1, 11)), problems(3, 2_000, 20))
    assert "4 of 10 SQL files" in only_sql or re.search(r"\d+ of 10 SQL files", only_sql)
    assert "diffs" not in only_sql
    diffs_too = page(tuple(step(n, 9_000) for n in range(1, 11)), problems(9, 9_000, 20))
    assert re.search(r"10 of 10 SQL files, \d of 9 diffs\.", diffs_too)
    assert "hints" not in diffs_too
    hints_too = page((step(1, 9_000),), problems(130, 500, 399))
    assert re.search(r"1 of 1 SQL files, 130 of 130 diffs, \d+ of 130 hints\.", hints_too)
    assert (hints_too.count("[!CAUTION]"), hints_too.count("⛔ <b>problem ")) == (5, 125)


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


@pytest.mark.parametrize(("longest", "wanted"), [(100, "aaabbb"), (5, "aabbb"), (3, "bbb"), (1, "b"), (0, "")])
def test_as_little_is_dropped_as_needed(longest: int, wanted: str) -> None:
    assert fit(lambda kept: "a" * kept["a"] + "b" * kept["b"], {"a": 3, "b": 3}, longest) == wanted


def test_a_page_that_is_too_long_without_any_part_is_drawn_once_for_each_kind() -> None:
    drawn: list[dict[str, int]] = []

    def draw(kept: dict[str, int]) -> str:
        drawn.append(dict(kept))
        return "x" * 10 + "a" * kept["a"] + "b" * kept["b"]

    assert fit(draw, {"a": 10**6, "b": 10**6}, 9) == "x" * 10
    assert drawn == [{"a": 10**6, "b": 10**6}, {"a": 0, "b": 10**6}, {"a": 0, "b": 0}]
