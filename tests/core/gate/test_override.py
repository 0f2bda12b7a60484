"""A person can override a window, a freeze and a bake time, with a reason, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.environment.environment import Reviewed
from ctgitops.core.environment.freeze import Freeze
from ctgitops.core.environment.window import Window
from ctgitops.core.gate.gate import reasons_to_wait, used_override
from ctgitops.core.gate.override import OVERRIDABLE, Override, last_override
from ctgitops.core.ledger.ledger import Ledger, Mark
from ctgitops.core.plan.plan import make_plan
from ctgitops.errors import UsageError
from tests.fakes import NOW, PRODUCTION, chained, entry, migration, request, workspace

ONE = migration("001_one", "1.0.0")
ELSEWHEN = Window(frozenset({"sun"}), time(3), time(4), "UTC")
FREEZE = Freeze(NOW - timedelta(hours=1), NOW + timedelta(hours=1), "sale")
SHUT = replace(PRODUCTION, windows=(ELSEWHEN,), freezes=(FREEZE,), bake=timedelta(days=9), reviewed=Reviewed.REQUIRED)
STAGING_HAS_IT = chained(entry(ONE))


@given(st.sets(st.sampled_from(OVERRIDABLE)))
def test_exactly_the_named_gates_no_longer_count(gates: set[str]) -> None:
    asked = request(workspace(ONE), SHUT, approved="0" * 64)
    plan = make_plan(workspace(ONE), SHUT, Ledger())
    before = {reason.gate for reason in reasons_to_wait(plan, asked, STAGING_HAS_IT)}
    assert before == {"fingerprint", *OVERRIDABLE}
    overriding = replace(asked, override=Override.parse(gates, "orders fail"))
    assert {reason.gate for reason in reasons_to_wait(plan, overriding, STAGING_HAS_IT)} == before - gates
    used = used_override(plan, overriding, STAGING_HAS_IT)
    assert set(used.gates if used else ()) == gates


@pytest.mark.parametrize("gate", ["fingerprint", "reviewed", "after", "health", "everything", ""])
def test_no_other_gate_can_be_overridden(gate: str) -> None:
    with pytest.raises(UsageError, match="cannot be overridden"):
        Override.parse((gate,), "because")


@pytest.mark.parametrize("reason", ["", "  ", "\n\t"])
def test_a_reason_is_required(reason: str) -> None:
    with pytest.raises(UsageError, match="needs a reason"):
        Override.parse(("window",), reason)
    assert Override.parse((), reason) is None


def test_an_override_that_is_not_needed_is_not_used() -> None:
    open_now = replace(PRODUCTION, after=None)
    asked = request(workspace(ONE), open_now, override=Override.parse(("window",), "because"))
    assert used_override(make_plan(workspace(ONE), open_now, Ledger()), asked, None) is None


def test_the_ledger_gives_back_what_was_recorded_and_applies_nothing_by_it() -> None:
    plan = make_plan(workspace(ONE), SHUT, Ledger())
    used = used_override(plan, request(workspace(ONE), SHUT, override=Override.parse(OVERRIDABLE, "x")), STAGING_HAS_IT)
    assert used is not None
    ledger = chained(entry(ONE), replace(used.entry(plan), actor="anna"))
    assert ledger.broken_at() is None
    assert set(ledger.applied) == {1}
    assert (ledger.unfinished, ledger.seeded) == ({}, {})
    assert ledger.entries[-1].mark is Mark.STARTED
    found = last_override(ledger)
    assert found is not None
    assert (found.waits, found.reason, found.actor) == (used.waits, "x", "anna")
