from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.gate.gate import Unreadable
from ctgitops.core.ledger.ledger import Entry, Ledger, Mark
from ctgitops.core.ledger.open_prediction import NAME as PREDICTION
from ctgitops.core.view.run_history import History, RunResult, lane_of, runs_of
from ctgitops.core.view.schema_tree import EMPTY, SchemaTree
from tests.fakes import NOW, chained, entry, migration

MARKS = (*[Mark.APPLIED, Mark.ROLLED_BACK] * 4, *Mark)
FILES = [migration(f"{number:03}_m", f"1.{number}.0") for number in range(1, 6)]


def planned(of: int, mark: Mark, plan: str = "a", error: str | None = None) -> Entry:
    return replace(entry(FILES[of], mark, error=error), plan=plan)


@st.composite
def ledgers(draw: st.DrawFn) -> Ledger:
    """Any sequence of marks, also such as no run writes."""
    events = st.tuples(st.integers(0, 4), st.sampled_from(MARKS), st.sampled_from(["a", "b", None]), st.booleans())
    entries = []
    for of, mark, plan, edited in draw(st.lists(events, max_size=25)):
        made = replace(entry(FILES[of], mark), plan=plan)
        entries.append(replace(made, sql="select 2", checksum="sha256:other") if edited else made)
    return chained(*entries)


@given(ledgers())
def test_each_schema_is_that_of_the_migrations_applied_at_that_time(ledger: Ledger) -> None:
    tree = SchemaTree()
    nodes = tree.add(ledger)
    for at in range(1, len(ledger.entries) + 1):
        then = Ledger(ledger.entries[:at])
        node = nodes[ledger.entries[at - 1].id]
        if then.unfinished:
            assert node is None
            continue
        assert node is not None
        path = [(each.entry.number, each.entry.sql) for each in tree.path(node) if each.entry]
        assert path == [(each.number, each.sql) for each in then.in_order]


@given(ledgers())
def test_every_node_is_on_the_path_to_a_leaf(ledger: Ledger) -> None:
    tree = SchemaTree()
    tree.add(ledger)
    reached = {node.id for leaf in tree.leaves for node in tree.path(leaf)}
    assert reached | {EMPTY} == {node.id for node in tree.nodes}


@given(ledgers())
def test_runs_divide_the_entries_and_keep_their_order(ledger: Ledger) -> None:
    runs = runs_of(ledger)
    assert tuple(each for run in runs for each in run.entries) == ledger.entries
    assert not runs or runs[-1].version == ledger.version
    for run in runs:
        assert len({each.plan for each in run.entries}) == 1


def test_environments_with_the_same_migrations_share_schemas() -> None:
    tree = SchemaTree()
    one, two = (entry(file) for file in FILES[:2])
    tree.add(chained(one, two))
    tree.add(chained(one))
    assert len(tree.nodes) == 3
    tree.add(chained(two, one))
    assert len(tree.leaves) == 2


def test_a_rollback_returns_to_the_schema_before_and_another_text_begins_a_branch() -> None:
    tree = SchemaTree()
    again = replace(planned(1, Mark.APPLIED), sql="select 2")
    nodes = tree.add(chained(planned(0, Mark.APPLIED), planned(1, Mark.APPLIED), planned(1, Mark.ROLLED_BACK), again))
    assert nodes == {1: 1, 2: 2, 3: 1, 4: 3}
    assert tree.leaves == (3, 2)


def test_a_migration_rolled_back_from_the_middle_leaves_the_later_ones() -> None:
    tree = SchemaTree()
    nodes = tree.add(chained(planned(0, Mark.APPLIED), planned(1, Mark.APPLIED), planned(0, Mark.ROLLED_BACK)))
    assert [each.entry.name for each in tree.path(nodes[3] or 0) if each.entry] == ["002_m"]


def test_what_follows_an_unknown_schema_is_unknown_and_other_branches_are_not() -> None:
    tree = SchemaTree()
    tree.add(chained(*(planned(of, Mark.APPLIED) for of in (0, 1, 2))))
    tree.add(chained(planned(0, Mark.APPLIED), planned(3, Mark.APPLIED)))
    tree.nodes[1].changes = ()
    tree.unknown_from(2, "it failed")
    assert [node.why_unknown for node in tree.nodes] == ["", "", "it failed", "it failed", ""]


def test_a_failure_counts_more_than_what_was_applied_before_it() -> None:
    (run,) = runs_of(chained(planned(0, Mark.APPLIED), planned(1, Mark.FAILED, error="no")))
    assert run.result is RunResult.FAILED
    (back,) = runs_of(chained(planned(0, Mark.ROLLED_BACK)))
    assert back.result is RunResult.ROLLED_BACK
    (began,) = runs_of(chained(planned(0, Mark.STARTED)))
    assert began.result is RunResult.UNFINISHED


def test_the_same_plan_tried_again_is_another_run() -> None:
    failed = planned(0, Mark.FAILED, error="lock timeout")
    assert [len(run.entries) for run in runs_of(chained(failed, failed, planned(0, Mark.APPLIED)))] == [1, 2]


def test_a_prediction_that_came_true_is_no_event() -> None:
    begun = Entry(Mark.STARTED, PREDICTION, plan="a", actor="anna")
    ended = replace(begun, mark=Mark.REPAIRED)
    (run,) = runs_of(chained(begun, planned(0, Mark.APPLIED), ended))
    assert run.names == ("001_m",)
    assert run.result is RunResult.APPLIED
    (wrong,) = runs_of(chained(begun, planned(0, Mark.APPLIED), replace(begun, mark=Mark.FAILED, error="differs")))
    assert wrong.result is RunResult.FAILED


def test_times_and_durations_of_a_run() -> None:
    later = replace(planned(1, Mark.APPLIED), started_at=NOW, finished_at=NOW + timedelta(seconds=2), millis=2000)
    (run,) = runs_of(chained(planned(0, Mark.APPLIED), later))
    assert (run.finished_at, run.millis) == (NOW + timedelta(seconds=2), 2012)
    (bare,) = runs_of(chained(Entry(Mark.APPLIED, "001_m", 1)))
    assert (bare.started_at, bare.finished_at, bare.millis) == (None, None, None)


def test_a_ledger_that_was_changed_by_hand_and_one_that_cannot_be_read() -> None:
    ledger = chained(planned(0, Mark.APPLIED), planned(1, Mark.APPLIED))
    edited = Ledger((ledger.entries[0], replace(ledger.entries[1], actor="somebody")))
    tree = SchemaTree()
    lanes = lane_of("staging", edited, tree), lane_of("production", Unreadable("no route", 4), tree)
    assert [lane.broken_at for lane in lanes] == [2, None]
    assert History(lanes, tree).exit_status == 4
