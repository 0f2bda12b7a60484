"""Where a run resumes, and how it handles a statement that may not have completed: properties and tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.ledger.ledger import Entry, Ledger, Mark
from ctgitops.core.ledger.recovery import Indexes, RecoveryAction, RelationState, next_of, parse_state
from ctgitops.core.ledger.resumption import Kind, ProgressRow, ProgressState, Resumption, how_far, resumption
from ctgitops.sql.interruption import LeftoverKind
from ctgitops.sql.script import Script

WHEN = datetime(2026, 3, 1, tzinfo=UTC)


def script_of(*texts: str) -> Script:
    return Script(";\n".join(texts) + ";", "migrations/002_x.sql")


def done(script: Script, position: int) -> ProgressRow:
    statement_hash = script.hash_of(script.statements[position - 1])
    return ProgressRow(2, 2, Kind.STATEMENT, ProgressState.DONE, position, statement_hash, WHEN, WHEN)


numbers = st.lists(st.integers(0, 9), min_size=1, max_size=6)


@given(numbers, st.data())
def test_what_is_done_is_skipped_and_nothing_else(values: list[int], data: st.DataObject) -> None:
    script = script_of(*(f"select {value}" for value in values))
    count = data.draw(st.integers(0, len(values)))
    at = resumption(script, tuple(done(script, n) for n in range(1, count + 1)))
    assert (at.done, at.changed, at.begun) == (count, 0, None)


@given(numbers, numbers, st.data())
def test_only_an_equal_prefix_is_skipped(before: list[int], after: list[int], data: st.DataObject) -> None:
    """The law: it is refused exactly where a statement that is done is another one now, or is gone."""
    was, now = script_of(*(f"select {v}" for v in before)), script_of(*(f"select {v}" for v in after))
    count = data.draw(st.integers(0, len(before)))
    at = resumption(now, tuple(done(was, n) for n in range(1, count + 1)))
    assert (at.changed == 0) == (after[:count] == before[:count])
    if at.changed:
        assert before[: at.changed - 1] == after[: at.changed - 1]


def test_a_comment_before_a_statement_and_all_behind_what_is_done_may_change() -> None:
    was = script_of("select 1", "select 2 / 0")
    now = Script("-- why\nselect 1;\n/* a * b */ -- and\nselect 2;\nselect 3;\n", was.path)
    assert resumption(now, (done(was, 1),)) == Resumption(done=1, since=WHEN)


def test_one_that_was_begun_is_told_apart_from_one_that_is_done() -> None:
    script = script_of("select 1", "select 2")
    begun = replace(done(script, 2), reached=ProgressState.BEGUN)
    assert resumption(script, (done(script, 1), begun)).begun == begun
    assert resumption(script, (done(script, 1), begun, done(script, 2))).begun is None


def test_traces_of_attempts_before_the_last_end_are_not_todays() -> None:
    entries = (
        Entry(Mark.STARTED, "002_x", 2, id=1),
        Entry(Mark.REPAIRED, "002_x", 2, id=2),
        Entry(Mark.STARTED, "002_x", 2, id=3),
        Entry(Mark.INTERRUPTED, "002_x", 2, id=4),
        Entry(Mark.STARTED, "002_x", 2, id=5),
    )
    script = script_of("select 1", "select 2")
    traces = tuple(replace(done(script, n), entry=entry) for n, entry in ((1, 1), (1, 3), (2, 5)))
    assert Ledger(entries, traces).traces_of(2) == traces[1:]
    assert Ledger(entries, traces).unfinished[2].id == 5


@pytest.mark.parametrize(
    ("what", "before", "now", "then"),
    [
        (LeftoverKind.INDEX, None, "absent", RecoveryAction.RUN),
        (LeftoverKind.INDEX, None, "7 invalid", RecoveryAction.CLEAN),
        (LeftoverKind.INDEX, None, "7 valid", RecoveryAction.RUN),
        (LeftoverKind.INDEX, "absent", "absent", RecoveryAction.RUN),
        (LeftoverKind.INDEX, "absent", "7 invalid", RecoveryAction.CLEAN),
        (LeftoverKind.INDEX, "absent", "7 valid", RecoveryAction.DONE),
        (LeftoverKind.INDEX, "7 valid", "7 valid", RecoveryAction.RUN),
        (LeftoverKind.DROPPED_INDEX, None, "7 invalid", RecoveryAction.RUN),
        (LeftoverKind.DROPPED_INDEX, None, "absent", RecoveryAction.RUN),
        (LeftoverKind.DROPPED_INDEX, "7 valid", "absent", RecoveryAction.DONE),
        (LeftoverKind.DROPPED_INDEX, "7 valid", "7 invalid", RecoveryAction.RUN),
        (LeftoverKind.DROPPED_INDEX, "7 valid", "8 valid", RecoveryAction.ASK),
        (LeftoverKind.DROPPED_INDEX, "absent", "absent", RecoveryAction.RUN),
        (LeftoverKind.REINDEXED, None, "7,8", RecoveryAction.RUN),
        (LeftoverKind.REINDEXED, "absent", "absent", RecoveryAction.RUN),
        (LeftoverKind.REINDEXED, "absent", "7", RecoveryAction.CLEAN),
        (LeftoverKind.REINDEXED, "7", "7", RecoveryAction.RUN),
        (LeftoverKind.REINDEXED, "7", "7,8", RecoveryAction.CLEAN),
        (LeftoverKind.DETACHED, None, "present", RecoveryAction.RUN),
        (LeftoverKind.DETACHED, None, "pending", RecoveryAction.FINISH),
        (LeftoverKind.DETACHED, "present", "pending", RecoveryAction.FINISH),
        (LeftoverKind.DETACHED, "present", "absent", RecoveryAction.DONE),
        (LeftoverKind.DETACHED, "absent", "absent", RecoveryAction.RUN),
        (LeftoverKind.CREATED, None, "present", RecoveryAction.RUN),
        (LeftoverKind.CREATED, "absent", "present", RecoveryAction.DONE),
        (LeftoverKind.CREATED, "present", "present", RecoveryAction.RUN),
        (LeftoverKind.DROPPED, "present", "absent", RecoveryAction.DONE),
        (LeftoverKind.DROPPED, "absent", "absent", RecoveryAction.RUN),
        (LeftoverKind.NOTHING, "present", "present", RecoveryAction.RUN),
        (LeftoverKind.ANYTHING, None, "present", RecoveryAction.RUN),
        (LeftoverKind.ANYTHING, "present", "present", RecoveryAction.ASK),
    ],
)
def test_what_is_done_about_what_is_there(
    what: LeftoverKind, before: str | None, now: str, then: RecoveryAction
) -> None:
    def parsed(stored: str) -> RelationState:
        state = parse_state(stored)
        assert str(state) == stored, "what earlier versions stored is written the same way"
        assert state
        return state

    assert next_of(what, parsed(before) if before else None, parsed(now)) is then


@pytest.mark.parametrize("stored", ["", "7", "7 broken", "7,", "invalid", "7 valid,8 valid", "-7 valid"])
def test_a_state_that_no_version_stored_is_not_guessed(stored: str) -> None:
    assert parse_state(stored) == (Indexes(frozenset({7})) if stored == "7" else None)


@pytest.mark.parametrize(
    ("at", "of", "words"),
    [
        (Resumption(), 1, "the only statement is not done; the next run continues with that statement"),
        (Resumption(done=1), 3, "1 of 3 statements is done; the next run continues with statement 2"),
        (
            Resumption(done=3),
            3,
            "3 of 3 statements are done; the next run continues with the verify queries and the ledger entry",
        ),
    ],
)
def test_how_far_it_came_in_words(at: Resumption, of: int, words: str) -> None:
    assert how_far(at, of) == words


@given(st.lists(st.sampled_from(["begun", "done", "undone"]), max_size=8))
def test_what_somebody_said_of_a_statement_last_is_what_is_true(said: list[str]) -> None:
    """Seen to fail where `undone` is passed over."""
    script = script_of("VACUUM", "ANALYZE")
    traces = tuple(replace(done(script, 1), reached=ProgressState(each)) for each in said)
    after = said[len(said) - said[::-1].index("undone") :] if "undone" in said else said
    at = resumption(script, traces)
    assert (at.done, at.begun is not None) == (int("done" in after), "begun" in after and "done" not in after)


@given(st.lists(st.sampled_from(["", "begun", "done"]), min_size=1, max_size=6), st.data())
def test_builds_that_ran_at_the_same_time_are_each_skipped_resumed_or_refused(
    states: list[str], data: st.DataObject
) -> None:
    """The law: every position is done, begun or to run, whatever an interruption left; no row is forgotten."""
    script = script_of(*(f"select {n}" for n in range(len(states))))
    positions = data.draw(st.permutations(range(1, len(states) + 1)))
    rows = [done(script, n) for n in positions if states[n - 1] == "done"]
    rows += [replace(done(script, n), reached=ProgressState.BEGUN) for n in positions if states[n - 1]]
    at = resumption(script, tuple(rows))
    assert {*range(1, at.done + 1), *at.ahead} == {n for n, state in enumerate(states, 1) if state == "done"}
    assert [row.position for row in at.all_begun] == [n for n, state in enumerate(states, 1) if state == "begun"]
    assert at.done + 1 not in at.ahead
    assert at.changed == 0
    edited = script_of(*(f"select {n + 100}" for n in range(len(states))))
    assert resumption(edited, tuple(rows)).changed == min((n for n in positions if states[n - 1] == "done"), default=0)


def test_statements_that_are_done_ahead_are_named() -> None:
    at = Resumption(done=0, ahead=(2, 3))
    said = "2 of 4 statements are done (also 2, 3, which ran at the same time); the next run continues with statement 1"
    assert how_far(at, 4) == said
