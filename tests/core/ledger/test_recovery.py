"""How to recover from each kind of statement, by the state before it and the state now."""

from __future__ import annotations

import pytest

from ctgitops.core.ledger.recovery import (
    ABSENT,
    DETACH_PENDING,
    PRESENT,
    Present,
    RecoveryAction,
    RelationState,
    indexes,
    new_ones,
    next_of,
    oids_in,
    parse_state,
)
from ctgitops.sql.interruption import LeftoverKind

VALID, INVALID, OTHER = Present(7), Present(7, valid=False), Present(8)
RUN, DONE, CLEAN, FINISH, ASK = RecoveryAction


@pytest.mark.parametrize(
    ("what", "before", "now", "action"),
    [
        (LeftoverKind.INDEX, None, ABSENT, RUN),
        (LeftoverKind.INDEX, None, VALID, RUN),
        (LeftoverKind.INDEX, None, INVALID, CLEAN),
        (LeftoverKind.INDEX, ABSENT, ABSENT, RUN),
        (LeftoverKind.INDEX, ABSENT, VALID, DONE),
        (LeftoverKind.INDEX, ABSENT, INVALID, CLEAN),
        (LeftoverKind.INDEX, VALID, VALID, RUN),
        (LeftoverKind.INDEX, VALID, OTHER, DONE),
        (LeftoverKind.INDEX, INVALID, VALID, DONE),
        (LeftoverKind.DROPPED_INDEX, None, ABSENT, RUN),
        (LeftoverKind.DROPPED_INDEX, ABSENT, VALID, RUN),
        (LeftoverKind.DROPPED_INDEX, VALID, ABSENT, DONE),
        (LeftoverKind.DROPPED_INDEX, VALID, INVALID, RUN),
        (LeftoverKind.DROPPED_INDEX, VALID, OTHER, ASK),
        (LeftoverKind.REINDEXED, None, indexes([1]), RUN),
        (LeftoverKind.REINDEXED, ABSENT, indexes([1]), CLEAN),
        (LeftoverKind.REINDEXED, indexes([1]), indexes([1]), RUN),
        (LeftoverKind.REINDEXED, indexes([1]), indexes([1, 2]), CLEAN),
        (LeftoverKind.DETACHED, PRESENT, DETACH_PENDING, FINISH),
        (LeftoverKind.DETACHED, PRESENT, PRESENT, RUN),
        (LeftoverKind.DETACHED, PRESENT, ABSENT, DONE),
        (LeftoverKind.CREATED, ABSENT, PRESENT, DONE),
        (LeftoverKind.CREATED, PRESENT, PRESENT, RUN),
        (LeftoverKind.CREATED, None, PRESENT, RUN),
        (LeftoverKind.CREATED, ABSENT, ABSENT, RUN),
        (LeftoverKind.DROPPED, PRESENT, ABSENT, DONE),
        (LeftoverKind.DROPPED, PRESENT, PRESENT, RUN),
        (LeftoverKind.DROPPED, ABSENT, ABSENT, RUN),
        (LeftoverKind.DROPPED, None, ABSENT, RUN),
        (LeftoverKind.NOTHING, PRESENT, ABSENT, RUN),
        (LeftoverKind.ANYTHING, None, PRESENT, RUN),
        (LeftoverKind.ANYTHING, PRESENT, PRESENT, ASK),
    ],
)
def test_what_to_do_follows_from_the_state_before_and_now(
    what: LeftoverKind, before: RelationState | None, now: RelationState, action: RecoveryAction
) -> None:
    assert next_of(what, before, now) is action


def test_only_indexes_that_were_not_there_before_are_new() -> None:
    assert new_ones(indexes([1, 2]), indexes([5, 2, 3])) == (3, 5)
    assert new_ones(ABSENT, indexes([2])) == (2,)
    assert new_ones(None, ABSENT) == ()


@pytest.mark.parametrize(
    "state", [ABSENT, PRESENT, DETACH_PENDING, VALID, INVALID, indexes([3]), indexes([12, 3])], ids=str
)
def test_a_stored_state_is_read_as_what_it_was(state: RelationState) -> None:
    assert parse_state(str(state)) == state


@pytest.mark.parametrize("text", ["", "7", "7 broken", "1,,2", "gone", "x 7 valid"])
def test_a_text_that_is_not_a_state_is_not_guessed(text: str) -> None:
    assert parse_state(text) == (indexes([7]) if text == "7" else None)


def test_no_indexes_are_the_same_as_none() -> None:
    assert indexes([]) == ABSENT
    assert oids_in(indexes([4, 4])) == {4}
    assert oids_in(PRESENT) == frozenset()
