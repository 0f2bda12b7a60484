"""Rollback SQL with a password: the ledger would not store it, so the rollback could not run."""

from __future__ import annotations

import pytest

from ctgitops.core.file_check.rollback_secret import password_problems, rollback_problems
from ctgitops.errors import Place
from ctgitops.sql.script import Script

SECRET = "alter role a password 'hunter2hunter2';"
RECORDS = "select record_migration('001_a', rollback_sql => $$alter role a password 'hunter2hunter2'$$);"


@pytest.mark.parametrize(
    ("up", "down", "place"),
    [
        ("select 1;", None, None),
        ("select 1;", "drop role a;", None),
        ("select 1;", SECRET, Place("a.down.sql", 1)),
        ("select 1;", f"select 1;\n\n{SECRET}", Place("a.down.sql", 3)),
        (SECRET, None, None),
        (f"{SECRET}\nselect record_migration('001_a', rollback_sql => 'drop role a');", None, None),
        (f"select 1;\nselect 2;\n{RECORDS}\nselect 3;", None, Place("a.sql", 3)),
        (RECORDS.replace("record", "ctgitops.record", 1), None, Place("a.sql", 1)),
        (RECORDS, "drop role a;", None),
        (f"selec 1;\n{RECORDS}", None, None),
    ],
)
def test_a_password_is_found_where_the_rollback_sql_has_it(up: str, down: str | None, place: Place | None) -> None:
    found = list(rollback_problems(Script(up, "a.sql"), Script(down, "a.down.sql") if down else None))
    assert [problem.place for problem in found] == ([place] if place else [])
    assert {problem.code for problem in found} <= {"rollback-password"}
    assert all("hunter2" not in f"{problem.what}{problem.hint}" for problem in found)


@pytest.mark.parametrize(
    ("sql", "line"),
    [
        (f"select 1;\n{SECRET}", 2),
        ("create user u with encrypted password 'hunter2hunter2';", 1),
        ("alter role a password null;", None),
        ("alter role a password '***';", None),
        ("create table passwords (password text);", None),
    ],
)
def test_a_password_in_any_file_is_a_warning(sql: str, line: int | None) -> None:
    found = list(password_problems(Script(sql, "a.sql")))
    assert [(p.code, p.blocks, p.place and p.place.line) for p in found] == [("password-in-file", False, line)] * bool(
        line
    )
    assert all("hunter2" not in f"{p.what}{p.hint}" for p in found)
