"""The message for one migration, and the position of an error in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.plan import Direction, Step
from ctgitops.postgres.message import LEAKS, Message, opening, quoted, spot_of
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


@pytest.mark.parametrize(
    "sql",
    [
        "alter database shop set search_path = app",
        "do $$ begin execute format('alter database %I set search_path = app', current_database()); end $$",
        "ALTER ROLE app SET statement_timeout = '5s'",
        "load 'auto_explain'",
        "set my.tenant = '5'",
        "select set_config('my.tenant', '5', false)",
    ],
)
def test_what_only_a_new_connection_forgets_or_learns_is_seen(sql: str) -> None:
    assert LEAKS.search(sql)


@pytest.mark.parametrize(
    "sql", ["alter table t add column loaded boolean", "set search_path = app", "update t set a = 1.5"]
)
def test_what_cleaning_a_session_undoes_needs_no_new_connection(sql: str) -> None:
    assert not LEAKS.search(sql)
