"""Copies on a server of our own have the name of the real database, one at a time; on another server none has."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

import pytest

from ctgitops.commands.planning.offline import OfflinePlanner
from ctgitops.core.environment.environment import ShadowPolicy
from ctgitops.core.plan.plan import Direction, Step
from ctgitops.core.plan.replay import ReplayTarget
from ctgitops.core.schema.source_database import Role, SourceDatabase
from ctgitops.errors import ApplyError
from ctgitops.ports.shadow import Replay
from ctgitops.postgres.connection.names import ADMIN, MAINTENANCE
from ctgitops.postgres.shadow.kept_replay import KeptReplay
from ctgitops.postgres.shadow.replay import ReplayShadow, replay_shadow
from ctgitops.postgres.shadow.sandbox import sandbox_server, sandbox_shadow
from ctgitops.postgres.shadow.sandbox_databases import SandboxShadow
from ctgitops.postgres.shadow.trial import NoObserver
from ctgitops.sql.script import Script
from tests.fakes import migration, request, workspace
from tests.servers import borrowable, fetch, programs_for_tests, quickly, run

NAMES = ["own", 'Own "quoted" Ünd more', "x" * 63, "select", "postgres", "template1", MAINTENANCE, "original", "shadow"]
NAMES += ["shadow_1", "tried", "again", ADMIN, "%41"]
MAJOR = programs_for_tests().major
SETTINGS = "select setconfig from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase where datname = {}"


def step(sql: str, number: int = 1) -> Step:
    name = f"{number:03}_step"
    return Step(Direction.APPLY, number, name, None, "", Script(sql, f"migrations/{name}.sql"))


def names_it(database: str, number: int = 1) -> Step:
    """A migration that names its database in each way, and fails where the current one has another name."""
    name = '"' + database.replace('"', '""') + '"'
    quoted = database.replace("'", "''")
    sql = f"""
    alter database {name} set timezone = 'UTC';
    comment on database {name} is 'orders';
    revoke connect on database {name} from public;
    grant create on database {name} to reader;
    alter role reader in database {name} set search_path = app;
    do $do$ begin
        if current_database() <> '{quoted}' then raise 'this is %', current_database(); end if;
        execute format('alter database %I set datestyle = %L', current_database(), 'ISO');
    end $do$;
    set role reader; create schema made_{number}; reset role;
    """
    return step(sql, number)


def like(database: str) -> SourceDatabase:
    roles = (Role("app"), Role("reader"))
    return SourceDatabase("app", MAJOR, roles=roles, owner="app", database=database, schema="create schema app")


def owner_of_reader(database: str) -> SourceDatabase:
    """A superuser may SET ROLE to every role, which the emulation gives."""
    original = like(database)
    return SourceDatabase(
        "postgres", MAJOR, roles=(*original.roles, Role("postgres", superuser=True)), database=database
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", quickly(NAMES, alone={NAMES[1], "postgres"}))
def test_each_copy_has_the_name_while_something_is_brought_to_it(name: str) -> None:
    original = owner_of_reader(name)
    with sandbox_shadow(original, ShadowPolicy(), had=(names_it(name, 1),)) as shadow:
        assert shadow.unmatched == ()
        shadow.apply((names_it(name, 2),), watched=True)
        assert [schema.name for schema in shadow.snapshot().objects if schema.name.startswith("made_")] == [
            "made_1",
            "made_2",
        ]
        with shadow.copy() as copy:
            copy.apply((names_it(name, 2),))
        with shadow.empty() as one, shadow.empty() as two:
            one.apply((names_it(name, 1),))
            two.apply((names_it(name, 1),))
            one.apply((names_it(name, 2),))
            assert {each.name for each in one.snapshot().objects} > {each.name for each in two.snapshot().objects}
        shadow.apply((names_it(name, 3),), watched=True)
        assert shadow.impacts.keys() == {2, 3}


@pytest.mark.parametrize("name", quickly(NAMES))
def test_what_is_run_again_from_nothing_has_the_name_too(name: str) -> None:
    with replay_shadow(ReplayTarget(MAJOR, role="app", database=name), ShadowPolicy()) as shadow:
        shadow.apply((names_it(name, 1), names_it(name, 2)))
        assert {"made_1", "made_2"} <= {each.name for each in shadow.snapshot().objects}
        assert "made_2" in {each.name for each in shadow.read_again().objects}


def test_where_the_name_is_not_known_the_migration_that_names_it_tells_it() -> None:
    with replay_shadow(ReplayTarget(MAJOR, role="app"), ShadowPolicy()) as shadow:
        shadow.apply((step("create table t (a int)"), names_it("Own", 2)))
        assert {"made_2", "public.t"} <= {each.name for each in shadow.snapshot().objects} | {
            f"public.{each.name}" for each in shadow.snapshot().objects
        }


def test_the_privileges_on_the_database_are_those_of_the_real_one() -> None:
    original = SourceDatabase(
        "app",
        MAJOR,
        roles=(Role("app"), Role("owner"), Role("reader")),
        owner="owner",
        database="own",
        creates=False,
        grants=(("app", "CONNECT", True), ("reader", "CREATE", False), ("", "CONNECT", False)),
    )
    with sandbox_server(original) as sandbox:
        shadow = sandbox.shadow(sandbox.named("shadow"), NoObserver())
        shadow.apply((step("grant connect on database own to reader"),))
        for denied in ("create schema s", "create temp table t (a int)", "alter database own reset all"):
            with pytest.raises(ApplyError, match=r"permission denied|must be owner"):
                shadow.apply((step(denied),))


@pytest.mark.slow
def test_on_a_server_of_others_no_copy_has_the_name_and_what_names_it_is_skipped() -> None:
    with borrowable() as service:
        run(service.url(), "create database own")
        before = fetch(service.url(), SETTINGS.format("'own'"))
        with sandbox_shadow(like("own"), ShadowPolicy(), external=service.address()) as shadow:
            sql = "create table t (a int);\n\nalter database own set timezone = 'UTC';\ncreate table u (a int);"
            shadow.apply((step(sql),), watched=True)
            assert [(each.database, str(each.place)) for each in shadow.skipped] == [
                ("own", "migrations/001_step.sql:3:1")
            ]
            assert {"t", "u"} <= {each.name.removeprefix("public.") for each in shadow.snapshot().objects}
        with replay_shadow(
            ReplayTarget(MAJOR, role="app", database="own"), ShadowPolicy(), service.address()
        ) as replay:
            replay.apply((step(sql),))
            assert any("names the database own, and was skipped" in note for note in replay.unmatched)
        assert fetch(service.url(), SETTINGS.format("'own'")) == before == []


def test_a_limit_of_connections_does_not_keep_us_from_looking() -> None:
    with sandbox_shadow(owner_of_reader("own"), ShadowPolicy()) as shadow:
        limits = "alter database own connection limit 0;"
        if MAJOR < 16:  # since 16 CREATEROLE does not alter the role that has it
            limits += " alter role postgres connection limit 1;"
        shadow.apply((step(limits),), watched=True)
        shadow.apply((step("create table public.t (a int)", 2),), watched=True)
        shadow.apply((step("create index concurrently i on public.t (a)", 3),), watched=True)
        assert "public.t" in {each.name for each in shadow.snapshot().objects} | {
            f"public.{each.name}" for each in shadow.snapshot().objects
        }


def test_a_role_that_postgresql_keeps_for_itself_is_an_error_of_the_migration_and_no_traceback() -> None:
    with (
        replay_shadow(ReplayTarget(MAJOR, role="app", database="own"), ShadowPolicy()) as shadow,
        pytest.raises(ApplyError, match="pg_future"),
    ):
        shadow.apply((step("grant pg_future to current_user"),))


@pytest.mark.slow
def test_a_copy_that_was_made_a_template_is_removed_from_a_server_of_others() -> None:
    template = "do $$ begin execute format('alter database %I is_template true', current_database()); end $$"
    with borrowable() as service:
        for _ in range(2):
            with sandbox_shadow(like("own"), ShadowPolicy(), external=service.address()) as shadow:
                shadow.apply((step(template),))
        assert fetch(service.url(), "select datname from pg_database where datname like 'ctgitops_shadow%'") == []


@dataclass
class Here:
    """Sandboxes that this machine makes."""

    def sandbox(
        self, original: SourceDatabase, policy: ShadowPolicy, had: tuple[Step, ...] = ()
    ) -> AbstractContextManager[SandboxShadow]:
        return sandbox_shadow(original, policy, had=had)

    def like(self, wanted: ReplayTarget, environment: object = None) -> AbstractContextManager[ReplayShadow]:  # noqa: ARG002
        return replay_shadow(wanted, ShadowPolicy())

    def replayed(
        self, wanted: ReplayTarget, steps: tuple[Step, ...], environment: object = None
    ) -> AbstractContextManager[Replay]:
        return KeptReplay(wanted, ShadowPolicy(), steps, lambda: self.like(wanted, environment))


DYNAMIC = "do $$ begin execute 'alter database ' || 'own' || ' reset all'; end $$;"


@pytest.mark.parametrize("sql", ["alter database own reset all;", pytest.param(DYNAMIC, marks=pytest.mark.slow)])
def test_a_fork_names_the_database_that_no_run_may_look_at(sql: str) -> None:
    work = workspace(migration("001_one", sql="create table t (a int);"), migration("002_two", sql=sql))
    result = OfflinePlanner(Here(), {"migrations/002_two.sql"}, "no secret").preview(request(work))
    assert result.proof
    assert (result.proof.failed, result.proof.untried, result.proof.tried) == (None, "", ("002_two",))
