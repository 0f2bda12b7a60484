"""What of a file is sent: without BEGIN and COMMIT around it, and without the lines of pg_dump for psql."""

from __future__ import annotations

import pytest

from ctgitops.sql.parse import SqlSyntaxError
from ctgitops.sql.script import Script

CREATE = "create table t (a int)"


@pytest.mark.parametrize(
    "sql",
    [
        f"BEGIN;\n{CREATE};\nCOMMIT;\n",
        f"begin transaction; {CREATE}; commit transaction",
        f"Start Transaction;\n{CREATE};\nEND WORK;",
        f"BEGIN WORK; {CREATE}; END;",
        f"BEGIN READ WRITE, NOT DEFERRABLE; {CREATE}; COMMIT AND NO CHAIN;",
        f"-- COMMIT;\n/* a /* nested */ comment */ BEGIN; {CREATE}; COMMIT; -- end",
        f"-- é\nBEGIN /* why */;\n{CREATE};\nCOMMIT;",
        f"set search_path = app; select set_config('lock_timeout', '1s', false); BEGIN; {CREATE}; COMMIT;",
        f"-- migrate:up\nBEGIN; {CREATE}; COMMIT;",
        f"BEGIN;; {CREATE};; COMMIT;;",
        f"BEGIN; savepoint a; {CREATE}; release a; do $$ begin null; end $$; COMMIT",
    ],
)
def test_one_pair_around_a_whole_file_is_left_out_and_everything_else_keeps_its_place(sql: str) -> None:
    script = Script(sql, "a.sql")
    assert "TransactionStmt" not in {s.kind for s in script.statements if s.transaction_control}
    assert script.transactional
    at = sql.index(CREATE)
    assert script.sent[at : at + len(CREATE)] == CREATE
    assert [len(line) for line in script.sent.split("\n")] == [len(line) for line in sql.split("\n")]
    create = next(s for s in script.statements if s.kind == "CreateStmt")
    assert (script.text_of(create), script.start_of(create)) == (CREATE, at)
    assert script.checksum == Script(sql, "b.sql").checksum
    assert script.sql == sql
    assert Script(script.sent, "a.sql").sent == script.sent


@pytest.mark.parametrize(
    "sql",
    [
        f"BEGIN; {CREATE};",
        f"{CREATE}; COMMIT;",
        f"BEGIN; {CREATE}; ROLLBACK;",
        f"BEGIN; {CREATE}; COMMIT; BEGIN; select 1; COMMIT;",
        f"BEGIN; {CREATE}; COMMIT; select 1;",
        f"select 1; BEGIN; {CREATE}; COMMIT;",
        f"BEGIN; {CREATE}; COMMIT; select 1; COMMIT;",
        f"BEGIN; {CREATE}; COMMIT AND CHAIN;",
        f"BEGIN; {CREATE}; PREPARE TRANSACTION 'a';",
        f"BEGIN ISOLATION LEVEL SERIALIZABLE; {CREATE}; COMMIT;",
        f"BEGIN READ ONLY; {CREATE}; COMMIT;",
        f"BEGIN; {CREATE}; END AND CHAIN;",
        f"set local lock_timeout = '1s'; BEGIN; {CREATE}; COMMIT;",
        f"set default_transaction_isolation = 'serializable'; BEGIN; {CREATE}; COMMIT;",
        f"-- ctgitops: no transaction\nBEGIN; {CREATE}; COMMIT;",
        f"-- migrate:up transaction:false\nBEGIN; {CREATE}; COMMIT;",
        "BEGIN; create index concurrently i on t (a); COMMIT;",
        f"COMMIT; {CREATE}; BEGIN;",
    ],
)
def test_any_other_transaction_control_stays_where_it_is(sql: str) -> None:
    script = Script(sql, "a.sql")
    assert script.sent == sql
    assert any(statement.transaction_control for statement in script.statements)


def test_a_line_in_a_string_is_no_directive() -> None:
    assert Script("select '\n-- ctgitops: no transaction\n'", "a.sql").transactional
    assert not Script("select '\n-- ctgitops: idempotent\n'", "a.sql").idempotent
    assert not Script("select 1;\n-- ctgitops: no transaction\n", "a.sql").transactional


def test_a_statement_behind_a_nested_comment_begins_at_its_first_word() -> None:
    script = Script("/* a /* b */ c */ select 1", "a.sql")
    assert script.text_of(script.statements[0]) == "select 1"


def test_the_lines_of_pg_dump_for_psql_are_left_out() -> None:
    sql = f"--\n-- dump\n--\n\n\\restrict aB3\n\n{CREATE};\n\n\\unrestrict aB3\n"
    script = Script(sql, "a.sql")
    assert [s.kind for s in script.statements] == ["CreateStmt"]
    assert script.sent == sql.replace("\\restrict aB3", " " * 13).replace("\\unrestrict aB3", " " * 15)


@pytest.mark.parametrize(
    "sql", ["\\restrict a b\nselect 1", "select 1 \\restrict a\n", "\\restrict\n", "\\restrict a;drop table t\n"]
)
def test_anything_else_that_begins_so_is_not(sql: str) -> None:
    with pytest.raises(SqlSyntaxError):
        _ = Script(sql, "a.sql").statements
    assert Script(sql, "a.sql").sent == sql


def test_a_string_with_such_a_line_stays_whole() -> None:
    sql = "\\restrict a\ninsert into t values ('\n\\restrict a\n');\n"
    assert Script(sql, "a.sql").sent == sql.replace("\\restrict a", " " * 11, 1)
