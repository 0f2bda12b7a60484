"""Properties of plan, ledger, rollback and gates, tested on many generated histories."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.environment.policy import Band, Numbering, Policy
from ctgitops.core.gate.gate import Unreadable, reasons_to_wait
from ctgitops.core.ledger.ledger import Entry, Ledger, Mark, entry_hash
from ctgitops.core.migration.migration import Migration
from ctgitops.core.migration.selector import Selector
from ctgitops.core.plan.plan import Plan, Step, make_plan
from ctgitops.core.plan.rollback import entries_after, last_entries, make_rollback
from ctgitops.core.problem import Concern
from ctgitops.core.workspace.workspace import Workspace
from ctgitops.sql.script import Script
from tests.fakes import (
    NOW,
    PRODUCTION,
    STAGING,
    added,
    carried_out,
    chained,
    entry,
    migration,
    request,
    seed,
    workspace,
)

BANDS = Policy(bands=(Band("core", 1, 99), Band("network", 200, 299)))
GAPS = Policy(numbering=Numbering.INCREASING)

numbers = st.lists(st.integers(1, 60), min_size=1, max_size=8, unique=True)


def files(which: list[int]) -> tuple[Migration, ...]:
    return tuple(migration(f"{number:03}_m") for number in sorted(which))


def plan_for(work: Workspace, ledger: Ledger) -> Plan:
    return make_plan(work, STAGING, ledger)


def codes(plan: Plan) -> set[str]:
    return {problem.code for problem in plan.problems if problem.blocks}


@given(numbers, st.randoms())
def test_the_order_of_files_does_not_matter(which: list[int], random: object) -> None:
    made = files(which)
    shuffled = list(made)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    seeds = (seed("a.sql"), seed("b.sql"))
    one, other = workspace(*made, policy=GAPS, seeds=seeds), workspace(*shuffled, policy=GAPS, seeds=seeds)
    assert plan_for(one, Ledger()) == plan_for(other, Ledger())


@given(numbers, st.data())
def test_applying_a_plan_leaves_nothing_to_do(which: list[int], data: st.DataObject) -> None:
    made = files(which)
    has = data.draw(st.integers(0, len(made)))
    work = workspace(*made, policy=GAPS, seeds=(seed("a.sql"),))
    ledger = chained(*(entry(m) for m in made[:has]))
    plan = plan_for(work, ledger)
    assert not plan.blocked
    again = plan_for(work, carried_out(plan, ledger))
    assert again.empty
    assert not again.blocked
    assert again.current_version == plan.target_version


@given(numbers, st.data())
def test_rolling_back_makes_pending_again(which: list[int], data: st.DataObject) -> None:
    made = files(which)
    work = workspace(*made, policy=GAPS)
    count = data.draw(st.integers(1, len(made)))
    ledger = chained(*(entry(m) for m in made))
    back = make_rollback(STAGING, ledger, last_entries(ledger, count))
    assert [step.number for step in back.steps] == [m.number for m in reversed(made)][:count]
    assert [step.number for step in plan_for(work, carried_out(back, ledger)).steps] == [
        m.number for m in made[-count:]
    ]


@given(numbers, st.data())
def test_back_to_a_migration_keeps_it_and_all_before_it(which: list[int], data: st.DataObject) -> None:
    made = data.draw(st.permutations(files(which)))
    ledger = chained(*(entry(m) for m in made))
    kept = data.draw(st.integers(1, len(made)))
    undone = entries_after(ledger, made[kept - 1].number)
    assert [e.number for e in undone] == [m.number for m in reversed(made[kept:])]
    assert len(entries_after(ledger, 0)) == len(made)


FULL = workspace(
    migration("001_one", "1.0.0", verify="SELECT true;\n"), migration("002_two", "1.1.0"), seeds=(seed("a.sql"),)
)


def changed(text: str, data: st.DataObject) -> str:
    at = data.draw(st.integers(0, len(text) - 1))
    return text[:at] + ("x" if text[at] != "x" else "y") + text[at + 1 :]


@given(st.sampled_from(["up", "down", "verify", "seed"]), st.data())
def test_any_byte_that_would_run_changes_the_fingerprint(part: str, data: st.DataObject) -> None:
    before = plan_for(FULL, Ledger())
    first = FULL.migrations[0]
    if part == "seed":
        text = changed(before.seeds[0].script.sql, data)
        after = replace(before, seeds=(replace(before.seeds[0], script=Script(text, "a.sql")),))
        assert after.fingerprint != before.fingerprint
        return
    script = getattr(first, part)
    other = replace(first, **{part: replace(script, sql=changed(script.sql, data))})
    steps = tuple(plan_for(replace(FULL, migrations=(other, FULL.migrations[1])), Ledger()).steps)
    assert replace(before, steps=steps).fingerprint != before.fingerprint


def test_a_failed_attempt_does_not_change_the_fingerprint_and_anything_applied_does() -> None:
    plan = plan_for(FULL, Ledger())
    failed = chained(entry(FULL.migrations[0], Mark.FAILED, error="no"))
    assert plan_for(FULL, failed).fingerprint == plan.fingerprint
    assert plan_for(FULL, chained(entry(FULL.migrations[0]))).fingerprint != plan.fingerprint
    assert make_plan(FULL, PRODUCTION, Ledger()).fingerprint != plan.fingerprint


def test_p17_a_late_migration_of_an_earlier_band_is_pending_and_no_problem() -> None:
    early = tuple(migration(f"{n:03}_m") for n in range(1, 9))
    network = tuple(migration(f"{n}_m") for n in (200, 201))
    late = migration("009_late")
    ledger = chained(*(entry(m) for m in (*early, *network)))
    plan = plan_for(workspace(*early, late, *network, policy=BANDS), ledger)
    assert [step.number for step in plan.steps] == [9]
    assert not plan.problems or not plan.blocked


def test_out_of_order_within_a_band_blocks() -> None:
    made = tuple(migration(f"{n:03}_m") for n in (1, 2, 3))
    plan = plan_for(workspace(*made, policy=BANDS), chained(entry(made[0]), entry(made[2])))
    assert codes(plan) == {"out-of-order"}
    assert plan.concern is Concern.LEDGER


ONE, TWO = FULL.migrations


@pytest.mark.parametrize(
    ("work", "ledger", "code"),
    [
        (FULL, chained(replace(entry(ONE), checksum="sha256:other")), "edited"),
        (workspace(TWO, policy=GAPS), chained(entry(ONE)), "missing"),
        (FULL, replace(chained(entry(ONE), entry(TWO, Mark.STARTED)), unrecorded=frozenset({2})), "unfinished"),
        (FULL, Ledger((replace(chained(entry(ONE)).entries[0], actor="mallory"),)), "ledger-tampered"),
        (workspace(ONE, TWO, migration("002_other", "1.2.0")), Ledger(), "duplicate-number"),
    ],
)
def test_each_of_these_is_a_problem(work: Workspace, ledger: Ledger, code: str) -> None:
    plan = plan_for(work, ledger)
    assert code in codes(plan)
    assert plan.blocked


texts = st.text(max_size=8)
maybe = st.none() | texts
moments = st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
entries = st.builds(
    Entry,
    mark=st.sampled_from(Mark),
    name=texts,
    number=st.none() | st.integers(0, 999),
    version=maybe,
    checksum=maybe,
    sql=maybe,
    rollback_sql=maybe,
    started_at=moments,
    finished_at=moments,
    millis=st.none() | st.integers(0, 10**9),
    error=maybe,
    actor=maybe,
    commit_sha=maybe,
    pull_request=st.none() | st.integers(1, 10**6),
    run_url=maybe,
    plan=maybe,
    receipt=maybe,
    tool_version=maybe,
    server_version=maybe,
)

COLUMNS = [f.name for f in fields(Entry) if f.name not in {"id", "hash"}]


@given(st.lists(entries, min_size=1, max_size=4), st.sampled_from(COLUMNS), entries, st.data())
def test_the_chain_notices_any_changed_column(
    made: list[Entry], column: str, other: Entry, data: st.DataObject
) -> None:
    ledger = chained(*made)
    assert ledger.broken_at() is None
    at = data.draw(st.integers(0, len(made) - 1))
    value: Any = "1" * 64 if column == "previous_hash" else getattr(other, column)
    change: dict[str, Any] = {column: value}
    tampered = replace(ledger.entries[at], **change)
    if tampered == ledger.entries[at]:
        return
    broken = Ledger((*ledger.entries[:at], tampered, *ledger.entries[at + 1 :])).broken_at()
    assert broken == tampered


@given(st.lists(entries, min_size=2, max_size=5), st.data())
def test_the_chain_notices_an_entry_that_is_gone_even_with_its_hashes_made_again(
    made: list[Entry], data: st.DataObject
) -> None:
    ledger = chained(*made)
    at = data.draw(st.integers(0, len(made) - 2))
    assert Ledger(ledger.entries[:at] + ledger.entries[at + 1 :]).broken_at() == ledger.entries[at + 1]
    forged = replace(ledger.entries[at], actor="somebody else")
    forged = replace(forged, hash=entry_hash(forged))
    rest = ledger.entries[at + 1 :]
    if forged != ledger.entries[at]:
        assert Ledger((*ledger.entries[:at], forged, *rest)).broken_at() == rest[0]


@given(st.lists(entries, max_size=6))
def test_nothing_is_both_without_an_entry_and_applied(made: list[Entry]) -> None:
    ledger = chained(*made)
    known = {e.number for e in ledger.entries}
    assert set(ledger.applied) | set(ledger.unfinished) <= known
    assert sorted(e.number or 0 for e in ledger.in_order) == list(ledger.applied)


def test_the_hash_is_over_a_json_array_so_that_neighbours_cannot_flow_together() -> None:
    one = Entry(Mark.APPLIED, "a", sql="b", rollback_sql="")
    other = Entry(Mark.APPLIED, "a", sql="", rollback_sql="b")
    assert entry_hash(one) != entry_hash(other)
    assert json.loads(json.dumps(["b", ""])) != ["", "b"]


@given(st.text("0123456789abcdef", max_size=64))
def test_only_the_beginning_of_the_same_fingerprint_approves(approved: str) -> None:
    plan = plan_for(FULL, Ledger())
    same = len(approved) >= 8 and plan.fingerprint.startswith(approved)
    waits = reasons_to_wait(plan, request(FULL, approved=approved), None)
    assert bool(waits) is not same


@pytest.mark.parametrize("approved", ["", "0", "00000000"])
def test_an_approval_that_was_not_given_approves_nothing(approved: str) -> None:
    plan = plan_for(FULL, Ledger())
    assert plan.fingerprint[:8] != approved
    assert reasons_to_wait(plan, request(FULL, approved=approved), None)


@given(st.integers(0, 2), st.integers(0, 48), st.integers(0, 48))
def test_production_takes_exactly_what_staging_has_for_long_enough(has: int, hours: int, bake: int) -> None:
    made = FULL.migrations
    staging = chained(*(entry(m, at=NOW - timedelta(hours=hours)) for m in made[:has]))
    environment = replace(PRODUCTION, bake=timedelta(hours=bake))
    asked = request(FULL, environment)
    plan = make_plan(FULL, environment, Ledger())
    gates = [reason.gate for reason in reasons_to_wait(plan, asked, staging)]
    assert gates.count("after") == len(made) - has
    assert gates.count("bake") == (has if hours < bake else 0)


def test_another_text_on_staging_is_not_the_same_migration() -> None:
    plan = make_plan(FULL, PRODUCTION, Ledger())
    staging = chained(replace(entry(ONE), checksum="sha256:other"), entry(TWO))
    whats = [reason.what for reason in reasons_to_wait(plan, request(FULL, PRODUCTION), staging)]
    assert whats == ["the text of 001_one that staging has applied differs from this checkout"]


def test_a_gate_that_could_not_look_refuses() -> None:
    plan = make_plan(FULL, PRODUCTION, Ledger())
    for predecessor in (None, Unreadable("no route")):
        assert reasons_to_wait(plan, request(FULL, PRODUCTION), predecessor)


def test_a_target_brings_only_what_it_reaches_and_never_goes_back() -> None:
    plan = make_plan(FULL, STAGING, chained(entry(ONE), entry(TWO)), Selector(number=1))
    assert [step.number for step in plan.steps] == []
    assert {p.code for p in plan.problems} == {"beyond-target"}
    assert not plan.blocked


def test_a_repair_keeps_the_order_in_which_rollback_goes() -> None:
    ledger = added(chained(entry(ONE), entry(TWO)), entry(ONE, Mark.REPAIRED))
    assert [e.number for e in ledger.in_order] == [1, 2]
    assert isinstance(plan_for(FULL, ledger).steps, tuple)


def test_a_step_tells_whether_it_is_one_transaction() -> None:
    index = migration("001_one", "1.0.0", sql="CREATE INDEX CONCURRENTLY i ON t (a);\n")
    steps: tuple[Step, ...] = plan_for(workspace(index), Ledger()).steps
    assert [step.transactional for step in steps] == [False]


def test_what_staging_has_half_of_is_not_what_staging_has() -> None:
    """Its rollback, outside a transaction, began and did not come to its end."""
    one = FULL.migrations[0]
    whole = carried_out(plan_for(FULL, Ledger()), Ledger())
    plan = make_plan(FULL, PRODUCTION, Ledger())
    assert "after" not in {reason.gate for reason in reasons_to_wait(plan, request(FULL, PRODUCTION), whole)}
    half = added(whole, entry(one, Mark.STARTED))
    whats = [reason.what for reason in reasons_to_wait(plan, request(FULL, PRODUCTION), half)]
    assert whats == [f"{one.name} is unfinished in staging"]
