"""A migration that goes before another one is applied before it where both are pending, by its number elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.environment.policy import Numbering, Policy
from ctgitops.core.ledger.ledger import Mark
from ctgitops.core.migration.migration import Migration
from ctgitops.core.migration.sequence import sequence
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.workspace.workspace import problems_of
from tests.fakes import STAGING, added, chained, entry, migration, step_entry, workspace


def before(number: int, other: object) -> Migration:
    return migration(f"{number:03}_m", sql=f"-- ctgitops: before {other}\nupdate t set x = 0;\n")


ONE, TWO, THREE, FOUR = (migration(f"{number:03}_m") for number in (1, 2, 3, 4))


def numbers(*migrations: Migration, has: tuple[Migration, ...] = (), begun: tuple[Migration, ...] = ()) -> list[int]:
    ledger = chained(*(entry(m) for m in has), *(entry(m, Mark.STARTED) for m in begun))
    return [step.number for step in make_plan(workspace(*migrations), STAGING, ledger).steps]


def test_it_goes_before_where_both_are_pending_and_by_its_number_elsewhere() -> None:
    correction = before(4, "002_m")
    assert numbers(ONE, TWO, THREE, correction, has=(ONE,)) == [4, 2, 3]
    assert numbers(ONE, TWO, THREE, correction, has=(ONE, TWO)) == [3, 4]
    assert numbers(ONE, TWO, THREE, correction) == [1, 4, 2, 3]


def test_it_goes_before_what_was_begun_and_one_may_go_before_another() -> None:
    assert numbers(ONE, TWO, THREE, before(4, 3), has=(ONE,), begun=(THREE,)) == [4, 3, 2]
    assert numbers(ONE, TWO, before(3, 2), before(4, 3), has=(ONE,)) == [4, 3, 2]


@pytest.mark.parametrize("numbering", Numbering)
@given(st.data())
def test_wherever_a_run_stops_nothing_is_out_of_order(numbering: Numbering, data: st.DataObject) -> None:
    """Seen to fail with the order of numbers alone: what the correction was for then came too late."""
    made = [before(n, b) if (b := data.draw(st.integers(0, n))) else migration(f"{n:03}_m") for n in range(1, 8)]
    work = workspace(*made, policy=Policy(numbering=numbering))
    known = data.draw(st.integers(0, 7))
    ledger = chained(*(entry(m) for m in sequence(made[:known])))
    while steps := (plan := make_plan(work, STAGING, ledger)).steps:
        assert not [p for p in plan.problems if p.code == "out-of-order"]
        ledger = added(ledger, step_entry(steps[0]))
    assert sorted(ledger.applied) == list(range(1, 8))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (before(3, "orders"), "does not name a migration"),
        (before(3, ""), "does not name a migration"),
        (before(3, 9), "the migration must precede 009, which does not exist"),
        (before(3, 3), "because its number is lower"),
        (before(3, 4), "because its number is lower"),
        (
            migration("003_m", "1.2.0", sql="-- ctgitops: before 2\nselect 1;\n", Dependencies="002"),
            "the migration must precede 002, but depends on 002, a later one",
        ),
    ],
)
def test_a_line_that_cannot_be_followed_is_a_problem(wrong: Migration, said: str) -> None:
    found = [p for p in problems_of(workspace(ONE, TWO, wrong, FOUR)) if said in p.what]
    assert [(p.blocks, p.place.path if p.place else "") for p in found] == [(True, "migrations/003_m.sql")]
    assert not [p for p in problems_of(workspace(ONE, TWO, before(3, 2), FOUR)) if p.code == "before"]


def test_a_line_in_a_string_or_in_another_comment_puts_nothing_before() -> None:
    """Seen to fail where the text was searched: a body that has the line went before the migration it names."""
    for sql in ("do $$\n-- ctgitops: before 2\nbegin end $$;\n", "/*\n-- ctgitops: before 2\n*/ select 1;\n"):
        held = migration("003_m", sql=sql)
        assert held.before is None
        assert not [p for p in problems_of(workspace(ONE, TWO, held)) if p.code == "before"]
