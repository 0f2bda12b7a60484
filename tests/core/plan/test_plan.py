"""The plan's fingerprint and order: what changes each, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.environment.apply_policy import ApplyPolicy, TransactionScope
from ctgitops.core.ledger.ledger import Mark
from ctgitops.core.migration.selector import Selector
from ctgitops.core.plan.plan import Direction, Plan, Step, make_plan
from ctgitops.sql.script import Script
from tests.fakes import STAGING, chained, entry, migration, workspace

ONE, TWO, THREE = migration("001_one"), migration("002_two"), migration("003_three")
STEP = Step(Direction.APPLY, 2, "002_two", None, "sha256:2", Script("select 1;", "migrations/002_two.sql"))
PLAN = Plan("staging", Direction.APPLY, None, None, Selector(), (STEP,), applied=((1, "sha256:1"), (4, "sha256:4")))


@given(st.permutations([(1, "a"), (2, "b"), (10, "c")]))
def test_the_order_in_which_a_database_got_its_migrations_is_no_part_of_the_fingerprint(
    order: list[tuple[int, str]],
) -> None:
    """Seen to fail without `sorted` in `Plan.fingerprint`."""
    assert replace(PLAN, applied=tuple(order)).fingerprint == replace(PLAN, applied=tuple(sorted(order))).fingerprint


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAN, environment="production"),
        replace(PLAN, applied=((1, "sha256:1"),)),
        replace(PLAN, applied=((1, "sha256:other"), (4, "sha256:4"))),
        replace(PLAN, steps=()),
        replace(PLAN, steps=(STEP, STEP)),
        replace(PLAN, steps=(replace(STEP, direction=Direction.ROLLBACK),)),
        replace(PLAN, steps=(replace(STEP, number=3),)),
        replace(PLAN, steps=(replace(STEP, name="002_other"),)),
        replace(PLAN, steps=(replace(STEP, checksum="sha256:other"),)),
        replace(PLAN, steps=(replace(STEP, script=Script("select 2;", "migrations/002_two.sql")),)),
        replace(PLAN, steps=(replace(STEP, rollback_script=Script("select 2;", "migrations/002_two.down.sql")),)),
        replace(PLAN, steps=(replace(STEP, verify=Script("select 2;", "migrations/002_two.verify.sql")),)),
        replace(PLAN, apply_policy=ApplyPolicy(transaction=TransactionScope.ALL)),
        replace(PLAN, since="0f"),
    ],
)
def test_what_changes_the_fingerprint(other: Plan) -> None:
    assert other.fingerprint != PLAN.fingerprint


def test_two_scripts_do_not_change_places_unnoticed() -> None:
    script = Script("select 2;", "migrations/002_two.sql")
    verified = replace(PLAN, steps=(replace(STEP, verify=script),))
    assert verified.fingerprint != replace(PLAN, steps=(replace(STEP, rollback_script=script),)).fingerprint


def test_what_was_begun_comes_before_lower_numbers() -> None:
    """Seen to fail without the sort by what was begun in `sequence`."""
    plan = make_plan(workspace(ONE, TWO, THREE), STAGING, chained(entry(TWO, Mark.STARTED)))
    assert [step.name for step in plan.steps] == ["002_two", "001_one", "003_three"]
