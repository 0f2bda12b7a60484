"""What is shown of a query of another session: its shape, without literals, in one line."""

from __future__ import annotations

from ctgitops.core.activity.blocker import LONGEST_SHAPE, shape_of


def test_a_query_is_shown_on_one_line_without_literals_or_comments() -> None:
    assert shape_of("select *\n  from t /* anna */ where name = 'Anna' and n = 7 -- hers") == (
        "select * from t where name = ? and n = ?"
    )


def test_a_long_query_is_cut_to_the_longest_that_is_shown() -> None:
    fits = "x" * LONGEST_SHAPE
    assert shape_of(fits) == fits
    cut = shape_of(fits + "y")
    assert (len(cut), cut[-2:]) == (LONGEST_SHAPE, "x…")
