"""The lines that git writes at a conflict, in SQL and in other files."""

from __future__ import annotations

import pytest

from ctgitops.core.file_check.conflict_marker import conflict_in, is_marker
from ctgitops.errors import Place

BEGIN, BASE, MIDDLE, END = "<<<<<<< HEAD", "||||||| 3f2a", "=======", ">>>>>>> branch"


@pytest.mark.parametrize(
    ("line", "marks"),
    [
        *((line, True) for line in (BEGIN, BASE, MIDDLE, END, "<<<<<<<", ">>>>>>> a b")),
        *((line, False) for line in ("", "<<<<<<", "<<<<<<<<", "<<<<<<<HEAD", " <<<<<<<", "-- =======", "========")),
    ],
)
def test_seven_signs_at_the_start_of_a_line_are_a_marker(line: str, *, marks: bool) -> None:
    assert is_marker(line) is marks


@pytest.mark.parametrize(
    ("lines", "in_sql", "elsewhere"),
    [
        ((BEGIN, "a", MIDDLE, "b", END), 1, 1),
        (("a", BEGIN, "a", BASE, "o", MIDDLE, "b", END), 2, 2),
        ((BEGIN, BEGIN, MIDDLE, END), 2, 2),
        ((MIDDLE, BEGIN, MIDDLE, END), 2, 2),
        ((END, BEGIN, MIDDLE, END), 2, 2),
        ((BEGIN, END, MIDDLE), None, 1),
        ((BEGIN, MIDDLE), None, 1),
        (("a", MIDDLE, END), None, 3),
        ((MIDDLE, BEGIN, END), None, 2),
        ((MIDDLE, BASE), None, None),
        (("a <<<<<<<", ">>>>>>>x"), None, None),
        ((), None, None),
    ],
)
def test_sql_needs_a_whole_conflict_because_a_string_may_look_like_a_marker(
    lines: tuple[str, ...], in_sql: int | None, elsewhere: int | None
) -> None:
    for path, line in (("a.sql", in_sql), ("a.yaml", elsewhere)):
        problem = conflict_in("\n".join(lines), path)
        assert (problem.place if problem else None) == (Place(path, line, 1) if line else None)
        if problem and line:
            assert f"`{lines[line - 1]}`" in problem.what
            assert problem.blocks
