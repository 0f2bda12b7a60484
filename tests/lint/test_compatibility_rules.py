"""Renamed schemas and enum values, lost targets of ON CONFLICT, DETACH, foreign keys without an index."""

from __future__ import annotations

import psycopg
import pytest

from ctgitops.sql.name_changes import ConflictTarget
from tests.lint.examples import TABLES, linted, rules_found
from tests.servers import run, session

UNIQUE = "alter table orders add constraint orders_number unique (number);\n"
PUT = (
    "create function put(n bigint) returns void language sql as "
    "'insert into orders (id, number) values (n, n) on conflict (number) do nothing';\n"
)
BY_NAME = (
    "create function put(n bigint) returns void language plpgsql as 'begin "
    "insert into orders (id, number) values (n, n) on conflict on constraint orders_number do nothing; end';\n"
)
DROP = "alter table orders drop constraint orders_number;\n"


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("alter schema public rename to old;", ["rename-schema"]),
        ("create schema a;\nalter schema a rename to b;", []),
        ("alter type mood rename value 'fine' to 'good';", ["rename-enum-value"]),
        ("alter type mood rename value 'fine' to 'it''s good';", ["rename-enum-value"]),
        ("alter type mood add value 'good';", []),
        ("create type size as enum ('s');\nalter type size rename value 's' to 'm';", []),
        ("do $$ begin alter type mood rename value 'fine' to 'good'; end $$;", ["rename-enum-value"]),
    ],
)
def test_a_renamed_schema_and_enum_value_are_found(text: str, rules: list[str]) -> None:
    assert rules_found(text, "create type mood as enum ('fine');") == rules


@pytest.mark.parametrize(
    ("given", "text", "found"),
    [
        (UNIQUE + PUT, DROP, True),
        (UNIQUE + BY_NAME, DROP, True),
        ("create unique index orders_number on orders (number);" + PUT, "drop index orders_number;", True),
        (UNIQUE + PUT + "create unique index more on orders (number);", DROP, False),
        (UNIQUE + PUT, "alter table orders drop constraint orders_number, add unique (number);", False),
        (UNIQUE + PUT, DROP + "create unique index more on orders (number);", False),
        (UNIQUE + PUT, "drop function put(bigint);\n" + DROP, False),
        (UNIQUE + "create unique index more on orders (number, code);" + PUT, "drop index more;", False),
        ("create index orders_number on orders (number);" + PUT, "drop index orders_number;", False),
        (UNIQUE, DROP, False),
    ],
)
def test_a_dropped_unique_that_a_function_names_in_on_conflict_is_found(given: str, text: str, found: bool) -> None:
    said = [rule for rule in rules_found(text, given) if rule == "drop-conflict-target"]
    assert said == ["drop-conflict-target"] * found


def test_a_dropped_unique_is_a_notice_with_what_a_plan_searches_for_in_code() -> None:
    assert [(f.rule, f.severity) for f in linted(DROP, UNIQUE)] == [("drop-unique", "notice")]
    assert linted(DROP, UNIQUE)[0].conflict_target == ConflictTarget("orders", "orders_number", ("number",))
    assert rules_found(DROP, UNIQUE, **{"drop-unique": "off"}) == []
    assert rules_found(DROP, UNIQUE, **{"drop-unique": "warning"}) == ["drop-unique"]


@pytest.mark.parametrize("function", [PUT, BY_NAME])
def test_postgresql_drops_it_and_the_function_fails_then(function: str, database_url: str) -> None:
    run(database_url, TABLES + UNIQUE + function + DROP)
    with (
        session(database_url) as connection,
        pytest.raises((psycopg.errors.InvalidColumnReference, psycopg.errors.UndefinedObject)),
    ):
        connection.execute("select put(1)")


PARTS = (
    "create table events (id int) partition by range (id);\n"
    "create table old partition of events for values from (0) to (9);\n"
)


@pytest.mark.parametrize(
    ("given", "text", "rules"),
    [
        (PARTS, "alter table events detach partition old;", ["blocking-detach"]),
        (PARTS, "alter table events detach partition old concurrently;", []),
        (PARTS, "alter table events detach partition old finalize;", []),
        (PARTS + "create table rest partition of events default;", "alter table events detach partition old;", []),
        ("", PARTS + "alter table events detach partition old;", []),
    ],
)
def test_detach_that_blocks_is_found_where_it_could_run_concurrently(given: str, text: str, rules: list[str]) -> None:
    assert rules_found(text, given) == rules


@pytest.mark.parametrize(
    ("given", "text", "found"),
    [
        ("", "create table l (o bigint references orders);", True),
        ("", "create table l (o bigint primary key references orders);", False),
        ("", "create table l (o bigint, foreign key (o) references orders);\ncreate index on l (o);", False),
        ("", "create table l (o bigint, p int, foreign key (o) references orders, unique (o, p));", False),
        ("", "create table l (o bigint, p int, foreign key (o) references orders, unique (p, o));", True),
        ("", "alter table orders add constraint c foreign key (customer_id) references customers not valid;", True),
        (
            "create index on orders (customer_id);",
            "alter table orders add constraint c foreign key (customer_id) references customers not valid;",
            False,
        ),
        ("", "alter table orders add column other bigint references orders;", True),
        ("", "alter table orders add column other bigint references orders;\ncreate index on orders (other);", False),
    ],
)
def test_a_foreign_key_without_an_index_is_found_where_that_is_switched_on(given: str, text: str, found: bool) -> None:
    said = rules_found(text, given, **{"foreign-key-index": "warning"})
    assert ("foreign-key-index" in said) is found
    assert "foreign-key-index" not in rules_found(text, given)
