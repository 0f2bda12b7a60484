"""The message for one migration, and the position of an error in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.plan.plan import Direction, Step
from ctgitops.postgres.transaction.message import Message, opening, quoted, spot_of
from ctgitops.sql.script import Script


def message(sql: str, *, before: str = "begin;", after: str = " commit") -> Message:
    return Message(before, Script(sql, "migrations/001_x.sql"), after, leading=1)


def step_of(sql: str) -> Step:
    return Step(Direction.APPLY, 7, "007_x", None, "sha256:", Script(sql, "migrations/007_x.sql"))


@given(before=st.text(max_size=20), sql=st.text(min_size=1, max_size=40), data=st.data())
def test_a_position_in_the_message_is_the_same_character_of_the_file(
    before: str, sql: str, data: st.DataObject
) -> None:
    made = message(sql, before=before)
    offset = data.draw(st.integers(0, len(sql) - 1))
    position = made.text.index(sql, len(before) + made.leading) + offset + 1
    assert made.offset_of(position) == offset


def test_a_position_outside_of_the_file_is_nowhere_in_it() -> None:
    made = message("select 1")
    assert made.offset_of(1) is None
    assert made.offset_of(len(made.text)) is None


def test_an_error_without_a_position_is_at_the_statement_that_was_not_done() -> None:
    made = message("select 1;\n\n  select 1/0;\nselect 3")
    spot = spot_of(made, None, done=2)
    assert str(spot.place) == "migrations/001_x.sql:3:3"
    assert spot.statement == "select 1/0"


def test_an_error_in_what_follows_the_file_has_no_place_in_it() -> None:
    assert spot_of(message("select 1"), None, done=2).place is None


def test_an_error_position_wins_over_the_beginning_of_its_statement() -> None:
    made = message("select 1;\nselect nothing,\n  more;")
    position = made.text.index("more") + 1
    spot = spot_of(made, position, done=2)
    assert str(spot.place) == "migrations/001_x.sql:3:3"
    assert spot.line == 2


@pytest.mark.parametrize("text", ["it's", "back\\slash", "quote''s", "\\'; drop table x; --"])
def test_a_quoted_name_is_one_constant(text: str) -> None:
    made = quoted(text)
    assert made.startswith(" E'")
    inner = made[3:-1]
    assert inner.replace("\\\\", "").replace("''", "").count("'") == 0
    assert inner == "".join(each * 2 if each in "\\'" else each for each in text)


def test_the_ledgers_schema_is_on_the_path_only_for_files_that_ask_for_it_by_its_bare_name() -> None:
    def path_is_set(sql: str) -> bool:
        return "search_path" in opening(step_of(sql), local=True)[0]

    assert path_is_set("select record_migration('x')")
    assert path_is_set("do $$ begin perform Record_Migration('x'); end $$")
    assert not path_is_set("select ctgitops.record_migration('x')")
    assert not path_is_set("drop table if exists ledger")


def test_the_number_of_leading_statements_is_what_the_server_answers_before_the_file() -> None:
    before, leading = opening(step_of("select record_migration('x')"), local=True, waits_for_disk=False)
    assert len(Script(before, "x.sql").statements) == leading == 4


def test_words_in_a_comment_or_a_string_change_nothing_of_what_stands_around_a_file() -> None:
    plain = opening(step_of("select 1"), local=True)
    for words in ("set transaction isolation level serializable", "record_migration('x')", "savepoint a"):
        assert opening(step_of(f"-- {words}\nselect 1"), local=True) == plain
        assert opening(step_of("select $$ " + words + " $$"), local=True) == plain


def test_set_transaction_comes_before_any_query_of_ours() -> None:
    before, leading = opening(step_of("begin; set transaction isolation level serializable; select 1; end"), local=True)
    assert "select" not in before
    assert leading == 3


def test_the_transaction_around_a_file_is_not_sent_and_positions_stay() -> None:
    made = message("BEGIN;\nselect nothing;\nCOMMIT;\n")
    assert "BEGIN" not in made.text
    assert "COMMIT" not in made.text
    spot = spot_of(made, made.text.index("nothing") + 1, done=1)
    assert (str(spot.place), spot.statement.strip()) == ("migrations/001_x.sql:2:8", "select nothing")


BODY = " begin\n  selct 1;\nend "


@pytest.mark.parametrize(
    ("sql", "place"),
    [
        (f"select 1;\ndo $${BODY}$$;", "3:3"),
        (f"select 1;\ndo '{BODY}';", "3:3"),
        (f"select 1;\nselect $a${BODY}$a$, $b${BODY}$b$;", "2:1"),  # which of the two is not known
        ("select 1;\ndo $$ begin execute 'selc' || 't 1'; end $$;", "2:1"),
    ],
)
def test_an_error_in_a_body_has_its_own_line(sql: str, place: str) -> None:
    spot = spot_of(message(sql), None, done=2, inside=(BODY, BODY.index("selct") + 1))
    assert str(spot.place) == f"migrations/001_x.sql:{place}"
    assert spot.line == 2


def test_a_syntax_error_before_any_statement_ran_shows_its_statement() -> None:
    made = message("select 1;\nselect\n  what;")
    spot = spot_of(made, made.text.index("what") + 1, done=0)
    assert str(spot.place) == "migrations/001_x.sql:3:3"
    assert spot.statement == "select\n  what"
