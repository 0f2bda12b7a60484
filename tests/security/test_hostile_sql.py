"""Unreviewed SQL in the sandbox reaches nothing outside it: no file, no program, no secret."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ctgitops.core.plan.plan import Direction, Step
from ctgitops.core.schema.source_database import Role, SourceDatabase
from ctgitops.errors import ApplyError
from ctgitops.postgres.catalog.source_database import original_at
from ctgitops.postgres.connection.connect import Address
from ctgitops.postgres.connection.names import ADMIN
from ctgitops.postgres.server.limits import Limits
from ctgitops.postgres.shadow.sandbox import SandboxDatabases, sandbox_server
from ctgitops.postgres.shadow.sandbox_databases import SandboxShadow
from ctgitops.postgres.shadow.sandbox_server import SandboxServer
from ctgitops.postgres.shadow.trial import NoObserver
from ctgitops.sql.script import Script
from tests.servers import borrowable, fetch, programs_for_tests, run, session

# Who applies migrations may do everything in the real database: the worst case
ORIGINAL = SourceDatabase(
    "postgres", programs_for_tests().major, roles=(Role("postgres", superuser=True), Role("reader"))
)


def step(sql: str, number: int = 1) -> Step:
    name = f"{number:03}_hostile"
    return Step(Direction.APPLY, number, name, None, "", Script(sql, f"migrations/{name}.sql"))


@pytest.fixture(scope="module", params=["ours", pytest.param("borrowed", marks=pytest.mark.slow)])
def sandbox(request: pytest.FixtureRequest) -> Iterator[SandboxDatabases]:
    """A server of our own, and one that others own, such as a service container."""
    if request.param == "ours":
        with sandbox_server(ORIGINAL) as made:
            yield made
        return
    with borrowable() as server, sandbox_server(ORIGINAL, external=server.address()) as made:
        yield made


@pytest.fixture(scope="module")
def ours() -> Iterator[SandboxServer]:
    with sandbox_server(ORIGINAL) as made:
        assert isinstance(made.server, SandboxServer)
        yield made.server


@pytest.fixture
def shadow(sandbox: SandboxDatabases) -> SandboxShadow:
    return sandbox.shadow(sandbox.named("shadow"), NoObserver())


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder that everybody may write to, with a file that everybody may read."""
    folder = Path(tempfile.mkdtemp(prefix="t", dir="/tmp"))
    folder.chmod(0o777)
    (folder / "secret").write_text("the secret")
    (folder / "secret").chmod(0o644)
    yield folder
    shutil.rmtree(folder)


FILES = {
    "a program that is written to": "copy (select 1) to program 'touch {0}/made'",
    "a program that is read": "create table p (a text); copy p from program 'cat {0}/secret'",
    "a file that is written": "copy (select 1) to '{0}/made'",
    "a file that is read": "create table p (a text); copy p from '{0}/secret'",
    "pg_read_file": "do $$ begin raise exception '%', pg_read_file('{0}/secret'); end $$",
    "pg_read_binary_file": "select pg_read_binary_file('{0}/secret')",
    "pg_ls_dir": "select pg_ls_dir('{0}')",
    "pg_stat_file": "select pg_stat_file('{0}/secret')",
    "a large object from a file": "select lo_import('{0}/secret')",
    "a large object into a file": "select lo_export(lo_from_bytea(0, 'x'), '{0}/made')",
    "a library": "load '{0}/secret'",
    "a function of C": "create function f() returns int language c as '{0}/secret', 'f'",
    "a function of the server itself": "create function f(text) returns text language internal as 'pg_read_file_all'",
    "a tablespace": "-- ctgitops: no transaction\ncreate tablespace t location '{0}'",
    "its configuration": "-- ctgitops: no transaction\nalter system set log_directory = '{0}'",
    "where it logs": "set log_min_messages = debug5; set log_statement = 'all'",
    "a role that reads files": "grant pg_read_server_files to current_user",
    "a role that runs programs": "create role x; grant pg_execute_server_program to x; set role x; "
    "copy (select 1) to program 'touch {0}/made'",
}


@pytest.mark.parametrize("sql", FILES.values(), ids=FILES.keys())
def test_no_file_and_no_program_is_reached(shadow: SandboxShadow, outside: Path, sql: str) -> None:
    with pytest.raises(ApplyError) as caught:
        shadow.apply((step(sql.format(outside)),))
    assert "the secret" not in caught.value.what + caught.value.detail
    assert [path.name for path in outside.iterdir()] == ["secret"]


POWERS = {
    "a superuser by itself": "alter role current_user superuser",
    "a superuser by another": "create role x superuser",
    "a superuser by the catalogue": "update pg_authid set rolsuper = true",
    "the server's superuser": f"set role {ADMIN}",
    "the server's superuser's session": f"set session authorization {ADMIN}",
    "its membership": f"grant {ADMIN} to current_user",
    "a copy of the server": "alter role current_user replication",
    "another database": "-- ctgitops: no transaction\ncreate database x",
    "the catalogue": "create function pg_catalog.lower(text) returns text language sql as 'select $1'",
    "an event trigger": "create function e() returns event_trigger language plpgsql as 'begin end'; "
    "create event trigger e on ddl_command_end execute function e()",
    "an untrusted language": "create extension plpython3u",
    "files as tables": "create extension file_fdw",
    "other servers": "create extension dblink",
    "other servers as tables": "create extension postgres_fdw",
    "a subscription": "-- ctgitops: no transaction\ncreate subscription s connection 'host=127.0.0.1' publication p",
    "more temporary files": "set temp_file_limit = -1",
    "a library for every session": "alter role current_user set session_preload_libraries = 'x'",
    "orders to psql": "select 1; \\! touch /tmp/x",
}


@pytest.mark.parametrize("sql", POWERS.values(), ids=POWERS.keys())
def test_no_power_beyond_the_database_is_had(sandbox: SandboxDatabases, shadow: SandboxShadow, sql: str) -> None:
    with pytest.raises((ApplyError, Exception)) as caught:
        shadow.apply((step(sql),))
    assert "ApplyError" in type(caught.value).__name__ or "SqlSyntaxError" in type(caught.value).__name__
    admin = sandbox.server.url(sandbox.named("shadow"))
    assert fetch(admin, "select rolname from pg_roles where rolsuper") == [(ADMIN,)]
    reach = "select lanname from pg_language where not lanpltrusted and lanname not in ('c', 'internal')"
    assert fetch(admin, reach) == []


def test_what_the_superuser_must_not_meet_is_not_met(sandbox: SandboxDatabases) -> None:
    """What runs when somebody else looks: functions of views, indexes, defaults and operators, and the search path."""
    with sandbox.another() as shadow:
        shadow.apply(
            (
                step(
                    "create function public.told() returns text language plpgsql as $$ begin "
                    "execute 'alter role postgres superuser'; return current_user; exception when others then "
                    "return current_user; end $$;"
                    "create table public.pg_class (a text default public.told());"
                    "create view public.v as select public.told();"
                    "create function public.evil(text, text) returns boolean language plpgsql as "
                    "$$ begin perform public.told(); return true; end $$;"
                    "create operator public.= (leftarg = text, rightarg = text, function = public.evil);"
                    "create operator public.<> (leftarg = text, rightarg = text, function = public.evil);"
                    "do $$ begin execute format('alter database %I set search_path = public', current_catalog); end $$;"
                    "alter role postgres set search_path = public, pg_catalog;",
                ),
            )
        )
        shadow.snapshot()
        assert fetch(sandbox.server.url(), "select rolsuper from pg_roles where rolname = 'postgres'") == [(False,)]


def test_an_extension_is_not_made_where_a_migration_could_have_put_a_trap(sandbox: SandboxDatabases) -> None:
    trap = "create function public.lower(text) returns text language sql as 'select $1';"
    with sandbox.another() as shadow, pytest.raises(ApplyError) as caught:
        shadow.apply((step(f"{trap} create extension pg_stat_statements;"),))
    assert "use an object of these migrations: lower in schema public" in caught.value.what


def test_an_extension_that_is_on_the_list_is_made_between_the_statements_of_its_file(sandbox: SandboxDatabases) -> None:
    file = (
        "-- why\ncreate schema stats;\ncreate extension pg_stat_statements schema stats;\n"
        "create view stats.slow as select query from stats.pg_stat_statements;\n\nselect nonsense();"
    )
    with sandbox.another() as shadow:
        with pytest.raises(ApplyError) as caught:
            shadow.apply((step(file),))
        assert str(caught.value.place) == "migrations/001_hostile.sql:6:8"
        url = sandbox.server.url(shadow.database)
        assert fetch(url, "select extname from pg_extension where extname <> 'plpgsql'") == [("pg_stat_statements",)]
        assert fetch(url, "select rolsuper from pg_roles where rolname = 'postgres'") == [(False,)]


def test_a_trusted_extension_is_made_by_the_migration_itself(sandbox: SandboxDatabases) -> None:
    with sandbox.another() as shadow:
        shadow.apply((step("create extension pg_trgm; create extension if not exists citext;"),))
        assert {"pg_trgm", "citext"} <= shadow.snapshot().extensions.keys()


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("do $$ begin loop begin perform pg_sleep(1); exception when query_canceled then null; end; end loop; end $$",
         "it took longer than 3 seconds"),
        ("create table t as select repeat('x', 1000) from generate_series(1, 100000000)", "File too large"),
        ("do $$ begin for i in 1..1000 loop execute format('create table t%s as select repeat(''x'', 1000) "
         "from generate_series(1, 20000)', i); end loop; end $$", "it wrote more than 150 MB"),
        ("select count(*) from (select generate_series(1, 100000000) a order by a desc) b", "File too large"),
        ("select array_agg(repeat('x', 1000000) || a) from generate_series(1, 5000) a", "memory"),
        ("with recursive r(a) as (select 1 union all select a + 1 from r) select count(*) from r",
         "than 3|temporary|File too large"),
        ("set statement_timeout = 0; select pg_sleep(1000)", "it took longer than 3 seconds"),
    ],
)  # fmt: skip
@pytest.mark.slow
def test_it_ends_when_it_takes_too_much(sql: str, said: str) -> None:
    limits = Limits(seconds=3 if "3" in said else 60, disk=150 << 20, file=64 << 20, memory=1 << 30)
    with sandbox_server(ORIGINAL, limits=limits) as sandbox:
        shadow = sandbox.shadow(sandbox.named("shadow"), NoObserver())
        with pytest.raises(ApplyError, match=said):
            shadow.apply((step(sql),))
    assert isinstance(sandbox.server, SandboxServer)
    assert not sandbox.server.folder.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("set statement_timeout = 0; select pg_sleep(1000)", "it took longer than 3 seconds"),
        ("do $$ begin for i in 1..1000 loop execute format('create table t%s as select repeat(''x'', 1000) "
         "from generate_series(1, 20000)', i); end loop; end $$", "it wrote more than 150 MB"),
    ],
)  # fmt: skip
def test_it_ends_elsewhere_too_and_leaves_nothing(sql: str, said: str) -> None:
    limits = Limits(seconds=3 if "3" in said else 60, disk=150 << 20)
    with borrowable() as server:
        with sandbox_server(ORIGINAL, limits=limits, external=server.address()) as sandbox:
            shadow = sandbox.shadow(sandbox.named("shadow"), NoObserver())
            with pytest.raises(ApplyError, match=said):
                shadow.apply((step(sql),))
        left = "select (select count(*) from pg_database), count(*) from pg_roles where rolname !~ '^pg_'"
        assert fetch(server.url(), left) == [(3, 1)]


def test_no_variable_of_ours_is_in_its_environment(ours: SandboxServer) -> None:
    environment = Path(f"/proc/{ours.process_id}/environ").read_bytes().split(b"\0")
    names = {entry.split(b"=")[0].decode() for entry in environment if entry}
    assert names <= {"PATH", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "PWD", "SHLVL", "_"}


def test_the_superuser_s_sessions_are_not_its_to_end(sandbox: SandboxDatabases, shadow: SandboxShadow) -> None:
    with session(sandbox.server.url()) as admin:
        with pytest.raises(ApplyError, match=r"permission denied|must be a"):
            shadow.apply((step(f"select pg_terminate_backend({admin.info.backend_pid})"),))
        assert admin.execute("select 1").fetchall() == [(1,)]


def test_nobody_is_listened_to(ours: SandboxServer) -> None:
    assert fetch(ours.url(), "show listen_addresses") == [("",)]
    assert (ours.folder / "s").stat().st_mode & 0o777 == 0o700


REACHES = (
    "create extension dblink with schema public; create extension postgres_fdw with schema public;"
    "create server s foreign data wrapper postgres_fdw; grant usage on foreign server s to public;"
)


def test_what_extensions_of_the_real_database_could_reach_is_taken_from_them() -> None:
    original = replace(ORIGINAL, schema=REACHES, extensions={"dblink": "1.2", "postgres_fdw": "1.1"})
    with sandbox_server(original) as sandbox, sandbox.another(sandbox.named("original")) as shadow:
        for sql, said in (
            ("select dblink_connect('host=127.0.0.1 password=x')", "permission denied for function dblink_connect"),
            ("grant execute on function dblink_connect(text) to current_user", "permission denied|no privileges"),
            ("create foreign table t (a int) server s; select * from t", "has no handler|permission denied"),
        ):
            with pytest.raises(ApplyError, match=said):
                shadow.apply((step(sql),))


def test_no_login_of_a_user_mapping_leaves_the_real_database(database_url: str) -> None:
    if not fetch(database_url, "select from pg_available_extensions where name = 'postgres_fdw'"):
        pytest.skip("this server has no postgres_fdw")
    run(
        database_url,
        "create extension postgres_fdw; create server s foreign data wrapper postgres_fdw options (host 'h');"
        "create user mapping for current_user server s options (user 'u', password 'it''s (a) secret;');",
    )
    schema = original_at(Address(database_url, "here")).schema
    assert "secret" not in schema
    assert re.search(r"CREATE USER MAPPING FOR .* SERVER s;", schema)
    assert "host 'h'" in schema


def test_no_secret_option_of_a_foreign_object_leaves_the_real_database(database_url: str) -> None:
    run(
        database_url,
        "create foreign data wrapper w options (password 'secret0');"
        "create server s type 'it''s' foreign data wrapper w options (host 'h', api_key 'secret1', sa_key 'secret2', "
        "conn_string 'tcp://u:secret3@h');"
        "create foreign table t (a int options (token 'secret4', column_name 'b')) server s "
        "options (api_key 'secret5', table_name 'u');",
    )
    schema = original_at(Address(database_url, "here")).schema
    assert "secret" not in schema
    for kept in ("host 'h'", "column_name 'b'", "table_name 'u'", "TYPE 'it''s'"):
        assert kept in schema
