"""The SQL of docs/roles.md on a real server, then every verb as each of its roles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ctgitops.core.schema.database_roles import Provider
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.report.roles import NOTES
from tests.postgres.providers import PROVIDERS
from tests.servers import base_for_servers, borrowable, fetch, programs_for_tests, programs_of, run
from tests.stories.house import House, runs, until

pytestmark = pytest.mark.slow

PAGE = (Path(__file__).parents[2] / "docs" / "roles.md").read_text(encoding="utf-8")
PAGE_SQL = [
    block
    for part in re.findall(r"<!-- generated: \w+ -->(.*?)<!-- end of generated -->", PAGE, re.DOTALL)
    for block in re.findall(r"```sql\n(.*?)```", part, re.DOTALL)
]
BEFORE = """
create table old (id int primary key); insert into old values (1);
create table secret (id int primary key); alter table secret enable row level security;
alter table old owner to legacy; alter table secret owner to legacy;
revoke all on schema public from public; grant usage on schema public to legacy;
"""
MORE = "shadow: {}\nbackup: {to: backups, verify: restore}\n"
READS = ("plan", "status", "watch", "verify", "drift", "snapshot", "diff")
WRITES = ("apply", "rollback", "baseline", "repair")
COMMANDS = {
    "plan": ("plan", "--env", "staging"),
    "status": ("status",),
    "watch": ("watch", "--env", "staging"),
    "verify": ("verify", "--env", "staging"),
    "drift": ("drift", "--env", "staging"),
    "snapshot": ("snapshot", "--env", "staging"),
    "diff": ("diff", "staging", "staging"),
    "apply": ("apply", "--env", "staging"),
    "rollback": ("rollback", "--env", "staging", "--to", "000"),
    "baseline": ("baseline", "--env", "staging", "--at", "002"),
    "repair": ("repair", "002", "--env", "staging", "--applied", "--reason", "a test"),
    "unlock": ("unlock", "--env", "staging"),
    "backup": ("backup", "--env", "staging"),
    "roles": ("roles", "--env", "staging"),
}


@pytest.fixture
def cluster() -> Iterator[LocalServer]:
    with LocalServer(programs_for_tests(), base=base_for_servers()) as server:
        run(server.url(), "create role legacy login")
        run(server.url(), "create database app")
        run(server.url("app"), BEFORE)
        yield server


def use(house: House, cluster: LocalServer, role: str) -> None:
    house.environment("staging", cluster.url("app", role), MORE)


def status_of(house: House, verb: str) -> tuple[int, str]:
    ran = house.run(*COMMANDS[verb])
    return ran.status, ran.words


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """The URL of a server for shadows: the plans of a test need not start one each."""
    with borrowable() as server:
        yield server.url()


@pytest.fixture
def paged(house: House, cluster: LocalServer, service: str) -> House:
    """A repository with one applied and one pending migration, on a server after the SQL of the page ran twice."""
    assert len(PAGE_SQL) == 3
    for block in PAGE_SQL * 2:
        run(cluster.url("app"), block)
    run(cluster.url(), "grant legacy to app_migrator")
    house.policy("header: optional\nexposed_schemas: [api]\n")
    house.migration("001_t", "create table public.t (id int primary key);", down="drop table public.t;")
    house.environment("staging", cluster.url("app", "app_migrator"))
    house.applied()
    house.migration("002_x", "alter table public.old add column x int;", down="alter table public.old drop column x;")
    house.secrets["SHADOW_DATABASE_URL"] = service
    return house


BORROWED = "shadow: {url: '${SHADOW_DATABASE_URL}'}\nbackup: {to: backups, verify: restore}\n"


@pytest.mark.parametrize("role", ["app_reader", "app_backup"])
def test_a_role_that_reads_can_run_every_verb_that_reads_and_no_other(
    paged: House, cluster: LocalServer, role: str
) -> None:
    paged.environment("staging", cluster.url("app", role), BORROWED)
    for verb in (*READS, "unlock", "roles"):
        status, said = status_of(paged, verb)
        assert (verb, status) == (verb, int(verb == "drift")), said  # the grants above are not in a migration
        assert verb != "plan" or "as app_migrator: it runs" in said, said
    for verb in WRITES:
        status, said = status_of(paged, verb)
        assert (verb, status in {3, 4}) == (verb, True), said
        assert "nothing was changed" in said, said
    status, said = status_of(paged, "backup")
    assert status == (0 if role == "app_backup" else 7), said
    assert ("bypassrls" in said) == (role == "app_reader"), said


def test_the_role_that_applies_can_run_every_verb(paged: House, cluster: LocalServer) -> None:
    paged.environment("staging", cluster.url("app", "app_migrator"), BORROWED)
    for verb in (*READS, "backup", "apply", "unlock", "roles", "rollback"):
        status, said = status_of(paged, verb)
        assert (verb, status) == (verb, int(verb == "drift")), said  # the grants above are not in a migration
    assert fetch(cluster.url("app"), "select count(*) from pg_class where relname = 't'") == [(0,)]


def test_a_plan_before_the_first_apply_runs_as_the_role_that_may_create_the_ledger(
    house: House, cluster: LocalServer
) -> None:
    for block in PAGE_SQL:
        run(cluster.url("app"), block)
    house.migration("001_t", "create table public.t (id int primary key);", down="drop table public.t;")
    use(house, cluster, "app_reader")
    looked = house.plan().words
    assert "as app_migrator: it runs" in looked, looked


def test_the_reader_stores_samples_of_the_load_and_can_write_nothing_else(house: House, cluster: LocalServer) -> None:
    url = cluster.url("samples", "app_reader")
    run(cluster.url(), "create database samples")
    script = "".join(PAGE_SQL).replace("database app ", "database samples ").replace('"app"', '"samples"')
    run(cluster.url("samples"), script)
    house.migration("001_t", "create table public.t (id int primary key);", down="drop table public.t;")
    house.environment("staging", cluster.url("samples", "app_migrator"), MORE)
    house.applied()
    house.environment("staging", url, MORE)
    refused = house.run("traffic", "--env", "staging")
    assert (refused.status, "run the SQL of `ctgitops roles --env staging` again" in refused.words) == (4, True), (
        refused.said
    )
    run(cluster.url("samples"), script)
    sampled = house.run("traffic", "--env", "staging")
    assert sampled.status == 0, sampled.said
    assert fetch(url, "select count(*) from ctgitops.traffic") == [(1,)]
    for forbidden in (
        "insert into public.t values (1)",
        "update ctgitops.lease set step = ''",
        "create table public.x ()",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(url, f"begin read write; {forbidden}")


def test_the_grants_of_the_page_are_no_drift(house: House, cluster: LocalServer) -> None:
    """A team that copies the page would have a red status every night."""
    run(cluster.url(), "create database app2")
    for block in PAGE_SQL:
        run(cluster.url("app2"), block.replace('database "app"', 'database "app2"'))
    house.migration("001_t", "create table public.t (id int primary key);", down="drop table public.t;")
    for role in ("app_migrator", "app_reader"):
        house.environment("staging", cluster.url("app2", role), MORE)
        if role == "app_migrator":
            house.applied()
        drifted = house.run(*COMMANDS["drift"])
        assert drifted.status == 0, drifted.said
    run(cluster.url("app2"), "grant create on schema public to app_reader")
    assert house.run(*COMMANDS["drift"]).status == 1, "of others, privileges are drift"


def test_a_reader_without_privileges_is_told_in_the_first_line_what_to_grant(
    house: House, cluster: LocalServer
) -> None:
    run(cluster.url("app"), PAGE_SQL[0] + "create role app_reader login; grant legacy to app_migrator")
    house.migration("001_t", "create table public.t (id int primary key);")
    use(house, cluster, "app_migrator")
    house.applied()
    house.migration("002_x", "alter table public.t add column x int;")
    run(cluster.url("app"), "grant usage on schema ctgitops to app_reader")
    run(cluster.url("app"), "grant select on all tables in schema ctgitops to app_reader")
    use(house, cluster, "app_reader")
    fix = "to try it: grant what `ctgitops roles --env staging --only plan` prints"
    first = house.plan().out.splitlines()[0]
    assert f"1 migration NOT TRIED ({fix})" in first
    assert fix.replace("`", "") in re.sub("</?code>", "", house.plan("--format", "markdown").out.splitlines()[0])
    printed = house.run("roles", "--env", "staging", "--only", "plan")
    run(cluster.url("app"), printed.out)
    assert "NOT TRIED" not in house.plan().out


SERVICES = {
    "supabase": Provider.SUPABASE,
    "rds": Provider.RDS,
    "cloud sql": Provider.CLOUD_SQL,
    "azure": Provider.AZURE,
}


@pytest.mark.parametrize("name", list(SERVICES))
def test_the_administrator_of_a_service_runs_the_sql(house: House, name: str) -> None:
    administered(house, name, LocalServer(programs_for_tests(), base=base_for_servers()))


@pytest.mark.majors
@pytest.mark.parametrize("name", list(SERVICES))
def test_the_administrator_of_a_service_runs_the_sql_on_18(house: House, name: str) -> None:
    """There, CREATEROLE is not enough to grant pg_read_all_data."""
    administered(house, name, LocalServer(programs_of(18), base=base_for_servers()))


def administered(house: House, name: str, unstarted: LocalServer) -> None:
    """Only the customer's administrator prepares the database; then one role applies, and another plans."""
    provider, database = PROVIDERS[name], PROVIDERS[name].database
    unstarted.superuser = provider.superuser
    with unstarted as server:
        for statement in filter(str.strip, provider.setup.split(";\n")):
            run(server.url(), statement)
        house.environment("staging", server.url(database, provider.role), MORE)
        house.migration(
            "001_t", "create schema t; create table t.t (id int primary key);", down="drop schema t cascade;"
        )
        printed = house.run("roles", "--env", "staging")
        assert f"Provider: {NOTES[SERVICES[name]].name}, because the role " in printed.out, printed.said
        for _ in range(2):
            run(server.url(database, provider.role), printed.out)
        house.environment("staging", server.url(database, f"{database}_migrator"), MORE)
        house.applied()
        run(server.url(database, f"{database}_migrator"), house.run("roles", "--env", "staging", "--only", "plan").out)
        house.migration("002_x", "alter table t.t add column x int;", down="alter table t.t drop column x;")
        house.environment("staging", server.url(database, f"{database}_reader"), MORE)
        looked = house.plan()
        assert f"as {database}_migrator: it runs" in looked.words, looked.said
        assert house.run("status").status == 0
        assert house.apply().status == 4


def test_another_role_sees_who_holds_the_run_lock(house: House, cluster: LocalServer) -> None:
    """It may not see when the sessions of other roles began."""
    run(cluster.url("app"), "".join(PAGE_SQL))
    house.environment("staging", cluster.url("app", "app_migrator"))
    house.migration("001_t", "create table public.t (id int primary key);")
    house.applied()
    house.migration("002_wait", "select pg_sleep(600);")
    running = house.start("apply", "--env", "staging")
    until(lambda: runs(cluster.url("app"), "pg_sleep"))
    for role in ("app_reader", "app_backup"):
        house.environment("staging", cluster.url("app", role))
        shown = house.run("unlock", "--env", "staging")
        assert (shown.status, "user app_migrator" in shown.words, "run by" in shown.words) == (0, True, True), (
            shown.said
        )
        ended = house.run("unlock", "--env", "staging", "--end-at-work")
        assert (ended.status, "held by another tool or role" in ended.words) == (5, True), ended.said
    running.terminate()
    assert running.ended().status == 6


def test_a_reader_of_the_ledger_alone_sees_the_status_and_what_it_could_not_read(
    house: House, cluster: LocalServer
) -> None:
    house.policy("header: optional\n")
    house.migration("001_t", "create schema own;")
    run(cluster.url(), "create role applies login; create role looks login; grant create on database app to applies")
    house.environment("staging", cluster.url("app", "applies"))
    house.applied()
    grants = "grant usage on schema ctgitops to looks; grant select on ctgitops.ledger, ctgitops.format to looks"
    run(cluster.url("app"), grants)
    house.environment("staging", cluster.url("app", "looks"), "shadow: {}\n")
    ran = house.run("status")
    assert ran.status == 0, ran.said
    assert "001_t" in ran.words
    assert "cannot check whether this is the database of staging: this role may not read ctgitops.home" in ran.words
    assert house.plan("--format", "markdown").out.startswith("### ❓ ")
    run(cluster.url("app"), "grant insert on ctgitops.ledger, ctgitops.progress to looks")
    house.migration("002_u", "create schema more;")
    refused = house.run("apply", "--env", "staging")
    assert (refused.status, "may not read the ledger" in refused.words) == (4, True), refused.said
    run(cluster.url("app"), "grant select on ctgitops.home to looks")
    assert "home" not in house.run("status").words
