"""A script that the parser refuses is refused for its likely cause, at that cause's place."""

from __future__ import annotations

import pytest

from ctgitops.core.migration.migration import Seed
from ctgitops.core.problem import Problem
from ctgitops.core.workspace.workspace import script_problems, seed_problems
from ctgitops.sql.script import Script


def problem_of(sql: str) -> Problem:
    (problem,) = script_problems(Script(sql, "a.sql"))
    return problem


@pytest.mark.parametrize(
    ("sql", "place", "named"),
    [
        ("create\u00a0table t ();", "a.sql:1:7", "U+00A0 NO-BREAK SPACE"),
        ("\u200bcreate table t ();", "a.sql:1:1", "U+200B ZERO WIDTH SPACE"),
        ("select 1;\nselect 'é',\u202f2 from\u3000t where;", "a.sql:2:19", "U+3000 IDEOGRAPHIC SPACE"),
        ("sel\u00adect 1", "a.sql:1:4", "U+00AD SOFT HYPHEN"),
        ("select\u20281", "a.sql:1:7", "U+2028 LINE SEPARATOR"),
        ("sele\u200dct 1", "a.sql:1:5", "U+200D ZERO WIDTH JOINER"),
        ("selec\u2060t 1", "a.sql:1:6", "U+2060 WORD JOINER"),
        ("select 1;\n\ufeffcreate table t ();", "a.sql:2:1", "U+FEFF ZERO WIDTH NO-BREAK SPACE, a byte order mark"),
        ("\u202ecreate table t ();", "a.sql:1:1", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("create\u0085table t ();", "a.sql:1:7", "U+0085 NEXT LINE"),
        ("create\x1ftable t ();", "a.sql:1:7", "U+001F a control character"),
    ],
)
def test_an_invisible_character_is_named(sql: str, place: str, named: str) -> None:
    problem = problem_of(sql)
    assert problem.code == "invisible-character"
    assert problem.blocks
    assert str(problem.place) == place
    assert named in problem.what
    assert f"<{named[:6]}>" in problem.detail


@pytest.mark.parametrize(
    "sql",
    [
        "insert into t values ('a\u00a0b', E'\u200b', $$\u3000$$);",
        "-- a\u00a0comment\nselect 1; /* \u200b */",
        'create table "a\u00a0b" ();',
    ],
)
def test_they_are_legal_in_strings_comments_and_quoted_names(sql: str) -> None:
    assert script_problems(Script(sql, "a.sql")) == ()


@pytest.mark.parametrize(
    ("sql", "place"),
    [
        ("create table t\u200b ();", "a.sql:1:15"),
        ("create table t (a int,\u00a0b int);", "a.sql:1:23"),
        ("do $$ begin\u00a0null; end $$;", "a.sql:1:12"),
        ("create function f() returns int language sql as $f$\nselect\u00a01 $f$;", "a.sql:2:7"),
        ("select 1; -- \u202etxet", "a.sql:1:14"),
        ("select '\u2066';", "a.sql:1:9"),
    ],
)
def test_where_the_parser_takes_it_a_warning_says_so(sql: str, place: str) -> None:
    problem = problem_of(sql)
    assert (problem.code, problem.blocks, str(problem.place)) == ("invisible-character", False, place)


def test_a_warning_hides_no_problem_of_a_seed_file() -> None:
    seed = Seed("seeds/a.sql", Script("vacuum t\u200b;", "seeds/a.sql"))
    assert {(p.code, p.blocks) for p in seed_problems(seed)} == {
        ("invisible-character", False),
        ("seed-transaction", True),
    }


@pytest.mark.parametrize(
    ("sql", "write"), [("insert into t values (\u2018a b\u2019)", "'"), ("select 5 \u2013 3", "-")]
)
def test_a_character_of_a_word_processor_is_named_with_what_to_write(sql: str, write: str) -> None:
    problem = problem_of(sql)
    assert problem.what.startswith("U+20")
    assert problem.hint == f"write `{write}` instead"


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("\\connect shop\nselect 1;", "remove the line: ctgitops connects to the database in the manifest"),
        ("\\c shop\nselect 1;", "remove the line: ctgitops connects to the database in the manifest"),
        ("\\i tables.sql\n", "replace the line with the SQL of that file"),
        ("\\ir tables.sql\n", "replace the line with the SQL of that file"),
        ("\\set ON_ERROR_STOP on\nselect 1;", "remove the line, and replace the variable"),
        ("\\echo hello\nselect 1;", "remove the line, which has an effect only in psql"),
        ("  \\restrict abc\nselect 1;", "delete the lines `\\restrict` and `\\unrestrict`: only psql"),
        ("select 'select 1' \\gexec", "write the statements that the previous query generates"),
        ("\\d t", "write the equivalent SQL, or remove the line"),
    ],
)
def test_a_command_of_psql_is_told_with_what_to_do(sql: str, hint: str) -> None:
    problem = problem_of(sql)
    assert problem.code == "psql-command"
    assert problem.hint.startswith(hint)


@pytest.mark.parametrize("data", ["1\ta\n\\.\n", "\\N\ta\n\\.\n", "\\.\n", "anna\t1\n\\.\n"])
def test_data_behind_copy_is_told_as_that_however_it_begins(data: str) -> None:
    problem = problem_of(f"create table t ();\nCOPY public.t (a) FROM stdin;\n{data}select 1;\n")
    assert (problem.code, problem.place and problem.place.line) == ("client-copy", 3)
    assert "--inserts" in problem.hint


def test_the_words_of_copy_in_a_comment_do_not_make_a_mistake_data() -> None:
    assert problem_of("-- COPY t FROM stdin;\nselect 1;\nselec 2;").code == "syntax-error"


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("create table ${schema}.t ();", "`${schema}` is a placeholder of another tool"),
        ("select * from {{ ref('t') }};", "`{{ ref('t') }}` is a placeholder of another tool"),
        ("alter role app password :'secret';", "`:'secret'` is a psql variable"),
        ("select * from :tables;", "`:tables` is a psql variable"),
    ],
)
def test_a_placeholder_is_told_as_that(sql: str, shown: str) -> None:
    problem = problem_of(sql)
    assert problem.code == "placeholder"
    assert problem.what.startswith(shown)


@pytest.mark.parametrize("marker", ["<<<<<<< HEAD", "||||||| 3f2a", "=======", ">>>>>>> branch"])
def test_a_conflict_marker_that_was_left_is_told_as_that(marker: str) -> None:
    problem = problem_of(f"select 1;\n{marker}\nselect 2;\n")
    assert (problem.code, str(problem.place)) == ("conflict-marker", "a.sql:2:1")
    assert f"`{marker}`" in problem.what


def test_pasted_quotation_marks_that_the_parser_takes_for_letters_are_a_warning() -> None:
    problem = problem_of("create table t (\n  a text default \u2018new\u2019);".replace("\u2019", ""))
    assert (problem.code, problem.blocks, str(problem.place)) == ("invisible-character", False, "a.sql:2:18")
    assert problem.hint == "write `'` instead"
    assert script_problems(Script("select '\u2018', \"\u201ca\" -- \u2013", "a.sql")) == ()


DATA = "create table t ();\nCOPY public.t (a) FROM stdin;\n1\ta\n\\.\n"


@pytest.mark.parametrize(
    "sql",
    [
        "create table t ();\nselect 1;\n1\ta\n\\.\n",
        "create table t ();\nCOPY t FROM stdin;\nselect 1;\nselec 2;\n",
        "COPY t FROM '/tmp/a';\n1\ta\n",
        "COPY t TO PROGRAM 'cat';\n1\ta\n",
        "create tabel t ();\nCOPY t FROM stdin;\n1\n\\.\n",
    ],
)
def test_only_text_directly_after_copy_through_the_client_is_its_data(sql: str) -> None:
    assert {problem.code for problem in script_problems(Script(sql, "a.sql"))} & {"syntax-error", "psql-command"}


def test_the_data_of_copy_is_found_after_any_other_statement() -> None:
    for before in ("", "select 1;\n", "-- a;b\n", "select ';';\n" * 3):
        problem = problem_of(before + DATA)
        assert (problem.code, problem.blocks) == ("client-copy", True)
        assert problem.place is not None
        assert (problem.place.line, problem.place.column) == (3 + before.count("\n"), 1)
