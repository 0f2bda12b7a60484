"""A table is never wider than its terminal, and nothing of it is cut."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.report.terminal_text import table, width

WORDS = st.lists(st.text(alphabet="abc_日e\u0301", min_size=1, max_size=30), max_size=6).map(" ".join)
TABLES: Any = st.integers(1, 6).flatmap(lambda n: st.lists(st.tuples(*[WORDS] * n), min_size=1, max_size=5))


@given(TABLES, st.integers(80, 120))
def test_a_table_fits_and_keeps_every_character(rows: list[tuple[str, ...]], within: int) -> None:
    lines = table(rows, within=within)
    assert all(width(line) <= within for line in lines)
    kept = sorted(re.sub(r"\s", "", "".join(lines)))
    assert kept == sorted(re.sub(r"\s", "", "".join(cell for row in rows for cell in row)))


@given(TABLES)
def test_what_fits_is_as_it_is_without_a_terminal(rows: list[tuple[str, ...]]) -> None:
    plain = table(rows)
    assert table(rows, within=max(map(width, plain)) + 40) == plain


@pytest.mark.parametrize(
    ("within", "lines"),
    [
        (60, ["  name                     what it does  when"]),
        (30, ["  name             what  when", "                   it", "                   does"]),
    ],
)
def test_no_word_is_divided_while_others_have_room(within: int, lines: list[str]) -> None:
    rows = [("name", "what it does", "when"), ("001_long_name_of", "", "now")]
    assert not any("001_long_name_of" not in line for line in table(rows, within=within)[-1:])
    assert len(table(rows, within=within)) == 1 + len(lines)


def test_a_name_that_is_too_long_is_divided_at_its_underscores() -> None:
    assert table([("001_customers_of_the_company", "x")], within=24) == [
        "  001_customers_of_    x",
        "  the_company",
    ]
