"""A migration with its rollback below it, under a heading, is refused; a rollback in comments is not."""

from __future__ import annotations

import pytest

from ctgitops.core.workspace.workspace import script_problems
from ctgitops.sql.script import Script


@pytest.mark.parametrize(
    ("line", "sql"),
    [
        (2, "create table t (a int);\n-- Rollback:\ndrop table t;"),
        (2, "create table t (a int);\n/* ROLLBACK */\ndrop table if exists t;"),
        (2, "create table t (a int);\n-- ---- Down script ----\n-- all of it\ndrop table t;"),
        (3, "alter table s.t add column b int;\n\n-- roll back\nalter table s.t drop column b;"),
        (3, "-- upgrade\ncreate index i on t (a);\n-- downgrade\ndrop index i;"),
        (3, "-- UP\ncreate index i on t (a);\n--- ROLLBACK ---\n\ndrop index i;"),
        (3, "-- apply\ncreate view v as select 1;\n-- revert\ndrop view v;"),
        (3, "-- do\nselect 1;\n-- undo\nselect 2;"),
    ],
)
def test_both_directions_in_one_file_are_refused(line: int, sql: str) -> None:
    (problem,) = script_problems(Script(sql, "migrations/001_t.up.sql"))
    assert (problem.code, problem.blocks) == ("section", True)
    assert problem.place
    assert problem.place.line == line
    assert problem.hint == f"move the SQL below line {line} into migrations/001_t.down.sql, and delete line {line}"
    up, down = (part.strip("\n") for part in _divided(sql, line))
    assert script_problems(Script(up, "migrations/001_t.up.sql")) == ()
    assert script_problems(Script(down, "migrations/001_t.down.sql")) == ()


def _divided(sql: str, line: int) -> tuple[str, str]:
    lines = sql.split("\n")
    return "\n".join(lines[: line - 1]), "\n".join(lines[line:])


@pytest.mark.parametrize(
    "sql",
    [
        "create table t (a int);\n-- Rollback:\n-- drop table t;",
        "-- up\ncreate index i on t (a);\n-- rollback\n-- drop index i;\nselect 1;",
        "drop table t;\n-- rollback of 004\ncreate table t (a int);",
        "-- Rollback\ndrop table t;",
        "create table t (a int);\n-- rollback: not available\ndrop table u;",
        "create table t (a int);\n/*\n-- Rollback\n*/\ndrop table t;",
        "create table tmp (a int);\nselect 1;\n-- clean up\ndrop table tmp;",
    ],
)
def test_a_rollback_in_comments_or_a_table_dropped_on_purpose_is_not(sql: str) -> None:
    assert script_problems(Script(sql, "migrations/001_t.sql")) == ()


def test_a_rollback_file_with_both_directions_keeps_one() -> None:
    sql = "create table t (a int);\n-- Rollback:\ndrop table t;"
    for path in ("migrations/001_t.down.sql", "other/001_t.sql"):
        (problem,) = script_problems(Script(sql, path))
        assert (problem.code, "above line 2" in problem.hint) == ("section", True)


def _tables(names: str) -> list[tuple[str, str]]:
    return [(f"create table {name} ();", f"drop table {name};") for name in names]


def test_of_many_tables_the_first_three_are_named() -> None:
    up, down = ("".join(f"{verb}\n" for verb in verbs) for verbs in zip(*_tables("abcd"), strict=True))
    (problem,) = script_problems(Script(f"{up}-- Rollback:\n{down}", "migrations/001_t.sql"))
    assert "drops table a, table b, table c, which" in problem.what
