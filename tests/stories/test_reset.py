"""`reset` drops a disposable database and builds it again; everything else it refuses, before it changes anything."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import fetch, fresh_database, quickly, run
from tests.stories.house import (
    CODE,
    House,
    Run,
    as_role,
    database_of,
    facts,
    has,
    marks,
    ours,
    runs,
    transaction,
    until,
)

WHO = ("-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "init.defaultBranch=main")
DISPOSABLE = "disposable: true\n"
ONE = "create table one (id int primary key); insert into one values (1);"
OTHERS = """
create schema auth authorization platform;
create table auth.users (id int primary key);
insert into auth.users values (7);
alter table auth.users owner to platform;
create function auth.uid() returns int language sql as 'select 7';
alter function auth.uid() owner to platform;
"""


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *WHO, *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(house: House) -> None:
    git(house.root, "add", "-A")
    git(house.root, "commit", "-qm", "x")


def reset(house: House, url: str, *more: str, environ: dict[str, str] | None = None) -> Run:
    return house.run("reset", "--env", "development", "--database", database_of(url), *more, environ=environ)


def rows_of(url: str, table: str) -> list[object]:
    return [row[0] for row in fetch(url, f"select id from {table} order by id")]


@pytest.fixture
def home(tmp_path: Path, database_url: str) -> House:
    """A repository on main whose one environment is disposable; two migrations and a seed file are applied."""
    made = House(tmp_path / "repository")
    made.policy("header: optional\n")
    made.environment("development", database_url, DISPOSABLE)
    made.migration("001_one", ONE)
    made.migration("002_two", "create table two (id int primary key);")
    made.write("seeds/development/001_two.sql", "insert into two values (2);\n")
    git(made.root, "init", "-q")
    commit(made)
    done = made.run("apply", "--env", "development")
    assert done.status == 0, done.said
    run(database_url, "insert into one values (99); create table by_hand (id int)")
    return made


def test_it_drops_everything_and_applies_everything(home: House, database_url: str) -> None:
    ledger_id = fetch(database_url, "select ledger_id from ctgitops.home")
    done = reset(home, database_url)
    assert done.status == 0, done.said
    assert "dropped 3 objects of development" in done.words
    assert (rows_of(database_url, "one"), rows_of(database_url, "two")) == ([1], [2])
    assert not has(database_url, "by_hand")
    assert marks(database_url) == ["001_one applied", "002_two applied", "seeds/development/001_two.sql applied"]
    assert fetch(database_url, "select ledger_id from ctgitops.home") == ledger_id, "the pin of a manifest stays valid"
    assert home.run("verify", "--env", "development").status == 0
    with pytest.raises(Exception, match="append-only"):
        run(database_url, "delete from ctgitops.ledger")
    again = home.run("apply", "--env", "development")
    assert (again.status, "up to date" in again.words) == (0, True), again.said


@pytest.mark.slow
def test_a_changed_migration_is_applied_as_it_is_now(home: House, database_url: str) -> None:
    home.migration("001_one", ONE + " create index on one (id);")
    assert home.run("apply", "--env", "development").status == 4, "an applied file was changed"
    assert reset(home, database_url).status == 0


def refused(home: House, url: str, words: str, status: int = 2, environ: dict[str, str] | None = None) -> None:
    before, entries = facts(url), marks(url)
    done = reset(home, url, environ=environ)
    assert (done.status, words in done.words) == (status, True), done.said
    assert (facts(url), marks(url)) == (before, entries), "nothing was changed"


def on_a_branch_only(home: House, url: str) -> str:
    home.environment("development", url, "")
    commit(home)
    git(home.root, "switch", "-qc", "feature")
    home.environment("development", url, DISPOSABLE)
    commit(home)
    return "development is not disposable on main"


def taken_back_here(home: House, url: str) -> str:
    home.environment("development", url, "")
    return "development is not disposable in this checkout"


def with_another_secret(home: House, url: str) -> str:
    text = (home.root / "environments/development.yaml").read_text()
    home.write("environments/development.yaml", text.replace("DEVELOPMENT_DATABASE_URL", "OTHER_URL"))
    home.secrets["OTHER_URL"] = url
    return "`database` in environments/development.yaml differs from main"


def not_on_the_default_branch(home: House, _url: str) -> str:
    git(home.root, "rm", "-q", "--cached", "environments/development.yaml")
    git(home.root, "commit", "-qm", "x")
    return "main has no environment `development`"


def named_in_after(home: House, _url: str) -> str:
    home.environment("production", None, "after: development\n")
    commit(home)
    return "the manifests of main are not valid: environments/production.yaml"


def named_in_after_here(home: House, _url: str) -> str:
    home.environment("production", None, "after: development\n")
    return "production is `after: development`"


def with_an_unreadable_neighbour(home: House, _url: str) -> str:
    home.write("environments/production.yaml", "environment: production\nafter: [\n")
    commit(home)
    return "the manifests of main are not valid: environments/production.yaml"


def with_a_neighbour_in_its_database(home: House, _url: str) -> str:
    home.write("environments/qa.yaml", "environment: qa\ndatabase:\n  url: ${DEVELOPMENT_DATABASE_URL}\n")
    return "development and qa have the same database: DEVELOPMENT_DATABASE_URL"


def contradicted(home: House, url: str) -> str:
    home.environment("development", url, f"{DISPOSABLE}backup: {{to: backups}}\n")
    commit(home)
    return "`disposable: true` excludes `backup`"


def without_default_branch(home: House, _url: str) -> str:
    git(home.root, "branch", "-m", "main", "trunk")
    return "git does not know the default branch"


@pytest.mark.parametrize(
    "change",
    quickly(
        [
            on_a_branch_only,
            taken_back_here,
            with_another_secret,
            not_on_the_default_branch,
            named_in_after,
            named_in_after_here,
            with_an_unreadable_neighbour,
            with_a_neighbour_in_its_database,
            contradicted,
            without_default_branch,
        ],
        alone={on_a_branch_only, with_another_secret, named_in_after, contradicted},
    ),
)
def test_without_permission_nothing_is_changed(
    home: House, database_url: str, change: Callable[[House, str], str]
) -> None:
    refused(home, database_url, change(home, database_url))


@pytest.mark.parametrize("broken", quickly(["no git", "objects", "no repository"]))
def test_an_unreadable_git_is_an_error(home: House, database_url: str, broken: str) -> None:
    environ = {}
    if broken == "no git":
        environ["PATH"] = str(home.root)
    elif broken == "objects":
        blob = git(home.root, "rev-parse", "main:environments/development.yaml")
        (home.root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    else:
        (home.root / ".git").rename(home.root / "git")
    refused(home, database_url, "git cannot determine which manifests the default branch has", 3, environ)


def test_a_pull_request_may_not_reset(home: House, database_url: str) -> None:
    for event in ("pull_request", "pull_request_target", "pull_request_review", "issue_comment", "merge_group"):
        environ = {"GITHUB_EVENT_NAME": event, "GITHUB_REF": "refs/heads/main"}
        refused(home, database_url, f"a run for a pull request ({event})", environ=environ)
    refused(home, database_url, "a run for a pull request", environ={"GITHUB_REF": "refs/pull/7/merge"})


def test_a_run_by_hand_on_github_may(home: House, database_url: str) -> None:
    environ = {"GITHUB_EVENT_NAME": "workflow_dispatch", "GITHUB_REF": "refs/heads/main"}
    assert reset(home, database_url, environ=environ).status == 0


def test_the_remote_decides_not_the_local_branch(home: House, database_url: str, tmp_path: Path) -> None:
    git(home.root, "clone", "-q", "--bare", ".", str(tmp_path / "origin"))
    git(home.root, "remote", "add", "origin", str(tmp_path / "origin"))
    git(home.root, "fetch", "-q", "origin")
    assert reset(home, database_url).status == 0
    home.environment("development", database_url, "")
    commit(home)
    git(home.root, "push", "-q", "origin", "main")
    home.environment("development", database_url, DISPOSABLE)
    commit(home)
    refused(home, database_url, "development is not disposable on origin/main")


def test_the_name_of_the_database_must_be_typed(home: House, database_url: str) -> None:
    before = facts(database_url)
    name = database_of(database_url)
    for typed in ("development", "", name.upper(), f"{name} "):
        done = home.run("reset", "--env", "development", "--database", typed)
        assert (done.status, "is not the name of the database of development" in done.words) == (2, True), done.said
    done = home.run("reset", "--env", "development")
    assert (done.status, "confirm with `--database NAME`" in done.words) == (2, True), done.said
    assert facts(database_url) == before


@pytest.mark.parametrize("right", [True, False])
def test_a_terminal_asks_for_the_name(home: House, database_url: str, *, right: bool) -> None:
    master, slave = pty.openpty()
    environ = {**os.environ, "PYTHONPATH": str(CODE), **home.secrets}
    process = subprocess.Popen(
        [sys.executable, "-m", "ctgitops", "reset", "--env", "development"],
        cwd=home.root,
        env=environ,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    heard = _heard(master, b"Type the name of the database: ")
    assert b"\x1b" not in heard, "no live display runs yet, which would overwrite what is typed"
    os.write(master, (database_of(database_url) if right else "production").encode() + b"\n")
    heard += _heard(master, None)
    assert process.wait(60) == (0 if right else 2), heard.decode()
    assert has(database_url, "by_hand") is not right


def _heard(master: int, text: bytes | None) -> bytes:
    heard, deadline = b"", time.monotonic() + 60
    while (text is None or text not in heard) and time.monotonic() < deadline:
        if select.select([master], [], [], 1)[0]:
            try:
                more = os.read(master, 65536)
            except OSError:  # the other end is closed
                break
            heard += more
    return heard


@pytest.mark.slow
def test_another_environments_database_is_refused(home: House, server: LocalServer) -> None:
    production = fresh_database(server)
    home.environment("production", production)
    commit(home)
    assert home.run("apply", "--env", "production").status == 0
    home.secrets["DEVELOPMENT_DATABASE_URL"] = production
    refused(home, production, "connects to the database of production", 4)


def test_files_that_cannot_be_applied_are_found_before_the_drop(home: House, database_url: str) -> None:
    home.migration("003_three", "create tabel three ();")
    refused(home, database_url, "syntax", 3)


@pytest.fixture
def tenant(home: House, server: LocalServer) -> str:
    """The database of a platform, where migrations run as a role that owns a part; returns that role's URL."""
    fresh = fresh_database(server)
    role = f"tenant_{database_of(fresh)}"
    platform = OTHERS.replace("platform", f"platform_{database_of(fresh)}")
    run(
        fresh,
        f"""
        create role {role} login;
        create role platform_{database_of(fresh)};
        grant create on database {database_of(fresh)} to {role};
        grant usage, create on schema public to {role};
        {platform}
        grant usage on schema auth to {role};
        grant references, trigger, select on auth.users to {role};
        create extension pg_trgm;
        alter default privileges for role {role} in schema public grant select on tables to public;
        """,
    )
    url = as_role(fresh, role)
    home.secrets["DEVELOPMENT_DATABASE_URL"] = url
    return url


EVERY_KIND = """
create extension if not exists citext;
create schema app;
create type app.mood as enum ('well', 'ill');
create domain app.name as text check (value <> '');
create type app.pair as (a int, b app.mood);
create type app.span as range (subtype = int);
create table app.people (id int primary key generated always as identity, name app.name, mood app.mood, mail citext);
create table public."Odd ""n"" x" (id serial primary key, p app.pair, s app.span) partition by range (id);
create table public.part partition of public."Odd ""n"" x" for values from (0) to (9);
create view app.well as select * from app.people where mood = 'well';
create materialized view public.counted as select count(*) from app.people;
create sequence public.tickets;
create statistics public.both on name, mood from app.people;
create function public.twice(int) returns int language sql as 'select $1 * 2';
create procedure public.nothing() language sql as '';
create aggregate public.total(int) (sfunc = int4pl, stype = int, initcond = '0');
create function public.plus(int, int) returns int language sql immutable as 'select $1 + $2';
create operator public.%%% (leftarg = int, rightarg = int, function = public.plus);
create operator public.!!! (rightarg = int, function = public.twice);
create collation public.plain from "C";
create text search dictionary public.words (template = simple);
create text search configuration public.german (copy = simple);
create function public.on_user() returns trigger language plpgsql as 'begin return new; end';
create trigger signed_up after insert on auth.users for each row execute function public.on_user();
create publication everybody for table app.people;
select lo_create(4711);
"""


OWNED = """
select i.type, i.identity from pg_shdepend d, pg_identify_object(d.classid, d.objid, 0) i
where d.deptype = 'o' and d.refobjid = '{}'::regrole and i.identity !~ '^ctgitops' and i.type <> 'default acl'
  and d.dbid = (select oid from pg_database where datname = current_database())
"""
"""What the server itself says that a role owns. A reset keeps default privileges, which the platform has set."""


def test_it_drops_every_kind_of_object_of_its_role_and_nothing_else(home: House, tenant: str) -> None:
    before = facts(tenant)
    home.migration("001_one", EVERY_KIND)
    home.migration("002_two", "create table two (id int primary key);")
    assert home.run("apply", "--env", "development").status == 0
    applied = facts(tenant)
    run(tenant, 'create table app.more (id int); create table public."And; drop" (id int)')
    done = reset(home, tenant)
    assert done.status == 0, done.said
    assert facts(tenant) == applied
    home.remove("001_one", "002_two")
    home.migration("001_one", "select 1;")
    home.write("seeds/development/001_two.sql", "select 1;\n")
    done = reset(home, tenant)
    assert done.status == 0, done.said
    assert fetch(tenant, "select count(*) from pg_default_acl") == [(1,)]
    assert fetch(tenant, OWNED.format(f"tenant_{database_of(tenant)}")) == []
    assert facts(tenant) == before, "the platform's schema, table, rows, function and extension are as before"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("theirs", "named"),
    [
        ("create view auth.seen as select * from public.one", "view auth.seen"),
        ("alter table auth.users add mood public.mood", "table column auth.users.mood"),
        (
            "alter table auth.users add constraint known foreign key (id) references public.one not valid",
            "table constraint known on auth.users",
        ),
        ("alter table auth.users alter id set default public.fixed()", "default value for auth.users.id"),
        ("create table app.theirs (id int)", "table app.theirs"),
    ],
)
def test_an_object_of_another_role_is_never_dropped_with_them(
    home: House, tenant: str, theirs: str, named: str
) -> None:
    home.migration(
        "001_one",
        f"{ONE} create schema app; create type mood as enum ('well');"
        "create function fixed() returns int language sql as 'select 1';",
    )
    assert home.run("apply", "--env", "development").status == 0
    platform = f"platform_{database_of(tenant)}"
    admin = tenant.replace(f"tenant_{database_of(tenant)}@", "postgres@")
    run(admin, theirs)
    if "create" in theirs:
        kind, _, rest = theirs.partition(" ")[2].partition(" ")
        name = rest.split(" ")[0]
        run(admin, f"alter {kind} {name} owner to {platform}; grant select on {name} to public")
    refused(home, tenant, f"objects of other roles that depend on those to drop: {named}", 5)


@pytest.mark.parametrize("kept", [True, False])
def test_an_extension_of_the_role_stays_where_the_manifest_names_it(
    home: House, database_url: str, *, kept: bool
) -> None:
    shadow = "shadow: {extensions: [citext]}\n" if kept else ""
    home.environment("development", database_url, DISPOSABLE + shadow)
    home.migration("003_three", "create table three (mail text);")
    commit(home)
    run(database_url, "create schema tools; create extension citext schema tools; create extension hstore schema tools")
    run(database_url, "create table tools.mine (mail tools.citext)")
    done = reset(home, database_url)
    assert done.status == 0, done.said
    extensions = [row[0] for row in fetch(database_url, "select extname from pg_extension order by 1")]
    assert extensions == (["citext", "plpgsql"] if kept else ["plpgsql"])
    assert not has(database_url, "tools.mine")


@pytest.mark.slow
def test_a_superuser_drops_only_its_own_objects(home: House, database_url: str) -> None:
    name = database_of(database_url)
    run(database_url, f"create role platform_{name}; {OTHERS.replace('platform', f'platform_{name}')}")
    assert reset(home, database_url).status == 0
    assert rows_of(database_url, "auth.users") == [7]


def test_a_role_that_does_not_own_the_ledger_changes_nothing(home: House, database_url: str) -> None:
    role = f"other_{database_of(database_url)}"
    grants = f"grant usage, create on schema public to {role}; grant usage on schema ctgitops to {role};"
    tables = "ctgitops.ledger, ctgitops.format, ctgitops.progress, ctgitops.home, ctgitops.lease"
    run(database_url, f"create role {role} login; {grants} grant select, insert, update on {tables} to {role}")
    home.secrets["DEVELOPMENT_DATABASE_URL"] = as_role(database_url, role)
    refused(home, database_url, "run `reset` as the role that owns the ledger", 6)


@pytest.mark.slow
def test_a_run_of_another_holder_is_waited_for(home: House, database_url: str) -> None:
    home.migration("003_three", "select pg_sleep(600); create table three ();")
    other = home.start("apply", "--env", "development")
    until(lambda: runs(database_url, "pg_sleep"))
    before, entries = facts(database_url), marks(database_url)
    done = reset(home, database_url, "--wait", "0")
    assert (done.status, "another run holds the run lock" in done.words) == (5, True), done.said
    assert (facts(database_url), marks(database_url)) == (before, entries)
    other.ctrl_c()
    assert other.ended().status == 6


@pytest.mark.slow
def test_a_session_that_uses_a_table_is_waited_for_and_not_ended(home: House, database_url: str) -> None:
    home.environment("development", database_url, f"{DISPOSABLE}timeouts: {{lock: 50ms, retry_for: 1s}}\n")
    commit(home)
    with transaction(database_url, "select * from one"):
        before, entries = facts(database_url), marks(database_url)
        waits = reset(home, database_url)
        assert waits.status == 6
        assert "could not be dropped: canceling statement due to lock timeout" in waits.words
        assert "waiting, because backend" in waits.words
        assert waits.words.count("ctgitops test, user postgres, holds AccessShareLock on public.one") == 2, waits.said
        assert "state: nothing was changed" in waits.words
        assert (facts(database_url), marks(database_url)) == (before, entries)
    assert reset(home, database_url).status == 0


BUSY = """
select from pg_stat_activity where datname = current_database() and application_name ~ '^ctgitops/[0-9]+$'
  and state = 'active' and query_start < clock_timestamp() - interval '500 ms'
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["drop", "apply"])
@pytest.mark.parametrize("how", ["kill", "ctrl_c"])
def test_a_run_that_ends_in_the_middle_is_followed_by_another(
    home: House, database_url: str, moment: str, how: str
) -> None:
    before, entries = facts(database_url), marks(database_url)
    arguments = ("reset", "--env", "development", "--database", database_of(database_url))
    if moment == "drop":
        home.environment("development", database_url, f"{DISPOSABLE}timeouts: {{lock: 60s}}\n")
        commit(home)
        with transaction(database_url, "select * from one"):
            running = home.start(*arguments)
            until(lambda: runs(database_url, "drop table"))
            getattr(running, how)()
            ended = running.ended()
        until(lambda: not ours(database_url))
        assert (facts(database_url), marks(database_url)) == (before, entries), ended.said
        assert how == "kill" or (ended.status, "state: nothing was changed" in ended.words) == (6, True), ended.said
    else:
        home.migration("003_three", "select pg_sleep(600);")
        running = home.start(*arguments)
        until(lambda: fetch(database_url, BUSY))
        getattr(running, how)()
        ended = running.ended()
        home.remove("003_three")
        assert how == "kill" or (ended.status, "everything was dropped before" in ended.words) == (6, True), ended.said
        run(
            database_url,
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name ~ '^ctgitops'"
            " and pid <> pg_backend_pid()",
        )
    done = reset(home, database_url)
    assert done.status == 0, done.said
    assert marks(database_url) == ["001_one applied", "002_two applied", "seeds/development/001_two.sql applied"]
    assert (rows_of(database_url, "one"), rows_of(database_url, "two")) == ([1], [2])
    assert not has(database_url, "by_hand")


@pytest.mark.slow
def test_objects_that_migrations_gave_to_another_role_are_dropped_where_the_caller_names_it(
    home: House, tenant: str
) -> None:
    tenants = f"tenant_{database_of(tenant)}"
    owner = f'Owner "of" {database_of(tenant)}'
    quoted = '"' + owner.replace('"', '""') + '"'
    admin = tenant.replace(f"{tenants}@", "postgres@")
    run(
        admin,
        f"create role {quoted}; grant {quoted} to {tenants}; grant create on database {database_of(tenant)}"
        f" to {quoted}",
    )
    home.migration(
        "001_one",
        f"{ONE} create schema app authorization {quoted}; set local role {quoted};create table app.people (id int);",
    )
    assert home.run("apply", "--env", "development").status == 0
    applied = facts(tenant)
    run(tenant, "create view public.seen as select * from public.one")
    run(admin, f"alter view public.seen owner to {quoted}")
    refused(home, tenant, "if migrations made another role their owner, add `--role NAME`", 5)
    wrong = reset(home, tenant, "--role", owner.upper())
    assert (wrong.status, "check the names in `--role`" in wrong.words) == (6, True), wrong.said
    done = reset(home, tenant, "--role", owner)
    assert done.status == 0, done.said
    assert facts(tenant) == applied
