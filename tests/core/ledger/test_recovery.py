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
from ctgitops.sql.interruption import Leaving

VALID, INVALID, OTHER = Present(7), Present(7, valid=False), Present(8)
RUN, DONE, CLEAN, FINISH, ASK = RecoveryAction


@pytest.mark.parametrize(
    ("what", "before", "now", "action"),
    [
        (Leaving.INDEX, None, ABSENT, RUN),
        (Leaving.INDEX, None, VALID, RUN),
        (Leaving.INDEX, None, INVALID, CLEAN),
        (Leaving.INDEX, ABSENT, ABSENT, RUN),
        (Leaving.INDEX, ABSENT, VALID, DONE),
        (Leaving.INDEX, ABSENT, INVALID, CLEAN),
        (Leaving.INDEX, VALID, VALID, RUN),
        (Leaving.INDEX, VALID, OTHER, DONE),
        (Leaving.INDEX, INVALID, VALID, DONE),
        (Leaving.DROPPED_INDEX, None, ABSENT, RUN),
        (Leaving.DROPPED_INDEX, ABSENT, VALID, RUN),
        (Leaving.DROPPED_INDEX, VALID, ABSENT, DONE),
        (Leaving.DROPPED_INDEX, VALID, INVALID, RUN),
        (Leaving.DROPPED_INDEX, VALID, OTHER, ASK),
        (Leaving.REINDEXED, None, indexes([1]), RUN),
        (Leaving.REINDEXED, ABSENT, indexes([1]), CLEAN),
        (Leaving.REINDEXED, indexes([1]), indexes([1]), RUN),
        (Leaving.REINDEXED, indexes([1]), indexes([1, 2]), CLEAN),
        (Leaving.DETACHED, PRESENT, DETACH_PENDING, FINISH),
        (Leaving.DETACHED, PRESENT, PRESENT, RUN),
        (Leaving.DETACHED, PRESENT, ABSENT, DONE),
        (Leaving.CREATED, ABSENT, PRESENT, DONE),
        (Leaving.CREATED, PRESENT, PRESENT, RUN),
        (Leaving.CREATED, None, PRESENT, RUN),
        (Leaving.CREATED, ABSENT, ABSENT, RUN),
        (Leaving.DROPPED, PRESENT, ABSENT, DONE),
        (Leaving.DROPPED, PRESENT, PRESENT, RUN),
        (Leaving.DROPPED, ABSENT, ABSENT, RUN),
        (Leaving.DROPPED, None, ABSENT, RUN),
        (Leaving.NOTHING, PRESENT, ABSENT, RUN),
        (Leaving.ANYTHING, None, PRESENT, RUN),
        (Leaving.ANYTHING, PRESENT, PRESENT, ASK),
    ],
)
def test_what_to_do_follows_from_the_state_before_and_now(
    what: Leaving, before: RelationState | None, now: RelationState, action: RecoveryAction
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
