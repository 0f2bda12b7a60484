"""A migration may have the number 000: an entry with it is not one without a number."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.ledger.ledger import Ledger, Mark
from ctgitops.core.ledger.reversal import reversal_problems
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.plan.replay import steps_of
from ctgitops.core.plan.rollback import make_rollback
from ctgitops.core.trial.trial import other_order
from ctgitops.core.view.pull_request_record import MigrationRef, brought_by
from ctgitops.errors import LedgerError
from tests.fakes import STAGING, chained, entry, migration, workspace

ZERO, ONE = migration("000_zero"), migration("001_one")
BOTH = chained(entry(ZERO), entry(ONE))


def test_it_is_applied_rolled_back_and_applied_again_under_its_number() -> None:
    assert [step.number for step in make_plan(workspace(ZERO, ONE), STAGING, Ledger()).steps] == [0, 1]
    plan = make_rollback(STAGING, BOTH, BOTH.in_order[::-1])
    assert [step.number for step in plan.steps] == [1, 0]
    assert make_rollback(STAGING, BOTH, BOTH.in_order[1:]).target.number == 0
    back = chained(entry(ZERO), entry(ZERO, Mark.ROLLED_BACK))
    (problem,) = reversal_problems("staging", back, (ZERO,), (ZERO,))
    assert problem.what.startswith("000_zero was rolled back")
    assert "`ctgitops repair --again 000 --env staging" in problem.hint


def test_its_place_in_the_order_counts() -> None:
    assert not other_order(make_plan(workspace(ZERO, ONE), STAGING, BOTH), BOTH)
    late = chained(entry(ONE), entry(ZERO))
    assert other_order(make_plan(workspace(ZERO, ONE), STAGING, late), late)
    pending = make_plan(workspace(ZERO, ONE), STAGING, chained(entry(ONE)))
    assert [problem.code for problem in pending.problems if problem.blocks] == ["out-of-order"]
    two = migration("002_two")
    skipped = make_plan(workspace(ZERO, ONE, two), STAGING, chained(entry(ZERO), entry(two)))
    assert [problem.code for problem in skipped.problems if problem.blocks] == ["out-of-order"]


def test_a_ledger_without_its_sql_names_it() -> None:
    with pytest.raises(LedgerError) as refused:
        steps_of(chained(replace(entry(ZERO), sql=None)))
    assert "ctgitops repair 000 --env" in refused.value.hint


def test_a_pull_request_that_added_it_is_recorded_with_it() -> None:
    ledger = chained(replace(entry(ZERO), pull_request=7), replace(entry(ONE), pull_request=8))
    assert brought_by(7, {"staging": ledger}) == (MigrationRef(0, "000_zero"),)
