"""Why a plan has to wait: its approval, the environment before it, its time there, and the windows."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

import pytest

from ctgitops.core.environment.window import Window
from ctgitops.core.gate.gate import Predecessor, Reason, Unreadable, reasons_to_wait
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import Plan, make_plan
from tests.fakes import NOW, PRODUCTION, chained, entry, migration, request, workspace

ONE, TWO = migration("001_one"), migration("002_two")
WORK = workspace(ONE, TWO)
READY = replace(PRODUCTION, backup=None)
DAY = Window(frozenset({"tue"}), time(9), time(10), "UTC")


def plan_of(environment: object = READY) -> Plan:
    return make_plan(WORK, environment, Ledger())  # type: ignore[arg-type]


def waits(predecessor: Predecessor = None, environment: object = READY, **fields: object) -> list[Reason]:
    asked = request(WORK, environment, **fields)  # type: ignore[arg-type]
    return list(reasons_to_wait(plan_of(environment), asked, predecessor))


def test_what_staging_has_may_come() -> None:
    assert waits(chained(entry(ONE), entry(TWO))) == []


def test_a_predecessor_that_cannot_be_read_proves_nothing() -> None:
    (reason,) = waits(Unreadable("connection refused"))
    assert (reason.gate, "connection refused" in reason.what) == ("after", True)
    assert [each.gate for each in waits(None)] == ["after"]


def test_a_predecessor_whose_ledger_was_changed_by_hand_proves_nothing() -> None:
    there = chained(entry(ONE), entry(TWO))
    broken = replace(there, entries=(there.entries[0], replace(there.entries[1], actor="mallory")))
    (reason,) = waits(broken)
    assert (reason.gate, "entry 2" in reason.what) == ("after", True)
    assert "ctgitops status --env staging" in reason.hint


def test_each_migration_that_staging_lacks_is_a_reason() -> None:
    (reason,) = waits(chained(entry(ONE)))
    assert (reason.gate, "002_two" in reason.what) == ("after", True)


@pytest.mark.parametrize(("hours", "waiting"), [(47, True), (48, False), (49, False)])
def test_a_migration_waits_until_it_was_on_staging_for_long_enough(hours: int, waiting: bool) -> None:
    there = chained(*(entry(each, at=NOW - timedelta(hours=hours)) for each in (ONE, TWO)))
    reasons = waits(there, replace(READY, bake=timedelta(hours=48)))
    assert [each.gate for each in reasons] == ["bake", "bake"] * waiting
    assert all(each.expected for each in reasons)


@pytest.mark.parametrize(("start", "end", "open_"), [(9, 10, True), (10, 11, False)])
def test_outside_of_the_windows_it_waits(start: int, end: int, open_: bool) -> None:
    window = replace(DAY, start=time(start), end=time(end))
    reasons = waits(chained(entry(ONE), entry(TWO)), replace(READY, windows=(window,)))
    assert [(each.gate, each.expected) for each in reasons] == ([] if open_ else [("window", True)])
    assert all("Tue 09:30 UTC" in each.what for each in reasons)


@pytest.mark.parametrize(("length", "waiting"), [(64, False), (12, False), (8, False), (7, True), (0, True)])
def test_only_enough_of_its_fingerprint_approves_a_plan(length: int, waiting: bool) -> None:
    there = chained(entry(ONE), entry(TWO))
    approved = plan_of().fingerprint[:length]
    assert [each.gate for each in waits(there, approved=approved)] == ["fingerprint"] * waiting
    assert [each.gate for each in waits(there, approved="0" * 64)] == ["fingerprint"]
