"""One change for each kind of schema object: SQL before, the change, and the expected differences.

`-` precedes what is removed, `+` what is added; the name of an attribute follows what is altered.
"""

from __future__ import annotations

TABLE = "create table t (id int primary key, a text, b int);"
READER = "create role snapshot_reader"
FUNCTION = "create function f(a int) returns int language sql as 'select a';"

CHANGES: dict[str, tuple[str, str, set[str]]] = {
    "schema added": ("", "create schema s", {"+ schema s"}),
    "schema's owner": ("create schema s", "alter schema s owner to pg_monitor", {"schema s: owner"}),
    "table removed": ("create table t (a int)", "drop table t", {"- table public.t", "- column public.t.a"}),
    "table unlogged": (TABLE, "alter table t set unlogged", {"table public.t: persistence"}),
    "table's options": (TABLE, "alter table t set (fillfactor = 70)", {"table public.t: options"}),
    "table's owner": ("create table t ()", "alter table t owner to pg_monitor", {"table public.t: owner"}),
    "replica identity": (TABLE, "alter table t replica identity full", {"table public.t: replica_identity"}),
    "column added": (TABLE, "alter table t add c int", {"+ column public.t.c"}),
    "column's type": (TABLE, "alter table t alter b type bigint", {"column public.t.b: type"}),
    "column's length": (
        "create table t (a varchar(5))",
        "alter table t alter a type varchar(9)",
        {"column public.t.a: type"},
    ),
    "collation": (TABLE, 'alter table t alter a type text collate "C"', {"column public.t.a: collation"}),
    "default": (TABLE, "alter table t alter b set default 1", {"column public.t.b: default"}),
    "not null": (TABLE, "alter table t alter b set not null", {"column public.t.b: not_null"}),
    "identity": (
        "create table t (a int not null)",
        "alter table t alter a add generated always as identity",
        {"column public.t.a: identity", "+ sequence public.t_a_seq"},
    ),
    "generated": (
        "create table t (a int, g int generated always as (a + 1) stored)",
        "alter table t drop g; alter table t add g int generated always as (a + 2) stored",
        {"column public.t.g: generated"},
    ),
    "storage": (TABLE, "alter table t alter a set storage external", {"column public.t.a: storage"}),
    "compression": (TABLE, "alter table t alter a set compression pglz", {"column public.t.a: compression"}),
    "statistics target": (TABLE, "alter table t alter a set statistics 500", {"column public.t.a: statistics"}),
    "column's options": (TABLE, "alter table t alter a set (n_distinct = 5)", {"column public.t.a: options"}),
    "check": (TABLE, "alter table t add constraint k check (b > 0)", {"+ constraint public.t.k"}),
    "validated": (
        TABLE + "alter table t add constraint k check (b > 0) not valid",
        "alter table t validate constraint k",
        {"constraint public.t.k: definition"},
    ),
    "deferrable": (
        TABLE + "alter table t add constraint k unique (b)",
        "alter table t drop constraint k, add constraint k unique (b) deferrable",
        {"constraint public.t.k: definition"},
    ),
    "foreign key": (
        TABLE + "create table u (t int references t)",
        "alter table u drop constraint u_t_fkey, add foreign key (t) references t on delete cascade",
        {"constraint public.u.u_t_fkey: definition"},
    ),
    "exclusion": (
        "create table t (a int4range, constraint k exclude using gist (a with &&))",
        "alter table t drop constraint k",
        {"- constraint public.t.k"},
    ),
    "index added": (TABLE, "create index i on t (a)", {"+ index public.i"}),
    "index's predicate": (
        TABLE + "create index i on t (a) where b > 0",
        "drop index i; create index i on t (a) where b > 1",
        {"index public.i: definition"},
    ),
    "index invalid": (
        TABLE + "create index i on t (a)",
        "update pg_index set indisvalid = false where indexrelid = 'i'::regclass",
        {"index public.i: valid"},
    ),
    "key's index invalid": (
        TABLE,
        "update pg_index set indisvalid = false where indexrelid = 't_pkey'::regclass",
        {"+ index public.t_pkey"},
    ),
    "clustered": (TABLE + "create index i on t (a)", "alter table t cluster on i", {"index public.i: clustered"}),
    "clustered by its key": (TABLE, "alter table t cluster on t_pkey", {"constraint public.t.t_pkey: clustered"}),
    "view": ("create view v as select 1 a", "create or replace view v as select 2 a", {"view public.v: definition"}),
    "view's options": (
        "create view v as select 1 a",
        "alter view v set (security_barrier)",
        {"view public.v: options"},
    ),
    "view's default": (
        TABLE + "create view v as table t",
        "alter view v alter a set default 'x'",
        {"+ column public.v.a"},
    ),
    "materialized view": (
        "create materialized view v as select 1 a",
        "drop materialized view v; create materialized view v as select 2 a",
        {"materialized view public.v: definition"},
    ),
    "not filled": (
        "create materialized view v as select 1 a",
        "refresh materialized view v with no data",
        {"materialized view public.v: populated"},
    ),
    "function's body": (
        FUNCTION,
        "create or replace function f(a int) returns int language sql as 'select a + 1'",
        {"function public.f(integer): body"},
    ),
    "sql body": (
        "create function f() returns int begin atomic select 1; end",
        "create or replace function f() returns int begin atomic select 2; end",
        {"function public.f(): body"},
    ),
    "volatility": (FUNCTION, "alter function f stable", {"function public.f(integer): volatility"}),
    "security definer": (FUNCTION, "alter function f security definer", {"function public.f(integer): security"}),
    "function's settings": (
        FUNCTION,
        "alter function f set search_path = ''",
        {"function public.f(integer): settings"},
    ),
    "strict": (FUNCTION, "alter function f strict", {"function public.f(integer): strict"}),
    "parallel": (FUNCTION, "alter function f parallel safe", {"function public.f(integer): parallel"}),
    "cost": (FUNCTION, "alter function f cost 7", {"function public.f(integer): cost"}),
    "argument's default": (
        FUNCTION,
        "create or replace function f(a int default 3) returns int language sql as 'select a'",
        {"function public.f(integer): arguments"},
    ),
    "overload": (
        FUNCTION,
        "create function f(a text) returns int language sql as 'select 1'",
        {"+ function public.f(text)"},
    ),
    "procedure": ("", "create procedure p() language sql as 'select 1'", {"+ procedure public.p()"}),
    "aggregate": (
        "create aggregate s(int) (sfunc = int4pl, stype = int)",
        "create or replace aggregate s(int) (sfunc = int4pl, stype = int, initcond = '5')",
        {"aggregate public.s(integer): initial"},
    ),
    "trigger": (
        TABLE
        + "create trigger g before update on t for each row execute function suppress_redundant_updates_trigger()",
        "alter table t disable trigger g",
        {"trigger public.t.g: enabled"},
    ),
    "trigger's definition": (
        TABLE
        + "create trigger g before update on t for each row execute function suppress_redundant_updates_trigger()",
        "drop trigger g on t; create trigger g before update of a on t for each row "
        "execute function suppress_redundant_updates_trigger()",
        {"trigger public.t.g: definition"},
    ),
    "rule": (
        TABLE + "create rule r as on delete to t do instead nothing",
        "create or replace rule r as on delete to t do also select 1",
        {"rule public.t.r: definition"},
    ),
    "policy": (
        TABLE + "create policy p on t using (b > 0)",
        "alter policy p on t using (b > 1)",
        {"policy public.t.p: using"},
    ),
    "policy's check": (
        TABLE + "create policy p on t using (b > 0)",
        "alter policy p on t with check (b > 1)",
        {"policy public.t.p: with_check"},
    ),
    "policy's roles": (
        TABLE + "create policy p on t",
        "alter policy p on t to pg_monitor",
        {"policy public.t.p: roles"},
    ),
    "row security": (TABLE, "alter table t enable row level security", {"table public.t: row_security"}),
    "row security forced": (
        TABLE + "alter table t enable row level security",
        "alter table t force row level security",
        {"table public.t: row_security"},
    ),
    "grant": (TABLE, "grant select on t to pg_monitor", {"+ grant table public.t to pg_monitor"}),
    "grant widened": (
        TABLE + "grant select on t to pg_monitor",
        "grant insert on t to pg_monitor",
        {"grant table public.t to pg_monitor: privileges"},
    ),
    "grant option": (
        TABLE + "grant select on t to pg_monitor",
        "grant select on t to pg_monitor with grant option",
        {"grant table public.t to pg_monitor: privileges"},
    ),
    "column's grant": (TABLE, "grant select (a) on t to public", {"+ grant column public.t.a to PUBLIC"}),
    "function's grant": (
        FUNCTION,
        "revoke execute on function f from public",
        {"+ grant function public.f(integer) to PUBLIC"},
    ),
    "schema's grant": ("create schema s", "grant usage on schema s to public", {"+ grant schema s to PUBLIC"}),
    "sequence's grant": (
        "create sequence q",
        "grant usage on sequence q to public",
        {"+ grant sequence public.q to PUBLIC"},
    ),
    "type's grant": (
        "create type e as enum ('a')",
        "revoke usage on type e from public",
        {"+ grant type public.e to PUBLIC"},
    ),
    "owner's own privilege": (TABLE, "revoke delete on t from current_user", {"+ grant table public.t to postgres"}),
    "default privileges": (
        "",
        "alter default privileges in schema public grant select on tables to pg_monitor",
        {"+ default privileges of postgres in public on tables to pg_monitor"},
    ),
    "sequence": ("create sequence q", "alter sequence q increment 5", {"sequence public.q: increment"}),
    "sequence's cycle": ("create sequence q", "alter sequence q cycle", {"sequence public.q: cycle"}),
    "sequence's column": (
        TABLE + "create sequence q",
        "alter sequence q owned by t.id",
        {"sequence public.q: owned_by"},
    ),
    "enum": ("create type e as enum ('a', 'c')", "alter type e add value 'b' before 'c'", {"enum public.e: labels"}),
    "domain's check": (
        "create domain d as int",
        "alter domain d add constraint k check (value > 0)",
        {"+ constraint public.d.k"},
    ),
    "domain's default": ("create domain d as int", "alter domain d set default 3", {"domain public.d: default"}),
    "domain's not null": ("create domain d as int", "alter domain d set not null", {"domain public.d: not_null"}),
    "composite type": (
        "create type c as (a int)",
        "alter type c add attribute b text",
        {"composite type public.c: fields"},
    ),
    "range type": (
        "create type r as range (subtype = int)",
        "drop type r; create type r as range (subtype = bigint)",
        {"range type public.r: subtype"},
    ),
    "cast": (
        "create type c as (a int)",
        "create cast (c as text) with inout as assignment",
        {"+ cast public.c as text"},
    ),
    "operator": (
        "create operator === (leftarg = int, rightarg = int, function = int4eq)",
        "alter operator === (int, int) set (restrict = eqsel)",
        {"operator public.===(integer,integer): restrict"},
    ),
    "operator class": (
        "",
        "create operator class c for type int using hash as operator 1 =, function 1 hashint4(int)",
        {"+ operator class public.c using hash"},
    ),
    "comment": (TABLE, "comment on table t is 'x'", {"table public.t: comment"}),
    "column's comment": (TABLE, "comment on column t.a is 'x'", {"column public.t.a: comment"}),
    "function's comment": (
        FUNCTION,
        "comment on function f is 'x'",
        {"function public.f(integer): comment"},
    ),
    "constraint's comment": (
        TABLE,
        "comment on constraint t_pkey on t is 'x'",
        {"constraint public.t.t_pkey: comment"},
    ),
    "partition's bound": (
        "create table t (a int) partition by range (a); create table p partition of t for values from (1) to (5)",
        "alter table t detach partition p; alter table t attach partition p for values from (1) to (9)",
        {"table public.p: partition_bound"},
    ),
    "partition's key": (
        "create table t (a int, b int) partition by range (a)",
        "drop table t; create table t (a int, b int) partition by range (b)",
        {"table public.t: partition_key"},
    ),
    "inheritance": (
        "create table t (a int); create table u (a int)",
        "alter table u inherit t",
        {"table public.u: inherits", "column public.u.a: inherited"},
    ),
    "event trigger": (
        "create function e() returns event_trigger language plpgsql as 'begin end';"
        "create event trigger et on ddl_command_end execute function e()",
        "alter event trigger et disable",
        {"event trigger et: enabled"},
    ),
    "publication": (
        TABLE + "create publication p for table t",
        "alter publication p set (publish = 'insert')",
        {"publication p: publishes"},
    ),
    "publication's tables": (
        TABLE + "create table u (a int); create publication p for table t",
        "alter publication p add table u",
        {"publication p: tables"},
    ),
    "statistics": (
        TABLE + "create statistics s on a, b from t",
        "drop statistics s; create statistics s (dependencies) on a, b from t",
        {"statistics public.s: definition"},
    ),
    "foreign server": (
        "create foreign data wrapper w; create server s foreign data wrapper w options (host 'a')",
        "alter server s options (set host 'b')",
        {"foreign server s: options"},
    ),
    "foreign table": (
        "create foreign data wrapper w; create server s foreign data wrapper w; "
        "create foreign table t (a int) server s",
        "alter foreign table t options (add x 'y')",
        {"foreign table public.t: server_options"},
    ),
    "user mapping": (
        "create foreign data wrapper w; create server s foreign data wrapper w",
        "create user mapping for public server s options (password 'hunter2')",
        {"+ user mapping public on s"},
    ),
    "collation object": (
        "",
        "create collation c (provider = libc, locale = 'C')",
        {"+ collation public.c"},
    ),
    "text search": (
        "create text search configuration c (copy = english)",
        "alter text search configuration c drop mapping for word",
        {"text search configuration public.c: mappings"},
    ),
    "text search dictionary": (
        "create text search dictionary d (template = simple)",
        "alter text search dictionary d (accept = false)",
        {"text search dictionary public.d: options"},
    ),
    "language": (
        "",
        "create language l handler plpgsql_call_handler",
        {"+ language l"},
    ),
}
"""By what is changed."""

CHANGES_NOTHING: dict[str, tuple[str, str]] = {
    "a column that was dropped and added again": (TABLE, "alter table t drop a; alter table t add a text"),
    "a gap where a column was": (TABLE, "alter table t add gone int; alter table t drop gone"),
    "another order of creation": (
        "create table a (x int); create table b (x int)",
        "drop table a, b; create table b (x int); create table a (x int)",
    ),
    "rows": (TABLE, "insert into t values (1, 'x', 1); analyze t"),
    "a grant of what everybody has": (FUNCTION, "grant execute on function f to public"),
    "a grant taken back": (TABLE, "grant select on t to pg_monitor; revoke select on t from pg_monitor"),
    "a privilege of the owner, granted": (TABLE, "grant all on t to current_user"),
    "a temporary table": ("", "create temp table x (a int primary key)"),
    "a schema of ctgitops": ("", "create schema ctgitops; create table ctgitops.ledger (id int)"),
    "where a sequence stands": ("create sequence q", "select nextval('q')"),
    "another search path": (
        TABLE + "create view v as select a from t",
        "do $$ begin execute format('alter database %I set search_path = pg_catalog', current_database()); end $$",
    ),
}
"""By what is done: the schema stays the same."""
