"""The trace shows the locks and the work of every kind of statement."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from ctgitops.core.impact.impact import Held
from ctgitops.errors import LedgerError
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.shadow.trial import try_step
from ctgitops.postgres.trace.lock_sampling import Sampler
from ctgitops.postgres.trace.tracer import Tracer
from ctgitops.sql.locks import LockMode
from tests.postgres.statements import IN_A_TRANSACTION, OUTSIDE, ROWS, SCHEMA, Case
from tests.postgres.traced import locks, step_of, traced, works
from tests.servers import base_for_servers, fresh_database, programs_of, run, session


def otherwise(url: str, major: int, cases: list[Case]) -> Iterator[str]:
    """What the trace says otherwise than the table, a line for each."""
    with session(url) as connection, Tracer(lambda: session(url)) as tracer:
        for sql, locked, worked, *since in cases:
            if since and major < since[0]:
                continue
            try:
                impact = traced(tracer, connection, sql).statements[-1]
            except psycopg.Error as error:
                yield f"{sql}: {error}"
                continue
            expected = (" ".join(sorted(locked.split())), worked)
            found = (locks(impact.taken), "!" * impact.blocks_writes_while_it_works + works(impact.worked))
            if found != expected:
                yield f"{sql}: {found} instead of {expected}"


def all_otherwise(server: LocalServer, schema: str, *cases: list[Case]) -> list[str]:
    url = fresh_database(server)
    run(url, schema)
    try:
        return [line for some in cases for line in otherwise(url, server.programs.major, some)]
    finally:
        run(url, "drop owned by trace_role; drop role trace_role")


def test_statements_are_told_with_their_locks_and_their_work(server: LocalServer) -> None:
    assert all_otherwise(server, SCHEMA, IN_A_TRANSACTION[5::12], OUTSIDE[:2]) == []


def test_locks_that_could_not_be_watched_are_not_called_no_locks(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(_: Sampler) -> bool:
        raise psycopg.OperationalError("server closed the connection")

    monkeypatch.setattr(Sampler, "_sample", lost)
    run(database_url, "create table watched (id int)")
    with (
        session(database_url) as connection,
        Tracer(lambda: session(database_url)) as tracer,
        pytest.raises(LedgerError, match="lock tracing of a statement stopped early: server closed the connection"),
    ):
        traced(tracer, connection, "create index concurrently on watched (id)")


@pytest.mark.slow
def test_it_makes_no_difference_whether_tables_have_rows(server: LocalServer) -> None:
    needs_no_rows = ("alter table t add column x int not null", "alter table t alter column a set not null")
    cases = [case for case in IN_A_TRANSACTION if not case[0].endswith(needs_no_rows)]
    assert all_otherwise(server, SCHEMA + ROWS, cases) == []


@pytest.mark.majors
@pytest.mark.parametrize("major", [14, 15, 16, 17, 18])
def test_every_statement_is_told_on_every_major(major: int) -> None:
    with LocalServer(programs_of(major), base=base_for_servers()) as server:
        assert all_otherwise(server, SCHEMA, IN_A_TRANSACTION, OUTSIDE) == []


def test_the_conflicts_of_locks_are_those_of_postgresql(database_url: str) -> None:
    run(database_url, "create table t ()")
    found = set()
    with session(database_url) as one, session(database_url) as other:
        for mode in LockMode:
            one.execute("begin")
            one.execute(f"lock table t in {mode.name.replace('_', ' ')} mode".encode())
            for wanted in LockMode:
                try:
                    other.execute(f"begin; lock table t in {wanted.name.replace('_', ' ')} mode nowait".encode())
                except psycopg.errors.LockNotAvailable:
                    found.add((mode, wanted))
                other.execute("rollback")
            one.execute("rollback")
    assert found == {(mode, other) for mode in LockMode for other in mode.conflicts}


def test_a_proof_is_told_in_the_words_of_postgresql(database_url: str) -> None:
    run(database_url, "create table t (a int check (a is not null))")
    with session(database_url) as connection, Tracer(lambda: session(database_url)) as tracer:
        (only,) = traced(tracer, connection, "alter table t alter a set not null").statements
    assert only.proved == (
        'existing constraints on column "t.a" are sufficient to prove that it does not contain nulls',
    )


def test_what_an_earlier_step_of_the_plan_made_is_told_as_fresh(database_url: str) -> None:
    run(database_url, "create table old (id int)")
    with session(database_url) as connection, Tracer(lambda: session(database_url)) as tracer:
        traced(tracer, connection, "create table new (id int)", keep=True)
        impact = traced(tracer, connection, "create index on new (id); create index on old (id)", number=2)
    assert impact.strongest == (
        Held("public.new", LockMode.SHARE, fresh=True),
        Held("public.old", LockMode.SHARE),
    )
    assert [window.held.relation for window in impact.windows] == ["public.old"]


def test_a_statement_has_the_line_of_its_first_word_and_a_failed_one_none(database_url: str) -> None:
    run(database_url, "create table t (a int)")
    sql = "-- first\n\nalter table t add b int;\n-- second\nalter table t add c int; alter table t add a int"
    with session(database_url) as connection, Tracer(lambda: session(database_url)) as tracer:
        with pytest.raises(psycopg.errors.DuplicateColumn):
            traced(tracer, connection, sql)
        assert [each.line for each in tracer.impacts[1].statements] == [3, 5]


def test_set_transaction_is_still_the_first_of_its_transaction(database_url: str) -> None:
    sql = "set transaction isolation level serializable; create table t (a int)"
    with session(database_url) as connection, Tracer(lambda: session(database_url)) as tracer:
        assert len(traced(tracer, connection, sql).statements) == 1


def test_a_migration_that_wants_to_be_silent_is_heard_all_the_same(database_url: str) -> None:
    run(database_url, "create table t (a int, b int, c int, d int)")
    builds = [f"create index on t ({column})" for column in "abcd"]
    silent = "select set_config('client_min_messages', 'error', false)"
    sql = (
        f"set client_min_messages = error; {builds[0]}; {silent}; {builds[1]}; savepoint s; rollback to s; "
        f"{builds[2]}; set local client_min_messages = error; {builds[3]}"
    )
    with session(database_url) as connection, Tracer(lambda: session(database_url)) as tracer:
        told = traced(tracer, connection, sql).statements
    assert [works(each.worked) for each in told if each.worked] == ["INDEX t"] * 4


def test_a_message_of_a_migration_is_not_taken_for_one_of_postgresql(database_url: str) -> None:
    run(database_url, "create table t (a int)")
    said = ('existing constraints on column "a" are sufficient to prove', 'rewriting table "t"', 'verifying table "t"')
    raises = " ".join(f"raise debug '{each}';" for each in said)
    sql = f"do $$ begin {raises} lock table t; end $$"
    with session(database_url) as connection, Tracer(lambda: session(database_url)) as tracer:
        (only,) = traced(tracer, connection, sql).statements
    assert (only.proved, only.worked) == ((), ())


def test_names_are_quoted_where_sql_needs_it(database_url: str) -> None:
    run(database_url, 'create schema "My app"; create table "My app"."T ""x""" (a int)')
    with session(database_url) as connection, Tracer(lambda: session(database_url)) as tracer:
        (only,) = traced(tracer, connection, 'create index on "My app"."T ""x""" (a)').statements
    assert [work.relation for work in only.worked] == ['"My app"."T ""x"""']


def test_of_two_tables_of_one_name_the_one_is_told_that_was_worked_on(database_url: str) -> None:
    run(database_url, "create schema a; create schema b; create table a.t (x int); create table b.t (x int)")
    sql = "lock table a.t, b.t; alter table b.t alter x set not null; create index on a.t (x)"
    with session(database_url) as connection, Tracer(lambda: session(database_url)) as tracer:
        _, scan, build = traced(tracer, connection, sql).statements
    assert (works(scan.worked), works(build.worked)) == ("SCAN b.t", "INDEX a.t")


def test_what_a_savepoint_takes_back_is_told_neither_as_work_nor_as_known(database_url: str) -> None:
    run(database_url, "create table t (a int); create table u (a int)")
    recreate = "alter table {} alter a type bigint"
    sql = (
        f"lock table t in share mode; savepoint s; {recreate.format('t')}; {recreate.format('u')}; rollback to s; "
        f"alter table u rename to v; {recreate.format('v')}; drop table t"
    )
    with session(database_url) as connection, Tracer(lambda: session(database_url)) as tracer:
        _, _, t, u, back, rename, v, drop = traced(tracer, connection, sql).statements
    assert [locks(each.taken) for each in (t, u, back, rename, v, drop)] == ["t:AE", "u:AE", "", "u:AE", "u:S", "t:AE"]
    assert [works(each.worked) for each in (t, u, back, rename, v, drop)] == [
        "REWRITE t", "REWRITE u", "", "", "REWRITE u", "",
    ]  # fmt: skip


def test_a_step_that_comes_in_pieces_is_told_as_one(database_url: str) -> None:
    run(database_url, "create table t (a int)")
    with session(database_url) as connection, Tracer(lambda: session(database_url)) as tracer:
        for sql in ("create index on t (a)", "alter table t add b int"):
            try_step(connection, step_of(sql), tracer)
    assert [locks(each.taken) for each in tracer.impacts[1].statements] == ["t:S", "t:AE"]


def test_operators_that_a_migration_plants_do_not_change_what_is_told(database_url: str) -> None:
    run(database_url, "create table t (a int)")
    planted = "".join(
        f"create or replace function planted.f(l {kind}, r {kind}) returns bool language sql as 'select false'; "
        f"create operator planted.= (function = planted.f, leftarg = {kind}, rightarg = {kind}); "
        for kind in ("oid", "text", "int4")
    )
    sql = (
        f"create schema planted; {planted} set search_path = planted, pg_catalog, public; create index on public.t (a)"
    )
    with session(database_url) as connection, Tracer(lambda: session(database_url)) as tracer:
        last = traced(tracer, connection, sql).statements[-1]
    assert (locks(last.taken), works(last.worked)) == ("t:S", "INDEX t")


def test_what_is_partitioned_is_built_anew_outside_of_a_transaction(database_url: str) -> None:
    run(
        database_url,
        "create table p (id int) partition by range (id);"
        "create table p_1 partition of p for values from (1) to (9); create index on p (id)",
    )
    with session(database_url) as connection, Tracer(lambda: session(database_url)) as tracer:
        for sql in ("reindex table p", "reindex index p_id_idx"):
            (told,) = traced(tracer, connection, f"-- ctgitops: no transaction\n{sql}").statements
            assert works(told.worked) == "INDEX p_1"
            assert told.blocks_writes_while_it_works
