from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.sql.parse import SqlSyntaxError, statements

WHOLE = [
    "SELECT 1",
    "SELECT 'é; ü' AS \"ö;\"",
    "SELECT E'it\\'s; fine'",
    "SELECT U&'d\\0061t\\+000061;'",
    "SELECT $$ ; $a$ ; $a$ ; $$",
    "SELECT $a$ ; $$ ; $$ $aa$ ; $a$",
    "SELECT /* a; /* nested; */ b; */ 1",
    "SELECT 1 -- not the end; really\n + 1",
    "SELECT CASE WHEN true THEN 1 ELSE 2 END",
    "SELECT pending, atomic, beginning, ending FROM t",
    'CREATE TABLE atomic (pending int, "begin atomic;" int)',
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; END",
    "CREATE PROCEDURE p() LANGUAGE sql BEGIN ATOMIC INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); END",
    "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN EXECUTE $q$ SELECT 1; $q$; RETURN 1; END; $f$",
    "DO $do$ BEGIN IF true THEN PERFORM 1; END IF; END $do$",
    "CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO a VALUES (1); INSERT INTO b VALUES (2))",
    "CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f('a;b')",
    "INSERT INTO t VALUES ('𝄞 and 漢字; both', '\n;\n')",
    "SELECT 'a'\n'b;'",
    'SELECT 1 AS "a"";b"',
    "SELECT '{\"a;\": [1]}'::jsonb ? 'a'",
]
"""Single statements over which hand-written splitters have stumbled."""

GAPS = st.sampled_from(["", " ", "\n", "\n\n-- a; note é\n", " /* é; /* ü */ ; */ ", ";", " ; ;\n"])


@pytest.mark.parametrize("sql", WHOLE)
def test_one_statement_is_one_however_many_semicolons_it_holds(sql: str) -> None:
    (statement,) = statements(f"{sql};")
    assert f"{sql};"[statement.start : statement.end] == sql
    (unclosed,) = statements(sql)
    assert sql[unclosed.start : unclosed.end] == sql


@given(st.lists(st.tuples(GAPS, st.sampled_from(WHOLE)), max_size=8), GAPS)
def test_p12_statements_come_in_order_whole_and_with_their_places(parts: list[tuple[str, str]], tail: str) -> None:
    text = "".join(f"{gap}{sql};" for gap, sql in parts) + tail
    found = statements(text)
    assert [text[s.start : s.end] for s in found] == [sql for _, sql in parts]
    assert all(before.end <= after.start for before, after in itertools.pairwise(found))


@given(st.text(alphabet=st.one_of(st.sampled_from("SELCT 1;'\"$-/*()é\n"), st.characters(exclude_categories=["Cs"]))))
def test_any_text_is_statements_in_order_or_an_error_inside_it(text: str) -> None:
    text = text.replace("\0", "")
    try:
        found = statements(text)
    except SqlSyntaxError as error:
        assert 0 <= error.offset <= len(text)
        return
    ends = [0, *(s.end for s in found)]
    assert all(end <= s.start < s.end <= len(text) for end, s in zip(ends, found, strict=False))


@pytest.mark.parametrize("terms", [50, 500])
def test_deep_nesting_parses(terms: int) -> None:
    (statement,) = statements(f"SELECT {'(' * terms}1{')' * terms}")
    assert statement.kind == "SelectStmt"
    (chained,) = statements("SELECT " + " + ".join(["1"] * terms))
    assert chained.kind == "SelectStmt"
    (joined,) = statements("SELECT " + " OR ".join(f"a = {n}" for n in range(terms)))
    assert joined.kind == "SelectStmt"


def test_nothing_has_no_statements() -> None:
    assert statements("") == ()
    assert statements("-- only\n/* words */ ;;\n") == ()


def test_kinds_and_copies_through_the_client_are_known() -> None:
    found = statements(
        "CREATE TABLE t (); COPY t FROM STDIN; COPY t TO '/tmp/x'; COPY t TO STDOUT; COPY t TO PROGRAM 'x';"
    )
    assert [s.kind for s in found] == ["CreateStmt", "CopyStmt", "CopyStmt", "CopyStmt", "CopyStmt"]
    assert [s.copies_through_client for s in found] == [False, True, False, True, False]


@pytest.mark.parametrize(
    ("sql", "offset"),
    [
        ("SELEC", 0),
        ("SELECT 1;\nSELECT FROM FROM", 22),
        ("SELECT 'é', 'ü' FRM t", 20),
        ("SELECT '𝄞", 7),
        ("SELECT (", 8),
    ],
)
def test_an_error_knows_its_place_in_characters(sql: str, offset: int) -> None:
    with pytest.raises(SqlSyntaxError) as caught:
        statements(sql)
    assert caught.value.offset == offset
