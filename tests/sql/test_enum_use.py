"""P15: an enum value that is added and used in one transaction, according to the parser and to the server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ctgitops.core.workspace.workspace import script_problems
from ctgitops.sql.script import Script
from tests.servers import run

BEFORE = "create type mood as enum ('sad'); create table t (m mood, v text);"
REFUSED = [
    "alter type mood add value 'ok'; insert into t values ('ok');",
    "alter type mood add value if not exists 'ok' before 'sad'; update t set m = 'ok';",
    "alter type mood add value 'ok'; alter table t alter m set default 'ok';",
    "alter type mood add value 'ok'; create table u (m mood default 'ok'::mood);",
    "alter type mood add value 'ok'; select 1; create index i on t (m) where m = 'ok';",
]
REFUSED.append("alter type mood add /* a */ value 'ok'; insert into t values ('ok');")
ALLOWED = [
    "alter type mood add value 'ok';",
    "insert into t values (null, 'ok'); alter type mood add value 'ok';",
    "alter type mood add value 'ok'; insert into t values ('sad');",
    "alter type mood rename value 'sad' to 'ok'; insert into t values ('ok');",
    "alter type mood add value 'ok'; do $$ begin perform 1; end $$;",
]


def problems(sql: str) -> list[str]:
    return [p.code for p in script_problems(Script(sql, "migrations/002_x.sql"))]


@pytest.mark.parametrize("sql", REFUSED)
def test_p15_what_the_server_refuses_is_told_before(make_database: Callable[[], str], sql: str) -> None:
    """Seen to fail with the walk through the tree left out."""
    assert problems(sql) == ["enum-value"]
    url = make_database()
    run(url, BEFORE)
    with pytest.raises(Exception, match="unsafe use of new value"):
        run(url, f"begin; {sql} commit;")


@pytest.mark.parametrize("sql", ALLOWED)
def test_p15_what_the_server_allows_is_not_told(make_database: Callable[[], str], sql: str) -> None:
    assert problems(sql) == []
    url = make_database()
    run(url, BEFORE)
    run(url, f"begin; {sql} commit;")


def test_p15_the_problem_stands_where_the_value_is_used() -> None:
    (problem,) = script_problems(Script("alter type s.mood add value 'ok';\n\ninsert into t values ('ok');", "m.sql"))
    assert str(problem.place) == "m.sql:3:1"
    assert "'ok' is used in the transaction that adds this value to s.mood" in problem.what


def test_p15_statement_by_statement_it_may_be_used() -> None:
    assert problems(f"-- ctgitops: no transaction\n{REFUSED[0]}") == []


def test_p15_also_of_a_type_that_the_file_creates_which_only_newer_servers_allow() -> None:
    """Measured: PostgreSQL 15 refuses it, 18 allows it."""
    assert problems("create type f as enum ('a'); alter type f add value 'b'; create table u (f f default 'b');") == [
        "enum-value"
    ]
