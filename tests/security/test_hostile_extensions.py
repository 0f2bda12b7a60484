"""Unreviewed SQL that tries to make the sandbox's superuser run it; `docs/shadow.md` lists each way.

The superuser acts after every attack, as in a real trial: it connects, creates an extension, and lifts limits of
connections.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ctgitops.errors import ApplyError
from ctgitops.postgres.connection.names import ADMIN
from ctgitops.postgres.shadow.extension_guard import ExtensionGuard
from ctgitops.postgres.shadow.extensions import as_admin
from ctgitops.postgres.shadow.sandbox import SandboxDatabases, sandbox_server
from ctgitops.postgres.shadow.sandbox_databases import SandboxShadow
from ctgitops.postgres.shadow.trial import NoObserver
from ctgitops.sql.extension import Extension
from tests.security.test_hostile_sql import ORIGINAL, step
from tests.servers import fetch, programs_for_tests

pytestmark = pytest.mark.slow

BODY = (
    "begin begin execute 'create role owned superuser'; raise log 'owned'; "
    "exception when others then null; end; return {}; end"
)


def trap(name: str, kind: str = "text", value: str = "$1", arguments: str = "text") -> str:
    """A function that makes a superuser if a superuser calls it, and does no harm otherwise."""
    body = BODY.format(value)
    return f"create or replace function {name}({arguments}) returns {kind} language plpgsql as $trap${body}$trap$;"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxDatabases]:
    with sandbox_server(ORIGINAL) as made:
        yield made


@pytest.fixture
def shadow(sandbox: SandboxDatabases) -> Iterator[SandboxShadow]:
    with sandbox.another() as made:
        yield made


def superusers(sandbox: SandboxDatabases) -> list[object]:
    return [name for (name,) in fetch(sandbox.server.url(), "select rolname from pg_roles where rolsuper")]


def extensions(sandbox: SandboxDatabases, shadow: SandboxShadow) -> set[object]:
    rows = fetch(sandbox.server.url(shadow.database), "select extname from pg_extension where extname <> 'plpgsql'")
    return {name for (name,) in rows}


MADE = "create schema clean; create extension pg_stat_statements schema clean; do $$ begin end $$"


def test_the_trap_works_for_a_superuser(sandbox: SandboxDatabases, shadow: SandboxShadow) -> None:
    """Without this, no other test here could fail."""
    shadow.apply((step(trap("public.lower")),))
    with as_admin(sandbox.server, shadow.database) as admin:
        admin.execute("select public.lower('x')")
        assert ADMIN in superusers(sandbox)
        assert "owned" in superusers(sandbox)
        admin.execute("drop role owned")


MEMBERS = {
    "a function that is a member of hstore": f"{trap('public.lower')} alter extension hstore add function "
    "public.lower(text)",
    "an operator that is a member of hstore": "create schema hidden;"
    f"{trap('hidden.f', 'boolean', 'true', 'text, text')}"
    "create operator public.= (leftarg = text, rightarg = text, function = hidden.f);"
    "alter extension hstore add operator public.=(text, text)",
    "an aggregate": f"create schema hidden; {trap('hidden.f', 'text', '$1', 'text, text')}"
    "create aggregate public.max(text) (sfunc = hidden.f, stype = text);"
    "alter extension hstore add aggregate public.max(text)",
    "a procedure": "create procedure public.lower(text) language sql as 'select 1';"
    "alter extension hstore add procedure public.lower(text)",
    "a function that moved here": f"create schema hidden; {trap('hidden.lower')}"
    "alter function hidden.lower(text) set schema public",
    "a function in a schema that was renamed": f"create schema hidden; {trap('hidden.lower')}"
    "alter schema public rename to former; alter schema hidden rename to public",
}


@pytest.mark.parametrize("sql", MEMBERS.values(), ids=MEMBERS.keys())
def test_an_object_of_a_migration_stays_one_whatever_it_is_a_member_of(
    sandbox: SandboxDatabases, shadow: SandboxShadow, sql: str
) -> None:
    """Seen to fail with members of extensions left out."""
    shadow.apply((step(f"create extension hstore; {sql}"),))
    with pytest.raises(ApplyError, match="its script could use an object of these migrations"):
        shadow.apply((step("create extension pg_stat_statements"),))
    assert superusers(sandbox) == [ADMIN]


def test_old_functions_that_call_a_replaced_one_are_not_used_either() -> None:
    schema = (
        "create schema hidden; create function hidden.f(text) returns text language sql as 'select $1';"
        "create function public.lower(varchar) returns text language sql as 'select hidden.f($1)';"
        "alter schema hidden owner to postgres; alter function hidden.f(text) owner to postgres;"
        "alter function public.lower(varchar) owner to postgres;"
    )
    with sandbox_server(replace(ORIGINAL, schema=schema)) as sandbox:
        shadow = sandbox.shadow(sandbox.named("shadow"), NoObserver())
        with pytest.raises(ApplyError, match="lower in schema public"):
            shadow.apply((step(f"{trap('hidden.f')} create extension pg_stat_statements;"),))


def test_the_schemas_of_required_extensions_are_judged_too(sandbox: SandboxDatabases, shadow: SandboxShadow) -> None:
    """Their schemas follow in the search path of the script, wherever a migration moved them."""
    needs_cube = Extension("earthdistance", "clean")
    with as_admin(sandbox.server, shadow.database) as admin:
        guard = ExtensionGuard(admin)
        shadow.apply((step("create schema clean; create schema geo; create extension cube schema geo"),))
        assert guard.refusal(admin, needs_cube, frozenset()) == ""
        shadow.apply((step("create table clean.spatial_ref_sys (a int)"),))
        assert "spatial_ref_sys in schema clean" in guard.refusal(admin, needs_cube, frozenset())
        shadow.apply((step(f"drop table clean.spatial_ref_sys; {trap('geo.lower')}"),))
        assert "lower in schema geo" in guard.refusal(admin, needs_cube, frozenset())


def test_cascade_creates_nothing_that_is_not_listed(sandbox: SandboxDatabases, shadow: SandboxShadow) -> None:
    with as_admin(sandbox.server, shadow.database) as admin:
        guard, asked = ExtensionGuard(admin), Extension("earthdistance", cascade=True)
        assert 'requires "cube"' in guard.refusal(admin, asked, frozenset({"earthdistance"}))
        assert guard.refusal(admin, asked, frozenset({"earthdistance", "cube"})) == ""


HARMLESS = {
    "a trusted extension in the same schema": "create extension hstore; create extension citext;"
    "create extension pg_stat_statements",
    "tables, views and types in the same schema": "create type public.mood as enum ('ok');"
    "create table public.t (id int primary key, mood public.mood); create view public.v as select * from public.t;"
    "create extension pg_stat_statements",
    "functions in another schema": f"create schema app; {trap('app.lower')} create schema clean;"
    "create extension pg_stat_statements schema clean",
}


@pytest.mark.parametrize("sql", HARMLESS.values(), ids=HARMLESS.keys())
def test_a_harmless_extension_is_created(sandbox: SandboxDatabases, shadow: SandboxShadow, sql: str) -> None:
    shadow.apply((step(sql),))
    assert "pg_stat_statements" in extensions(sandbox, shadow)
    assert superusers(sandbox) == [ADMIN]


SILENT = {
    "a cast": "create type public.mood as enum ('ok');" + trap("app.f", "public.mood", "null") +
    "create cast (text as public.mood) with function app.f(text) as implicit;",
    "a domain": trap("app.f", "boolean", "true") + "create domain app.text as text check (app.f(value))",
    "default privileges": "alter default privileges grant all on functions to public;"
    "alter default privileges grant all on tables to public;",
    "a rule, a trigger and a policy": trap("app.f") + trap("app.g", "trigger", "new", "") +
    "create table app.pg_extension (a text default app.f('x'), check (app.f(a) <> '')); "
    "create rule r as on insert to app.pg_extension do also select app.f('x');"
    "create trigger t before insert on app.pg_extension for each row execute function app.g();"
    "alter table app.pg_extension enable row level security;"
    "create policy p on app.pg_extension using (app.f('x') = 'x');",
    "an index": "create table app.t (a text);" +
    trap("app.f").replace(" language", " immutable language") +
    "create index on app.t (app.f(a)); insert into app.t values ('x');",
    "settings of the database": trap("app.lower") +
    "do $$ begin execute format('alter database %I set search_path = app', current_catalog);"
    "execute format('alter database %I set default_text_search_config = simple', current_catalog); end $$;",
    "settings of a role": trap("app.lower") +
    "do $$ begin execute format('alter role postgres in database %I set search_path = app', current_catalog); end $$;",
    "a text search configuration": "create text search configuration app.c (copy = pg_catalog.simple);"
    "create text search dictionary app.d (template = pg_catalog.simple);",
    "a conversion": "create default conversion app.c for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;",
    "a comment on an extension": "create extension hstore schema app;"
    "comment on extension hstore is 'x''; drop role x';",
    "an operator class": "create extension citext schema app; create table app.t (a app.citext primary key);",
    "large objects and parameters": "select lo_create(0); set session my.own = 'x';",
}  # fmt: skip


@pytest.mark.parametrize("sql", SILENT.values(), ids=SILENT.keys())
def test_what_a_migration_may_create_runs_for_no_superuser(
    sandbox: SandboxDatabases, shadow: SandboxShadow, sql: str
) -> None:
    """Each is allowed in a migration. The superuser then creates an extension, and the schema is read."""
    shadow.apply((step(f"create schema app; {sql}"), step(MADE, 2)))
    assert extensions(sandbox, shadow) >= {"pg_stat_statements"}
    shadow.snapshot()
    assert superusers(sandbox) == [ADMIN]


def test_a_database_cannot_give_its_sessions_another_role(sandbox: SandboxDatabases, shadow: SandboxShadow) -> None:
    """Seen to fail without `role = none` for the superuser."""
    other = "do $$ begin execute format('alter database %I set role = reader', current_catalog); end $$"
    shadow.apply((step(other),))
    with as_admin(sandbox.server, shadow.database) as admin:
        assert admin.execute("select current_user").fetchall() == [(ADMIN,)]


REFUSED = {
    "default privileges of the superuser": f"alter default privileges for role {ADMIN} "
    "grant all on functions to public",
    "a function given to the superuser": f"{trap('clean.f')} alter function clean.f(text) owner to {ADMIN}",
    "everything given to the superuser": f"reassign owned by current_user to {ADMIN}",
    "everything of the superuser": f"reassign owned by {ADMIN} to current_user",
    "a member of an extension of the superuser": f"{trap('clean.f')} alter extension pg_stat_statements add function "
    "clean.f(text)",
    "a comment on an extension of the superuser": "comment on extension pg_stat_statements is 'x'",
    "a version of an extension of the superuser": "alter extension pg_stat_statements update to '1.9'",
    "an extension of the superuser elsewhere": "alter extension pg_stat_statements set schema public",
    "a function of an extension": "alter function clean.pg_stat_statements(boolean) rename to other",
    "a rule on a catalogue": "create rule r as on insert to pg_catalog.pg_extension do also select 1",
    "a trigger on a catalogue": f"{trap('clean.g', 'trigger', 'new', '')} create trigger t before insert on "
    "pg_catalog.pg_extension for each row execute function clean.g()",
    "a rule on a view of an extension": "create rule r as on insert to clean.pg_stat_statements do instead select 1",
    "a language": "create language evil handler plpgsql_call_handler",
    "a wrapper": "create foreign data wrapper evil",
    "an access method": "create access method evil type index handler bthandler",
    "a type with functions": "create type clean.t; create function clean.i(cstring) returns clean.t "
    "language internal as 'textin'",
    "an operator class of its own": "create operator class clean.c for type text using btree as operator 1 <",
    "a parser": "create text search parser clean.p (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, "
    "lextypes = prsd_lextype)",
    "a template": "create text search template clean.t (lexize = dsimple_lexize)",
    "a dictionary of a file": "create text search dictionary clean.d (template = pg_catalog.simple, stopwords = "
    "'../../../../../etc/passwd')",
    "a thesaurus of a file": "create text search dictionary clean.d (template = pg_catalog.thesaurus, dictfile = "
    "'/etc/passwd', dictionary = pg_catalog.simple)",
    "a cast between types of PostgreSQL": f"{trap('clean.f', 'integer', '1')} create cast (text as integer) "
    "with function clean.f(text) as implicit",
    "a function of a transform": f"{trap('clean.f', 'internal', 'null', 'internal')}",
    "an event trigger": f"{trap('clean.e', 'event_trigger', '', '')} create event trigger e on "
    "ddl_command_end execute function clean.e()",
    "a security label": "security label on role postgres is 'x'",
    "a leakproof function": "create function clean.f(text) returns text leakproof language sql as 'select $1'",
    "a support function": "create function clean.f(text) returns text support text_starts_with_support language sql as "
    "'select $1'",
    "its setting for all": "alter role all set search_path = public",
    "the superuser's setting": f"alter role {ADMIN} set search_path = public",
    "a library for the server": "alter system set session_preload_libraries = 'x'",
    "a publication of everything": "create publication p for all tables",
    "an extension by a block": "do $$ begin execute 'create extension pageinspect'; end $$",
    "an extension that is not listed": "create extension pageinspect",
}  # fmt: skip


@pytest.mark.parametrize("sql", REFUSED.values(), ids=REFUSED.keys())
def test_what_would_reach_the_superuser_is_refused(sandbox: SandboxDatabases, shadow: SandboxShadow, sql: str) -> None:
    shadow.apply((step(MADE),))
    with pytest.raises(ApplyError) as caught:
        shadow.apply((step(f"{'-- ctgitops: no transaction' if 'system' in sql else ''}\n{sql}", 2),))
    assert caught.value.sqlstate[:2] in {"42", "0A", "22", "F0", "2B", "25"} or "superuser" in caught.value.what
    shadow.apply((step("do $$ begin end $$", 3),))
    assert superusers(sandbox) == [ADMIN]


EVENTS = (
    trap("public.e", "event_trigger", "", "").replace("return ;", "") + "alter function public.e() owner to postgres;"
)
HARMLESS_EVENT = (
    "create function public.e() returns event_trigger language plpgsql as 'begin end';"
    "alter function public.e() owner to postgres;"
)


@pytest.mark.parametrize("enabled", ["enable", "enable always", "enable replica"])
@pytest.mark.parametrize("event", ["ddl_command_start", "ddl_command_end", "sql_drop", "login"])
def test_no_event_trigger_of_the_real_database_fires_for_the_superuser(event: str, enabled: str) -> None:
    """A migration may replace its function. Seen to fail for `login` without `event_triggers = off`."""
    if event == "login" and programs_for_tests().major < 17:
        pytest.skip("login event triggers exist since PostgreSQL 17")
    trigger = f"create event trigger e on {event} execute function public.e(); alter event trigger e {enabled};"
    schema = HARMLESS_EVENT + trigger
    with sandbox_server(replace(ORIGINAL, schema=schema)) as sandbox:
        shadow = sandbox.shadow(sandbox.named("shadow"), NoObserver())
        shadow.apply((step(EVENTS),))
        with contextlib.suppress(ApplyError):
            shadow.apply((step(MADE, 2),))
        assert superusers(sandbox) == [ADMIN]


def test_a_function_of_a_missing_owner_does_not_run_as_the_superuser() -> None:
    """Seen to fail without another owner for what the superuser restored."""
    body = "begin execute $1; end"
    schema = (
        f"create function public.run(text) returns void security definer language plpgsql as $f${body}$f$;"
        "grant all on function public.run(text) to public; alter function public.run(text) owner to missing;"
    )
    with sandbox_server(replace(ORIGINAL, schema=schema)) as sandbox:
        shadow = sandbox.shadow(sandbox.named("shadow"), NoObserver())
        with pytest.raises(ApplyError, match=r"permission denied|superuser"):
            shadow.apply((step("select public.run('create role owned superuser')"),))
        assert superusers(sandbox) == [ADMIN]


def test_a_grant_of_the_real_database_does_not_open_an_extension_again() -> None:
    """Seen to fail with only PUBLIC's privilege revoked."""
    schema = (
        "create extension dblink schema public; grant all on function public.dblink_connect(text) to reader with grant "
        "option; set role reader; grant execute on function public.dblink_connect(text) to postgres; reset role;"
        "grant execute on function public.dblink_connect_u(text) to postgres;"
    )
    with sandbox_server(replace(ORIGINAL, schema=schema, extensions={"dblink": "1.2"})) as sandbox:
        shadow = sandbox.shadow(sandbox.named("shadow"), NoObserver())
        for function in ("dblink_connect", "dblink_connect_u"):
            with pytest.raises(ApplyError, match=f"permission denied for function {function}"):
                shadow.apply((step(f"select public.{function}('host=127.0.0.1 password=x')"),))
