"""The next free numbers of a band for the files that a branch adds."""

from __future__ import annotations

import pytest

from ctgitops.core.environment.policy import Band, Policy
from ctgitops.core.workspace.numbering import BaseBranch, moves
from ctgitops.errors import UsageError
from tests.fakes import migration

ONE, TWO, THREE = migration("001_one"), migration("002_two"), migration("003_three")
BANDS = Policy(bands=(Band("core", 1, 99), Band("forms", 200, 201)))


def names(*moved: object) -> list[str]:
    return [move.name for move in moved]  # type: ignore[attr-defined]


def test_a_file_moves_behind_all_that_the_base_branch_has() -> None:
    base = BaseBranch("origin/main", frozenset({1, 2}), frozenset({"001_one", "002_other"}))
    assert names(*moves((ONE, TWO, THREE), BANDS, TWO, base)) == ["003_two", "004_three"]


def test_without_a_base_branch_only_that_file_moves() -> None:
    assert names(*moves((ONE, TWO, THREE), BANDS, TWO, BaseBranch(""))) == ["004_two"]


def test_the_first_file_of_a_band_gets_the_first_number_of_it() -> None:
    assert moves((ONE, migration("200_forms")), BANDS, migration("200_forms"), BaseBranch("")) == ()
    assert names(*moves((migration("201_forms"),), BANDS, migration("201_forms"), BaseBranch(""))) == ["200_forms"]


def test_a_full_band_is_refused() -> None:
    full = (migration("200_forms"), migration("201_more"))
    with pytest.raises(UsageError, match="has no number left"):
        moves(full, BANDS, full[0], BaseBranch("origin/main", frozenset({200, 201}), frozenset({"201_more"})))
