"""What changed, read alone, gives the same schema as a whole snapshot."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctgitops.core.schema.snapshot import Key, SchemaObject
from ctgitops.postgres.catalog.schema_snapshot import read_units
from ctgitops.postgres.connection.connect import Connection
from ctgitops.postgres.shadow.schema_tracker import SchemaTracker
from tests.postgres.schema_changes import CHANGES, CHANGES_NOTHING
from tests.servers import SharedServer, base_for_servers, copied_database, fresh_database, programs_for_tests, session

AT_ONCE = {"column added", "view", "comment", "enum", "grant", "schema's grant"}
OTHERS = "create table other_a (id int primary key, n text); create view other_v as select * from other_a;"
KINDS: dict[str, tuple[str, str]] = {
    **{what: (before, change) for what, (before, change, _) in CHANGES.items()},
    **CHANGES_NOTHING,
}
BASE = """
create schema s; create role tracked_a; create role tracked_b;
create type mood as enum ('sad', 'ok'); create domain email as text check (value ~ '@');
create type pair as (a int, b mood);
create table a (id int primary key, n text default 'x', m mood default 'sad', e email);
create table b (id serial primary key, a int references a, p pair);
create table s.c (id int, a int references a on delete cascade, check (id > 0));
create index b_a on b (a); create view v as select a.id, a.n, b.a from a join b on b.a = a.id;
create view w as select * from v; create materialized view mv as select n from a;
create function f(x a) returns text language sql as 'select x.n';
create function g() returns setof a language plpgsql as 'begin return query select * from a; end';
create function t() returns trigger language plpgsql as 'begin return new; end';
create trigger tr before insert on a for each row execute function t();
create table parts (id int, at date) partition by range (at);
create table part_1 partition of parts for values from ('2020-01-01') to ('2021-01-01');
create table child (more int) inherits (s.c); create policy po on a using (n = 'x' and m = 'sad');
create function count_drops() returns event_trigger language plpgsql as 'begin perform 1; end';
create function noted() returns event_trigger language plpgsql as
    $$begin execute 'comment on table a is ' || quote_literal(tg_tag); end$$;
create function dynamic(what text) returns void language plpgsql as 'begin execute what; end';
"""
RELATIONS = st.sampled_from(["a", "b", "s.c", "v", "w", "mv", "parts", "part_1", "child", "fresh", "s.moved"])
TYPES = st.sampled_from(["mood", "email", "pair", "s.mood", "feeling"])
ROUTINES = st.sampled_from(["f", "g", "t", "s.f", "h"])
COLUMNS = st.sampled_from(["id", "n", "m", "e", "a", "p", "fresh"])
ROLES = st.sampled_from(["tracked_a", "tracked_b", "public"])
STATEMENTS = [
    "alter table {r} rename to fresh", "alter table {r} rename {c} to fresh", "alter table {r} rename fresh to {c}",
    "alter table {r} set schema s", "alter table {r} set schema public", "alter table {r} add {c} mood default 'ok'",
    "alter table {r} add fresh email", "alter table {r} drop {c} cascade", "drop table {r} cascade",
    "drop view {r} cascade", "drop materialized view {r} cascade", "create table {r} (id int primary key, n text)",
    "alter table {r} alter {c} set default null", "alter table {r} alter {c} drop default",
    "alter table {r} alter {c} set not null", "alter table {r} alter {c} drop not null",
    "alter table {r} alter {c} type text using {c}::text", "alter table {r} owner to tracked_a",
    "reassign owned by tracked_a to tracked_b", "drop owned by tracked_a cascade",
    "grant select on {r} to {o}", "grant update ({c}) on {r} to {o}", "revoke all on {r} from {o} cascade",
    "grant execute on function {f} to {o}", "grant usage on schema s to {o}", "grant usage on type {t} to {o}",
    "alter default privileges in schema s grant select on tables to {o}",
    "comment on table {r} is 'text'", "comment on table {r} is null", "comment on column {r}.{c} is 'text'",
    "comment on column {r}.{c} is null", "comment on function {f} is 'text'", "comment on type {t} is 'text'",
    "comment on type {t} is null", "comment on schema s is 'text'", "comment on constraint a_pkey on a is 'text'",
    "comment on constraint a_pkey on a is null", "comment on trigger tr on a is 'text'",
    "comment on trigger tr on a is null",
    "comment on policy po on a is 'text'", "comment on policy po on a is null", "comment on index b_a is 'text'",
    "comment on index b_a is null",
    "create index on {r} ({c})", "create unique index on {r} ({c})", "alter index b_a rename to b_b",
    "alter index b_b rename to b_a", "drop index b_a", "cluster b using b_a", "alter table b set without cluster",
    "alter table {r} add foreign key (a) references a", "alter table {r} add constraint k check ({c} is not null)",
    "alter table {r} drop constraint k", "alter table {r} rename constraint k to l",
    "alter table {r} add constraint k check ({c} is not null) not valid", "alter table {r} validate constraint k",
    "alter table a drop constraint a_pkey cascade", "alter domain email add constraint k check (value <> '')",
    "alter domain email drop constraint k", "alter domain email set not null", "alter domain {t} rename to feeling",
    "alter type {t} rename to feeling", "alter type feeling rename to mood", "alter type {t} set schema s",
    "alter type mood add value if not exists 'glad'", "alter type mood rename value 'sad' to 'blue'",
    "alter type mood rename value 'blue' to 'sad'", "alter type pair add attribute more mood",
    "alter type pair rename attribute a to z cascade", "alter type pair drop attribute a cascade",
    "drop type {t} cascade", "alter type {t} owner to tracked_b",
    "alter function {f} rename to h", "alter function {f} set schema s", "alter function {f} owner to tracked_a",
    "alter function {f} strict", "alter function {f} set search_path = s", "drop function {f} cascade",
    "create or replace function h(x mood default 'sad') returns mood language sql return x",
    "create or replace view v as select a.id, a.n, b.a, a.m from a join b on b.a = a.id",
    "create view fresh as select f(a) from a", "create or replace view w as select * from g()",
    "alter view {r} rename to fresh", "refresh materialized view mv", "refresh materialized view mv with no data",
    "alter trigger tr on a rename to ts", "alter table a disable trigger tr", "drop trigger tr on a",
    "create trigger tr before insert on {r} for each row execute function t()",
    "alter policy po on a using (m = 'ok')", "alter policy po on a to tracked_a", "drop policy po on a",
    "alter table {r} enable row level security", "create policy px on {r} using ({c} is not null)",
    "alter table parts detach partition part_1",
    "alter table parts attach partition part_1 for values from ('2020-01-01') to ('2021-01-01')",
    "alter table child no inherit s.c", "alter table child inherit s.c", "alter table {r} replica identity full",
    "create statistics st on id, n from {r}", "alter statistics st rename to su", "drop statistics st",
    "alter sequence b_id_seq owned by none", "alter sequence b_id_seq owned by b.id",
    "alter sequence b_id_seq rename to z",
    "alter sequence b_id_seq increment 5", "create rule ru as on insert to {r} do also nothing", "drop rule ru on {r}",
    "alter schema s rename to t", "alter schema t rename to s", "alter schema s owner to tracked_a", "create schema t",
    "drop schema s cascade", "alter role tracked_a rename to tracked_c", "alter role tracked_c rename to tracked_a",
    "create temp table temporary (id int)", "create publication pu for table {r}", "drop publication pu",
    "create event trigger ev on ddl_command_end execute function count_drops()", "drop event trigger ev",
    "create event trigger en on ddl_command_end when tag in ('ALTER TABLE') execute function noted()",
    "drop event trigger en", "alter event trigger en disable",
    "select dynamic('alter table {r} add fresh int')", "select dynamic('drop view if exists v cascade')",
    "do $$begin execute 'alter table {r} rename {c} to fresh'; end$$",
    "create extension citext", "drop extension citext cascade", "alter table {r} add fresh citext",
    "alter extension plpgsql add function {f}", "alter extension plpgsql drop function {f}",
    "alter extension plpgsql add table {r}", "alter extension plpgsql drop table {r}",
    "create operator === (leftarg = int, rightarg = int, function = int4eq)",
    "create cast (mood as email) with inout", "create aggregate ag (int) (sfunc = int4pl, stype = int)",
    "create type rng as range (subtype = int)", "alter table {r} add fresh rng", "alter type rng rename to feeling",
    "truncate a cascade", "insert into a (id) values (1)", "analyze", "vacuum a",
]  # fmt: skip


def _apply(objects: dict[Key, SchemaObject], tracker: SchemaTracker, connection: Connection) -> None:
    for key, each in tracker.changed(connection).items():
        assert objects.get(key) != each
        if each is None:
            del objects[key]
        else:
            objects[key] = each


def _agree(tracker: SchemaTracker, connection: Connection, objects: dict[Key, SchemaObject]) -> None:
    _apply(objects, tracker, connection)
    assert objects == SchemaTracker().start(connection).by_key


@pytest.mark.parametrize("what", [w if w in AT_ONCE else pytest.param(w, marks=pytest.mark.slow) for w in KINDS])
def test_every_kind_of_change_is_found(database_url: str, what: str) -> None:
    before, change = KINDS[what]
    with session(database_url) as connection, session(database_url) as other:
        other.execute(f"{OTHERS} {before}".encode())
        tracker = SchemaTracker()
        objects = dict(tracker.start(connection).by_key)
        other.execute(f"set allow_system_table_mods = on; {change}".encode())
        _agree(tracker, connection, objects)
        assert tracker.changed(connection) == {}


def test_one_table_of_many_is_read_alone(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def reading(connection: Connection, only: Collection[int] | None = None) -> list[tuple[int, SchemaObject]]:
        read.extend(only or ())
        return read_units(connection, only)

    with session(database_url) as connection:
        connection.execute("".join(f"create table t{n} (id int);" for n in range(50)).encode())
        tracker = SchemaTracker()
        tracker.start(connection)
        tables = {each for each in tracker.known.units if each}
        connection.execute("alter table t7 add note text")
        monkeypatch.setattr("ctgitops.postgres.shadow.schema_tracker.read_units", reading)
        assert set(tracker.changed(connection)) == {("column", "public.t7.note")}
        (oid,) = connection.execute("select 't7'::regclass::oid").fetchall()[0]
    assert tables & set(read) == {oid}
    assert tracker.whole == 0


@pytest.fixture(scope="module")
def own() -> Iterator[tuple[SharedServer, str]]:
    """A server of this module, since the statements rename roles, and a template database."""
    with SharedServer(programs_for_tests(), base=base_for_servers()) as server:
        with session(fresh_database(server)) as connection:
            connection.execute(BASE.encode())
            name = connection.info.dbname
        yield server, name


@st.composite
def statements(draw: st.DrawFn) -> str:
    """A statement that may fail: the objects that it names may be gone."""
    text = draw(st.sampled_from(STATEMENTS))
    for field, values in (("{r}", RELATIONS), ("{c}", COLUMNS), ("{t}", TYPES), ("{f}", ROUTINES), ("{o}", ROLES)):
        if field in text:
            text = text.replace(field, draw(values))
    return text


@pytest.mark.slow
@pytest.mark.timeout(600)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(migrations=st.lists(st.lists(statements(), min_size=1, max_size=4), min_size=1, max_size=12))
def test_any_migrations_give_the_same_schema(own: tuple[SharedServer, str], migrations: list[list[str]]) -> None:
    server, template = own
    url = copied_database(server, template)
    with session(url) as connection, session(url) as other:
        tracker = SchemaTracker()
        objects = dict(tracker.start(connection).by_key)
        for each in migrations:
            for statement in each:
                with contextlib.suppress(psycopg.Error):
                    other.execute(statement.encode())
            _agree(tracker, connection, objects)
        with contextlib.suppress(psycopg.Error):
            other.execute("alter role tracked_c rename to tracked_a")
