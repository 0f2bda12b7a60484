from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.workspace.workspace import script_problems
from ctgitops.errors import Place
from ctgitops.sql.script import Script, checksum_of


def test_a_checksum_names_its_algorithm_and_stays_what_it_is() -> None:
    golden = "sha256:b4e0497804e46e0a0b0b8c31975b062152d551bac49c3c2e80932567b4085dcd"
    assert checksum_of("SELECT 1;").startswith("sha256:")
    assert checksum_of("SELECT 1;\n") == golden


def test_a_path_is_not_part_of_a_checksum() -> None:
    assert Script("SELECT 1;", "a.sql").checksum == Script("SELECT 1;", "b/c.sql", 7).checksum


@pytest.mark.parametrize(
    ("sql", "transactional"),
    [
        ("CREATE TABLE t ();", True),
        ("CREATE INDEX CONCURRENTLY i ON t (a);", False),
        ("SELECT 1; VACUUM;", False),
        ("-- ctgitops: no transaction\nSELECT 1;", False),
        ("--ctgitops:no-transaction\nSELECT 1;", False),
        ("-- Ctgitops: No Transaction  \nSELECT 1;", False),
        ("SELECT 1; -- ctgitops: no transaction\n", True),
        ("-- ctgitops: no transaction please\nSELECT 1;", True),
        ("-- migrate:up transaction:false\nSELECT 1;", False),
        ("-- migrate:down transaction:false\nSELECT 1;", False),
        ("-- migrate:up transaction:true\nSELECT 1;", True),
        ("-- migrate:up\nSELECT 1;", True),
        ("-- migrate:up transaction:falsehood\nSELECT 1;", True),
    ],
)
def test_a_script_is_one_transaction_unless_postgresql_or_a_comment_forbids_it(sql: str, transactional: bool) -> None:
    assert Script(sql, "a.sql").transactional is transactional


@given(st.lists(st.text(alphabet="aé𝄞\t;", max_size=9)), st.integers(1, 9), st.data())
def test_a_place_is_the_line_and_column_of_a_character(lines: list[str], first_line: int, data: st.DataObject) -> None:
    text = "\n".join(lines)
    offset = data.draw(st.integers(0, len(text)))
    place = Script(text, "a.sql", first_line).place(offset)
    assert place.line is not None
    assert place.column is not None
    before = sum(len(line) + 1 for line in lines[: place.line - first_line])
    assert before + place.column - 1 == offset
    assert Script("é\nb", "a.sql", 3).place(2) == Place("a.sql", 4, 1)


@pytest.mark.slow
def test_ten_megabytes_of_inserts_are_judged_in_a_few_seconds() -> None:
    row = "insert into t values ({n}, 'some text of a row that is imported here');\n"
    script = Script("".join(row.format(n=n) for n in range(130_000)), "001_import.sql")
    assert script_problems(script) == ()


@pytest.mark.parametrize(("more", "line"), [("", 3), ("select 3;\n", 3)])
def test_a_batched_migration_with_more_statements_points_at_the_second(more: str, line: int) -> None:
    script = Script(f"-- ctgitops: batch size=5\nselect 1;\nselect 2;\n{more}", "migrations/001_one.sql")
    (fault,) = script.batch_faults
    assert script.place(fault.offset).line == line
    assert script.batch is None
