"""A snapshot contains everything that belongs to a schema, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ctgitops.core.schema.compare import Added, Altered, Changes, Removed, compare
from ctgitops.core.schema.snapshot import Snapshot, snapshot_from, snapshot_text
from ctgitops.postgres.catalog.schema_snapshot import take_snapshot
from ctgitops.postgres.connection.connect import Address
from ctgitops.postgres.server.local_server import LocalServer
from tests.postgres.schema_changes import CHANGES, CHANGES_NOTHING
from tests.servers import base_for_servers, fetch, fresh_database, programs_of, run

_MAY_CHANGE_CATALOGUES = "set allow_system_table_mods = on;"
AT_ONCE = {
    *("table removed", "column added", "column's type", "default", "not null", "check", "validated", "foreign key"),
    *("index added", "index invalid", "view", "function's body", "security definer", "trigger", "policy's check"),
    *("row security", "grant", "owner's own privilege", "default privileges", "enum", "publication's tables"),
}
"""Kinds of change that a plain `make test` tries: what most migrations do, and what would open data to others."""


def _snapshot(url: str) -> Snapshot:
    return take_snapshot(Address(url, label="the test's database"))


def _told(changes: Changes) -> set[str]:
    told: set[str] = set()
    for change in changes:
        match change:
            case Added(each):
                told.add(f"+ {each}")
            case Removed(each):
                told.add(f"- {each}")
            case Altered():
                told |= {f"{change.object}: {name}" for name, _, _ in change.attributes}
    return told


@pytest.mark.parametrize("what", [w if w in AT_ONCE else pytest.param(w, marks=pytest.mark.slow) for w in CHANGES])
def test_every_kind_of_change_is_seen_and_nothing_else(database_url: str, what: str) -> None:
    before, change, expected = CHANGES[what]
    run(database_url, before)
    first = _snapshot(database_url)
    run(database_url, _MAY_CHANGE_CATALOGUES + change)
    changes = compare(first, _snapshot(database_url))
    assert _told(changes) == expected


@pytest.mark.parametrize("what", CHANGES_NOTHING)
def test_what_is_no_change_of_the_schema_is_not_seen(database_url: str, what: str) -> None:
    before, change = CHANGES_NOTHING[what]
    run(database_url, before)
    first = _snapshot(database_url)
    run(database_url, change)
    assert compare(first, _snapshot(database_url)) == ()


@pytest.mark.parametrize("setting", ["quote_all_identifiers = on", "search_path = pg_temp", "DateStyle = 'SQL, DMY'"])
def test_the_settings_of_a_database_make_no_difference(database_url: str, setting: str) -> None:
    run(database_url, "create table t (a date default '2026-01-02', b text check (b <> 'x')); create view v as table t")
    first = _snapshot(database_url)
    name = fetch(database_url, "select quote_ident(current_database())")[0][0]
    run(database_url, f"alter database {name} set {setting}")
    assert compare(first, _snapshot(database_url)) == ()


def test_a_role_that_may_read_nothing_sees_the_same_schema(database_url: str) -> None:
    run(
        database_url,
        "create schema hidden; create table hidden.t (id int primary key, a text default 'x'); "
        "revoke all on schema hidden from public; create function hidden.f() returns int language sql as 'select 1'; "
        "create policy p on hidden.t using (a = 'y'); create role snapshot_nobody login",
    )
    try:
        as_nobody = database_url.replace("://postgres@", "://snapshot_nobody@")
        assert _snapshot(as_nobody) == _snapshot(database_url)
    finally:
        run(database_url, "drop role snapshot_nobody")


def test_no_password_of_a_foreign_server_is_in_a_snapshot(database_url: str) -> None:
    run(
        database_url,
        "create foreign data wrapper w options (password 'hunter2'); "
        "create server s foreign data wrapper w options (host 'h', password 'hunter2', sslpassword 'hunter2'); "
        "create user mapping for public server s options (user 'u', password 'hunter2')",
    )
    text = snapshot_text(_snapshot(database_url))
    assert "hunter2" not in text
    assert "password=***" in text
    assert "host=h" in text


def test_objects_of_an_extension_are_not_told_one_by_one(database_url: str) -> None:
    first = _snapshot(database_url)
    run(database_url, "create extension pg_trgm")
    assert _told(compare(first, _snapshot(database_url))) == {"+ extension pg_trgm"}


def test_a_snapshot_survives_its_file(database_url: str) -> None:
    run(database_url, "create table t (\"a 'b\" int default 1); comment on table t is E'x\\ny\\u2028'")
    taken = _snapshot(database_url)
    assert snapshot_from(snapshot_text(taken), "file") == taken


def test_a_role_can_be_known_by_another_name(database_url: str, make_database: Callable[[], str]) -> None:
    statements = (
        "create schema s; create table s.t (id int primary key); grant select on s.t to pg_monitor; "
        "create policy p on s.t to current_user; "
        "alter default privileges in schema s grant select on tables to pg_monitor; "
    )
    other = make_database()
    run(database_url, statements)
    run(database_url, "create role snapshot_replay superuser")
    try:
        run(other, "set role snapshot_replay; " + statements + "grant select on s.t to postgres")
        known = take_snapshot(Address(other, label="other"), ("snapshot_replay", "postgres"))
        assert compare(_snapshot(database_url), known) == ()
    finally:
        run(other, "drop owned by snapshot_replay cascade; drop role snapshot_replay")


@pytest.mark.majors
@pytest.mark.parametrize("major", [14, 15, 16, 17, 18])
def test_the_same_schema_is_the_same_on_every_major(database_url: str, major: int) -> None:
    statements = """
        create schema app;
        create type app.state as enum ('open', 'closed');
        create table app.accounts (id bigint generated always as identity primary key, name text not null,
            state app.state not null default 'open', made timestamptz not null default now(), check (name <> ''));
        create index on app.accounts (lower(name)) where state = 'open';
        create view app.open as select id, name from app.accounts where state = 'open';
        create function app.touch() returns trigger language plpgsql as 'begin return new; end';
        create trigger touch before update on app.accounts for each row execute function app.touch();
        alter table app.accounts enable row level security;
        create policy everybody on app.accounts using (state = 'open');
        grant all on app.accounts to pg_monitor;
        create table app.parts (id int not null, primary key (id)) partition by range (id);
        create table app.part_1 partition of app.parts for values from (1) to (10);
    """
    statements += "revoke create on schema public from public;"  # until 14, everybody may
    run(database_url, statements)
    with LocalServer(programs_of(major), base=base_for_servers()) as other:
        url = fresh_database(other)
        run(url, statements)
        changes = compare(_snapshot(database_url), _snapshot(url))
    assert _told(changes) == set()


@pytest.mark.majors
@pytest.mark.parametrize("major", [14, 15, 16, 17, 18])
def test_every_kind_of_change_is_seen_on_every_major(major: int) -> None:
    with LocalServer(programs_of(major), base=base_for_servers()) as server:
        for before, change, expected in CHANGES.values():
            url = fresh_database(server)
            run(url, before)
            first = _snapshot(url)
            run(url, _MAY_CHANGE_CATALOGUES + change)
            assert _told(compare(first, _snapshot(url))) == expected
