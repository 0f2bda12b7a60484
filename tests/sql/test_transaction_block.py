"""Statements that PostgreSQL refused inside a transaction, compared with the result of `sql/transaction_block.py`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ctgitops.sql.parse import SqlSyntaxError, statements

MEASURED: dict[str, dict[str, str | None]] = json.loads(
    (Path(__file__).parent / "refused_inside_a_transaction.json").read_text()
)["statements"]


NOT_MEASURED = "another command is already in progress"
"""What the client said instead of the server: no answer to compare with."""


def was_measured(answers: dict[str, str | None]) -> bool:
    return not any(NOT_MEASURED in (answer or "") for answer in answers.values())


def refuses(answers: dict[str, str | None]) -> bool:
    # Long answers were cut off when they were written down.
    return any(answer and "cannot run inside a transactio" in answer for answer in answers.values())


@pytest.mark.parametrize("sql", [sql for sql, answers in MEASURED.items() if was_measured(answers)])
def test_p10_we_say_what_the_server_said(sql: str) -> None:
    assert any(s.refused_in_transaction for s in statements(sql)) == refuses(MEASURED[sql]), MEASURED[sql]


def test_moving_a_database_to_a_tablespace_is_refused_as_its_page_says() -> None:
    # https://www.postgresql.org/docs/current/sql-alterdatabase.html; the measurement has no answer of the server.
    assert statements("ALTER DATABASE a SET TABLESPACE b")[0].refused_in_transaction


def test_the_measurements_hold_both_kinds() -> None:
    assert {refuses(answers) for answers in MEASURED.values()} == {True, False}


@pytest.mark.parametrize(
    ("sql", "control"),
    [
        ("BEGIN", "BEGIN"),
        ("START TRANSACTION", "START TRANSACTION"),
        ("COMMIT", "COMMIT"),
        ("END", "COMMIT"),
        ("ROLLBACK", "ROLLBACK"),
        ("ABORT", "ROLLBACK"),
        ("PREPARE TRANSACTION 'x'", "PREPARE TRANSACTION"),
        ("COMMIT PREPARED 'x'", "COMMIT PREPARED"),
        ("ROLLBACK PREPARED 'x'", "ROLLBACK PREPARED"),
        ("SAVEPOINT a", ""),
        ("RELEASE a", ""),
        ("ROLLBACK TO a", ""),
        ("SELECT 1", ""),
    ],
)
def test_p13_what_opens_or_closes_a_transaction_is_known_and_savepoints_do_not(sql: str, control: str) -> None:
    (statement,) = statements(sql)
    assert statement.transaction_control == control


def test_a_statement_of_no_grammar_is_an_error_with_its_place() -> None:
    with pytest.raises(SqlSyntaxError) as caught:
        statements("SELECT 'ééé'; SELEC")
    assert (caught.value.message, caught.value.offset) == ('syntax error at or near "SELEC"', 14)
