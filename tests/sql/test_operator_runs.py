from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.sql.operator_runs import LONGEST, LongRunError, scannable
from ctgitops.sql.parse import SqlSyntaxError, statements
from ctgitops.sql.plpgsql import inside

PIECES = st.sampled_from(
    ["/*", "*/", "/*/", "+", "-", "--", "\n", "é", "'", "$a$", '"', "select 1;", " ", "+" * LONGEST]
)


def kinds(sql: str) -> list[tuple[int, int, str]]:
    return [(each.start, each.end, each.kind) for each in statements(sql)]


@given(st.lists(PIECES, max_size=20))
def test_each_byte_keeps_its_place_and_only_comments_change(pieces: list[str]) -> None:
    sql = "".join(pieces)
    try:
        made = scannable(sql)
    except LongRunError as error:
        assert "+" in sql[error.offset : error.offset + LONGEST]
        return
    assert len(made) == len(sql.encode())
    assert all(one == other or other == ord(" ") for one, other in zip(sql.encode(), made, strict=True))


@pytest.mark.parametrize(
    "comment",
    [
        "/*" * 600 + "*/" * 600,
        "/*" + "*" * 1500 + "*/",
        "/*/" * 500 + " " + "*/" * 500,
        "/* é " + "/*" * 501 + "*/" * 502,
    ],
)
def test_a_comment_with_a_long_run_changes_nothing_about_the_statements(comment: str) -> None:
    sql = f"select 'é';{comment}\nselect 2"
    first, second = kinds(sql)
    assert sql[first[0] : first[1]] == "select 'é'"
    assert sql[second[0] : second[1]].endswith("select 2")


@pytest.mark.parametrize("sql", ["/*" * 600, "/*/" * 600, "/* /* */" + "+" * 1000])
def test_a_comment_that_does_not_end_is_still_refused(sql: str) -> None:
    with pytest.raises(SqlSyntaxError, match="unterminated /\\* comment"):
        statements(sql)


@pytest.mark.parametrize("sign", ["+", "-+", "<", "@+"])
def test_a_long_run_of_operators_is_refused_where_it_begins(sign: str) -> None:
    with pytest.raises(SqlSyntaxError, match="operator too long") as refused:
        statements("select 1" + " " + sign * 2000 + "1")
    assert refused.value.offset == 9


def test_a_long_line_of_dashes_or_stars_is_a_comment() -> None:
    assert len(kinds("-" * 5000 + "\nselect 1")) == 1
    assert len(kinds("select '" + "+" * 5000 + "'")) == 1


def test_an_error_quotes_a_little_of_the_text_not_all_of_it() -> None:
    with pytest.raises(SqlSyntaxError) as refused:
        statements("select 1; /* " + "word " * 10_000)
    assert str(refused.value).startswith('unterminated /* comment at or near "/* word word')
    assert len(str(refused.value)) < 200


def test_megabytes_of_nested_comments_end() -> None:
    """800 kB took minutes; the scanner's time grew with the square. pytest's time limit is the judge."""
    deep = "/*" * 400_000 + "*/" * 400_000
    assert [kind for *_, kind in kinds(f"{deep} select 1")] == ["SelectStmt"]
    assert inside(f"begin {deep} perform 1; end").runs[0].sql
    with pytest.raises(SqlSyntaxError):
        statements("/*/" * 400_000)
