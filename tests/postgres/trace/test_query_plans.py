"""The trace sees the queries of statements, blocks and functions, and says where it does not."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ctgitops.core.impact.impact import StatementImpact
from ctgitops.postgres.server.auto_explain import SETTINGS, active, can_load, role_sql
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.shadow.trial import try_step
from ctgitops.postgres.trace import tracer as tracer_module
from ctgitops.postgres.trace.query_plans import plans_in
from ctgitops.postgres.trace.tracer import Tracer
from tests.postgres.traced import step_of, traced
from tests.servers import (
    base_for_servers,
    fresh_database,
    missing,
    programs_for_tests,
    programs_of,
    run,
    session,
)

SCHEMA = """
create table big (id int primary key, k int, flag bool); create index on big (k); create table small (id int);
create table "Odd" (id int); create view seen as select id from big;
create function counted() returns bigint language plpgsql as $$ begin return (select count(*) from big); end $$;
create function quiet() returns bigint language plpgsql set client_min_messages to error as $$
begin return (select count(*) from big); end $$
"""
CASES = [
    ("update big set flag = true", "read big, update big", ""),
    ("delete from big where id = 4", "delete big, read big", ""),
    ("insert into small select id from seen", "insert small, read big", ""),
    ("insert into small values (1)", "insert small", ""),
    ("merge into big using small on big.id = small.id when matched then delete", "merge big, read big, read small", ""),
    ("create table made as select * from big", "read big", ""),
    ("create materialized view made as select count(*) from big", "read big", ""),
    ('select count(*) from "Odd"', 'read "Odd"', ""),
    ("do $$ begin perform count(*) from big; end $$", "read big", ""),
    ("do $$ begin if exists (select from big) then delete from small; end if; end $$", "read big", "big"),
    ("do $$ declare r record; begin for r in select * from big loop null; end loop; end $$", "read big", "big"),
    ("select counted()", "read big", "big"),
    ("select quiet()", "", "big"),
    ("select count(*) from pg_class", "", ""),
    ("alter table big rename to large; select count(*) from large", "read big", ""),
    ("alter table big add check (id > 0)", "", ""),
]


@pytest.fixture(scope="module")
def explaining() -> Iterator[LocalServer]:
    programs = programs_for_tests()
    if not programs.explains:
        raise missing("auto_explain", "this server has no auto_explain")
    with LocalServer(programs, settings=SETTINGS, base=base_for_servers()) as server:
        yield server


def told(statement: StatementImpact) -> tuple[str, str]:
    nodes = [node for plan in statement.queries for node in plan.walk() if node.relation]
    found = {f"{node.operation.lower() or 'read'} {node.relation.removeprefix('public.')}" for node in nodes}
    return ", ".join(sorted(found)), ", ".join(each.removeprefix("public.") for each in statement.unmeasured)


def otherwise(server: LocalServer) -> list[str]:
    url = fresh_database(server)
    run(url, SCHEMA)
    wrong = []
    with session(url) as connection, Tracer(lambda: session(url)) as tracer:
        for sql, *expected in CASES:
            if sql.startswith("merge") and server.programs.major < 15:
                continue
            found = told(traced(tracer, connection, sql).statements[-1])
            wrong += [f"{sql}: {found}"] if found != tuple(expected) else []
    return wrong


def test_queries_are_seen_in_whatever_runs_them(explaining: LocalServer) -> None:
    assert otherwise(explaining) == []


@pytest.mark.majors
@pytest.mark.parametrize("major", [14, 15, 16, 17, 18])
def test_queries_are_seen_on_every_major(major: int) -> None:
    programs = programs_of(major)
    if not programs.explains:
        raise missing("auto_explain", f"PostgreSQL {major} here has no auto_explain")
    with LocalServer(programs, settings=SETTINGS, base=base_for_servers()) as server:
        assert otherwise(server) == []


def test_without_the_module_what_was_read_counts_as_unmeasured(database_url: str) -> None:
    run(database_url, SCHEMA)
    with session(database_url) as connection, Tracer(lambda: session(database_url)) as tracer:
        for sql in ("update big set flag = true", "create table made as select * from big where k = 4"):
            assert told(traced(tracer, connection, sql).statements[-1]) == ("", "big")
        assert told(traced(tracer, connection, "alter table big add check (id > 0)").statements[-1]) == ("", "")


def test_what_a_query_fills_is_named_and_work_on_it_is_told(explaining: LocalServer) -> None:
    url = fresh_database(explaining)
    run(url, SCHEMA)
    sql = "create table made as select * from big; create index on made (id); create table plain (id int)"
    with session(url) as connection, Tracer(lambda: session(url)) as tracer:
        fill, build, plain = traced(tracer, connection, sql).statements
    assert fill.filled == ("public.made",)
    assert [(each.relation, each.fresh) for each in build.worked] == [("public.made", True)]
    assert (plain.filled, plain.worked) == ((), ())


def test_a_message_that_only_looks_like_a_plan_is_passed_over() -> None:
    assert plans_in(["duration: 1.0 ms  plan:\n{", 'duration: 1.0 ms  plan:\n{"Plan": 1}', "NOTICE"]) == ()


def test_what_runs_outside_of_a_transaction_is_seen_too(explaining: LocalServer, database_url: str) -> None:
    sql = """-- ctgitops: batch size=500
    with batch as (select id from big where flag is null order by id limit $1 for update skip locked)
    update big set flag = true from batch where big.id = batch.id"""
    for url, expected in (
        (fresh_database(explaining), ("read big, update big", "")),
        (database_url, ("", "big")),
    ):
        run(url, SCHEMA)
        with session(url) as connection, Tracer(partial(session, url)) as tracer:
            try_step(connection, step_of(sql), tracer)
        (batch,) = tracer.impacts[1].statements
        assert batch.batch == 500
        assert told(batch) == expected


def test_plans_beyond_what_is_kept_make_the_work_unknown(
    explaining: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracer_module, "MOST_TEXT", 300)
    url = fresh_database(explaining)
    run(url, SCHEMA)
    with session(url) as connection, Tracer(partial(session, url)) as tracer:
        assert told(traced(tracer, connection, "update big set flag = true").statements[-1])[1] == "big"


def test_the_role_of_migrations_gets_plans_on_an_external_server() -> None:
    programs = programs_for_tests()
    if not programs.explains:
        raise missing("auto_explain", "this server has no auto_explain")
    with LocalServer(programs, base=base_for_servers()) as server:
        url = fresh_database(server)
        run(url, SCHEMA + "; create role tried login; grant all on all tables in schema public to tried")
        with session(url) as connection:
            assert can_load(connection)
        with session(url) as connection:
            for statement in role_sql("tried"):
                connection.execute(statement)
        with session(make_conninfo(url, user="tried")) as connection, Tracer(lambda: session(url)) as tracer:
            assert active(connection)
            assert told(traced(tracer, connection, "select count(*) from big").statements[-1]) == ("read big", "")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("set auto_explain.log_min_duration = -1")


FORGED = """do $$ begin
    set local client_min_messages = error; perform count(*) from big; set local client_min_messages = debug1;
    raise debug using message = 'duration: 0.1 ms  plan:' || chr(10) ||
        '{"Query Text": "select count(*) from big", "Plan": {"Node Type": "Result", "Relation Name": "big", '
        '"Schema": "public", "Plan Rows": 1}}';
    raise debug 'existing constraints on column "big.id" are sufficient to prove that it does not contain nulls';
end $$"""


def test_a_forged_plan_is_not_believed(explaining: LocalServer) -> None:
    url = fresh_database(explaining)
    run(url, SCHEMA)
    with session(url) as connection, Tracer(lambda: session(url)) as tracer:
        found = traced(tracer, connection, FORGED).statements[-1]
    assert told(found) == ("", "big")
    assert found.proved == ()


@pytest.mark.parametrize("block", ["perform count(*) from big", "execute 'select count(*) from b' || 'ig'"])
def test_a_block_outside_of_a_transaction_is_unknown_without_the_module(database_url: str, block: str) -> None:
    run(database_url, SCHEMA)
    step = step_of(f"-- ctgitops: no transaction\ndo $$ begin {block}; end $$;")
    with session(database_url) as connection, Tracer(partial(session, database_url)) as tracer:
        connection.execute("set auto_explain.log_min_duration = 0")  # a session can set it, and nothing comes of it
        try_step(connection, step, tracer)
    assert "public.big" in tracer.impacts[1].statements[-1].unmeasured
