"""The problems of `verify --deep`: rows that break a constraint, and constraints that were not checked."""

from __future__ import annotations

import pytest

from ctgitops.core.problem import Concern
from ctgitops.core.view.constraint_check import MOST_ROWS, Checked, deep_problems

KEY = Checked("foreign key", "b_a_fkey of public.b", "public.b f where a = 1")
CHECK = Checked("CHECK constraint", "b_check of public.b", "public.b where n < 0")
INDEX = Checked("unique index", "public.b_i of public.b", "public.b group by n")


def test_what_holds_is_not_a_problem() -> None:
    assert list(deep_problems((KEY, CHECK.counted(0), INDEX))) == []


@pytest.mark.parametrize(
    ("checked", "what"),
    [
        (KEY.counted(1), "1 row violates foreign key b_a_fkey of public.b, which PostgreSQL assumes valid"),
        (CHECK.counted(2), "2 rows violate CHECK constraint b_check of public.b, which PostgreSQL assumes valid"),
        (
            CHECK.counted(MOST_ROWS - 1),
            "999 rows violate CHECK constraint b_check of public.b, which",
        ),
        (CHECK.counted(MOST_ROWS), "1,000 or more rows violate CHECK constraint b_check of public.b, which"),
        (INDEX.counted(1), "1 value occurs more than once, although public.b_i of public.b is unique"),
        (INDEX.counted(2), "2 values occur more than once, although public.b_i of public.b is unique"),
    ],
)
def test_rows_that_break_a_constraint_block(checked: Checked, what: str) -> None:
    (problem,) = deep_problems((checked,))
    assert problem.what.startswith(what)
    assert (problem.code, problem.blocks, problem.concern) == ("rows-break-constraint", True, Concern.LEDGER)


def test_the_hint_finds_the_rows_or_builds_the_index_again() -> None:
    hints = [problem.hint for problem in deep_problems((KEY.counted(1), CHECK.counted(1), INDEX.counted(1)))]
    assert hints == [
        "find the rows with `select f.* from public.b f where a = 1`, and correct or delete them",
        "find the rows with `select * from public.b where n < 0`, and correct or delete them",
        "remove the duplicates, then `REINDEX INDEX CONCURRENTLY public.b_i;`",
    ]


def test_what_was_not_checked_is_said_even_if_rows_were_counted() -> None:
    for checked in (KEY.not_known("permission denied"), KEY.counted(3).not_known("permission denied")):
        (problem,) = deep_problems((checked,))
        assert (problem.code, problem.blocks) == ("not-checked", False)
        assert problem.what == "foreign key b_a_fkey of public.b was not checked: permission denied"
        assert problem.hint == "count the violating rows: `select count(*) from public.b f where a = 1`"
