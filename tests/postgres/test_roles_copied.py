"""The roles of real clusters in a sandbox: copied as far as PostgreSQL allows, the rest named, none a superuser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.plan.plan import Direction, Step
from ctgitops.core.schema.source_database import Membership, Role, SourceDatabase
from ctgitops.errors import ApplyError
from ctgitops.postgres.catalog.source_database import original_at
from ctgitops.postgres.connection.names import ADMIN
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.shadow.extensions import as_admin
from ctgitops.postgres.shadow.provision_roles import RoleProvisioner
from ctgitops.postgres.shadow.sandbox import sandbox_server
from ctgitops.postgres.shadow.sandbox_server import SandboxServer
from ctgitops.postgres.shadow.trial import NoObserver
from ctgitops.sql.script import Script
from tests.postgres.providers import PROVIDERS, Provider
from tests.servers import base_for_servers, fetch, programs_for_tests, programs_of, run, session

MEMBERS = """
select g.rolname || ' of ' || m.rolname || ' ' || a.admin_option
from pg_auth_members a join pg_roles g on g.oid = a.roleid join pg_roles m on m.oid = a.member
"""
ATTRIBUTES = """
select rolname, rolinherit, rolcreaterole or rolsuper, rolbypassrls or rolsuper from pg_roles
where rolname !~ '^(pg_|ctgitops_)' order by 1
"""
MIGRATION = """
create table public.orders (id bigint primary key);
do $$ begin execute format('alter database %I set timezone = %L', current_database(), 'UTC'); end $$;
create policy mine on public.orders using (true);
alter table public.orders enable row level security;
"""
MAKES_A_ROLE = "create role reader; grant select on public.orders to reader;"


def step(sql: str) -> Step:
    return Step(Direction.APPLY, 1, "001_one", None, "", Script(sql, "migrations/001_one.sql"))


@contextmanager
def cluster(superuser: str, setup: str, major: int | None = None) -> Iterator[LocalServer]:
    """A server whose bootstrap superuser has that name."""
    made = LocalServer(programs_of(major) if major else programs_for_tests(), base=base_for_servers())
    made.superuser = superuser
    with made as server:
        with session(server.url()) as connection:
            for statement in filter(str.strip, setup.split(";\n")):
                connection.execute(statement.encode())
        yield server


@pytest.mark.majors
def test_createrole_of_an_older_server_gives_what_it_gave_there() -> None:
    provider = PROVIDERS["rds"]
    with cluster(provider.superuser, provider.setup, 15) as server:
        run(server.url(provider.database), "create role one; create role two")
        original = original_at(replace(server.address(), url=server.url(provider.database, provider.role)))
    with sandbox_server(replace(original, major=18)) as sandbox:
        assert sandbox.notes == []
        shadow = sandbox.shadow(sandbox.named("shadow"), NoObserver())
        shadow.apply((step("create role q; grant rds_iam to q; grant one to two; alter role two connection limit 3"),))
        with pytest.raises(ApplyError, match=r"permission denied|must be"):
            shadow.apply((step("grant rdsadmin to two"),))


def named(notes: list[str], what: str) -> bool:
    return any(what in note for note in notes)


def result(provider: Provider, major: int | None = None) -> None:
    """Copies a provider's roles and runs a migration as the customer's role."""
    with cluster(provider.superuser, provider.setup, major) as server:
        run(server.url(provider.database), f"grant create on schema public to {provider.role}")
        original = original_at(replace(server.address(), url=server.url(provider.database, provider.role)))
        real, attributes = (
            dict.fromkeys(row for (row,) in fetch(server.url(), MEMBERS)),
            fetch(server.url(), ATTRIBUTES),
        )
    assert (original.role, original.database) == (provider.role, provider.database)
    assert "top secret" not in repr(original)
    with sandbox_server(original) as sandbox:
        admin = sandbox.server.url()
        assert fetch(admin, "select rolname from pg_roles where rolsuper") == [(ADMIN,)]
        assert fetch(admin, f"select 1 from pg_auth_members where roleid = '{ADMIN}'::regrole") == []
        assert fetch(admin, ATTRIBUTES) == attributes
        copied = {row for (row,) in fetch(admin, MEMBERS)}
        for row in real.keys() - copied:
            group, _, member, _ = str(row).split(" ")
            assert named(sandbox.notes, f"{member} in {group}"), (row, sandbox.notes)
        for lost in provider.lost:
            assert named(sandbox.notes, lost), sandbox.notes
        shadow = sandbox.shadow(sandbox.named("shadow"), NoObserver())
        makes = any(each.creates_roles for each in original.roles if each.name == original.role)
        shadow.apply((step(MIGRATION + MAKES_A_ROLE * makes),))
        assert fetch(sandbox.server.url(provider.database), "select to_regclass('public.orders')::text") == [
            ("orders",)
        ]


@pytest.mark.parametrize(
    "name", [n if n in {"supabase", "crunchy"} else pytest.param(n, marks=pytest.mark.slow) for n in PROVIDERS]
)
def test_the_roles_of_a_provider_are_copied_and_what_is_not_is_named(name: str) -> None:
    result(PROVIDERS[name])


@pytest.mark.majors
@pytest.mark.parametrize("name", list(PROVIDERS))
def test_the_same_with_the_options_of_newer_majors(name: str) -> None:
    result(PROVIDERS[name], 18)


ODD = ['Ünïcode "quoted" rôle', "a" * 63, "none_", "Public", "select", ADMIN, "ctgitops_replay", "x'; drop role y; --"]


def test_odd_names_a_role_that_owns_and_cannot_log_in_and_one_called_as_our_own_superuser() -> None:
    made = ";\n".join('create role "' + name.replace('"', '""') + '"' for name in ODD)
    grants = f'grant "{ODD[1]}" to {ADMIN};\ngrant {ADMIN} to app;\ngrant {ADMIN} to "{ODD[2]}"'
    definer = "create function public.f() returns int language sql security definer as 'select 1'"
    owned = f"{definer};\nalter function public.f() owner to {ADMIN}"
    setup = f"{made};\ncreate role app login valid until '2001-01-01' connection limit 0;\n{grants};\n{owned}"
    with cluster("postgres", setup) as server:
        run(server.url(), "alter database postgres owner to app; grant create on schema public to app")
        run(server.url(), "alter role app connection limit -1")
        original = original_at(replace(server.address(), url=server.url(role="app")))
        real = fetch(server.url(), MEMBERS)
        run(server.url(), "alter role app connection limit 0")
    with sandbox_server(original) as sandbox:
        assert sorted(fetch(sandbox.server.url(), MEMBERS)) == sorted(real)
        assert sandbox.notes == []
        (supers,) = fetch(sandbox.server.url(), "select array_agg(rolname) from pg_roles where rolsuper")
        assert supers == ([f"{ADMIN}_"],)
        shadow = sandbox.shadow(sandbox.named("shadow"), NoObserver())
        shadow.apply((step(f"set role {ADMIN}; create temp table t (a int); reset role"),))
        with pytest.raises(ApplyError, match="permission denied to set role"):
            shadow.apply((step(f"set role {ADMIN}_"),))


def test_what_only_another_major_has_is_named_and_its_absence_says_nothing_of_the_files() -> None:
    newer = Role("app", member_of=(Membership("pg_future", admin=True),))
    wanted = SourceDatabase("app", programs_for_tests().major, roles=(newer,), predefined=frozenset({"pg_future"}))
    with sandbox_server(wanted) as sandbox:
        assert named(sandbox.notes, "app in pg_future (no such role in PostgreSQL"), sandbox.notes


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    with sandbox_server(SourceDatabase("postgres", programs_for_tests().major)) as made:
        assert isinstance(made.server, SandboxServer)
        yield made.server


NAMES = ["a", "b", "c", "d", "e"]
PREDEFINED = ["pg_monitor", "pg_read_server_files", "pg_future"]
OPTIONAL = st.sampled_from([None, True, False])


@st.composite
def originals(draw: st.DrawFn) -> SourceDatabase:
    """Clusters whose roles are members of later ones, so that none is a member of itself."""
    roles = []
    for n, name in enumerate(NAMES):
        groups = draw(st.lists(st.sampled_from([*NAMES[n + 1 :], *PREDEFINED]), unique=True))
        members = (
            Membership(g, draw(st.booleans()), draw(OPTIONAL), draw(st.booleans()), draw(st.sampled_from(NAMES)))
            for g in groups
        )
        superuser, creates, inherits = (draw(st.booleans()) for _ in range(3))
        roles.append(Role(name, superuser, creates, inherits, member_of=tuple(members)))
    return SourceDatabase(draw(st.sampled_from(NAMES)), draw(st.sampled_from([14, 15, 16, 18])), roles=tuple(roles))


@given(originals())
def test_whatever_the_memberships_are_each_is_copied_or_named(sandbox: SandboxServer, original: SourceDatabase) -> None:
    notes: list[str] = []
    with as_admin(sandbox) as connection:
        connection.execute("begin")
        RoleProvisioner(connection, sandbox, original, notes.append).provision()
        copied = {str(row) for (row,) in connection.execute(MEMBERS.encode()).fetchall()}
        supers = connection.execute("select rolname from pg_roles where rolsuper").fetchall()
        connection.execute("rollback")
    assert supers == [(sandbox.superuser,)]
    lost = notes[-1] if notes else ""
    for role in original.roles:
        for each in role.member_of:
            has = any(row.startswith(f"{each.group} of {role.name} ") for row in copied)
            hidden = each.administers_only and sandbox.major < 16
            assert has or hidden or f"{role.name} in {each.group}" in lost or "more" in lost, (each, notes)
