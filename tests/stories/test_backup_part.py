"""A backup with `scope: affected` or `schema` on a real database: what it saves, and what a restore brings back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.servers import fetch, run
from tests.stories.house import House, has

pytestmark = pytest.mark.slow

SHADOW = "shadow: {extensions: []}\n"
LEDGER = {f"ctgitops.{name}" for name in ("format", "home", "lease", "ledger", "performance", "progress", "traffic")}
SCHEMA = """
create schema app;
create type app.state as enum ('open', 'closed');
create domain app.short as text check (length(value) < 20);
create table app.owners (id int primary key, name text);
create table app.projects (id int primary key, owner int references app.owners, state app.state, name app.short);
create table app.routes (id int primary key, project int references app.projects on delete cascade);
create table app.splices (id int primary key, route int references app.routes on update set null);
create table app.notes (id int primary key, project int references app.projects);
create table app.audit (id bigserial primary key, what text);
create table app.counts (what text primary key, n int);
create table app.readings (id int, at int) partition by range (at);
create table app.readings_1 partition of app.readings for values from (0) to (100);
create table app.readings_2 partition of app.readings for values from (100) to (200);
create table app."Big One" (id int primary key, filler text);
create function app.count_up(what text) returns void language sql as $$
  insert into app.counts values ($1, 1) on conflict (what) do update set n = counts.n + 1 $$;
create function app.audited() returns trigger language plpgsql as $$
begin
  insert into app.audit (what) values (old.name);
  perform app.count_up('project');
  return new;
end $$;
create trigger audited after update on app.projects for each row execute function app.audited();
create view app.open_projects as select id, name from app.projects where state = 'open';
insert into app.owners select n, 'owner ' || n from generate_series(1, 20) n;
insert into app.projects select n, n % 20 + 1, 'open', 'project ' || n from generate_series(1, 100) n;
insert into app.routes select n, n % 100 + 1 from generate_series(1, 300) n;
insert into app.splices select n, n from generate_series(1, 300) n;
insert into app.notes select n, n % 100 + 1 from generate_series(1, 50) n;
insert into app.counts values ('project', 1);
insert into app.readings select n, n from generate_series(0, 199) n;
insert into app."Big One" select n, repeat('x', 500) from generate_series(1, 5000) n;
select lo_from_bytea(0, 'large');
"""
ALL = {"owners", "projects", "routes", "splices", "notes", "audit", "counts", "readings_1", "readings_2", "Big One"}


@pytest.fixture
def full(lived_in: House, database_url: str) -> str:
    run(database_url, SCHEMA)
    lived_in.environment("staging", database_url, f"{SHADOW}backup: {{to: backups, scope: affected}}\n")
    return database_url


def receipt_of(house: House) -> dict[str, Any]:
    (path,) = (house.root / "backups").glob("*/receipt.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return {**found, "path": str(path)}


def saved(house: House) -> set[str]:
    """The tables with rows in the only backup, without the ledger's."""
    rows = set(receipt_of(house)["rows"])
    assert rows >= LEDGER
    return {name.removeprefix("app.") for name in rows - LEDGER}


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("alter table app.notes add column text text", {"notes"}),
        ('update app."Big One" set filler = null where id = 1', {"Big One"}),
        ("create table app.new (id int)", set()),
        ("select count(*) from app.owners", set()),
        ("drop table app.splices", {"splices", "routes"}),
        ("create index concurrently on app.notes (project)", {"notes"}),
        ("lock table app.notes in share mode", {"notes"}),
        ("delete from app.owners where id = 99", {"owners"}),
        ("update app.projects set state = 'closed'", {"projects", "routes", "splices", "audit", "counts"}),
        ("update app.open_projects set name = 'x'", {"projects", "routes", "splices", "audit", "counts"}),
        ("delete from app.routes where id = 9999", {"routes", "splices"}),
        ("update app.readings set id = 1", {"readings_1", "readings_2"}),
        ("truncate app.readings_2", {"readings_1", "readings_2"}),
        ("select app.count_up('more')", {"counts"}),
        (
            "do $$ begin if exists (select from app.notes) then delete from app.notes; end if; end $$",
            {"notes"},
        ),
        (
            "do $$ declare r record; begin for r in select * from app.owners loop "
            "insert into app.audit (what) values (r.name); end loop; end $$",
            {"audit"},
        ),
    ],
)
def test_what_a_plan_changes_is_saved_and_restored(
    lived_in: House, full: str, make_database: Callable[[], str], sql: str, tables: set[str]
) -> None:
    """Every affected table keeps its rows before the plan in the restored copy. Others have none, or are not there."""
    before = {name: fetch(full, f'select * from app."{name}" order by 1') for name in ALL}
    lived_in.migration("002_two", f"{sql};")
    done = lived_in.applied()
    receipt = receipt_of(lived_in)
    assert receipt["scope"] == "affected", done.said
    assert saved(lived_in) == tables
    assert f"{len(tables | LEDGER)} tables" in done.words
    assert "not in the backup: the rows of" in done.words

    target = make_database()
    restored = lived_in.run("restore", receipt["path"], "--into", target)
    assert restored.status == 0, restored.said
    assert f"tables that the backup does not need, and the rows of {len(tables | LEDGER)} tables" in restored.words
    for name in tables:
        assert fetch(target, f'select * from app."{name}" order by 1') == before[name]
    others = [name for name in ALL - tables if has(target, f'app."{name}"')]
    assert set(others) <= {"readings_1", "readings_2", "projects", "owners"}, (
        "a view needs projects, which needs owners"
    )
    assert all(fetch(target, f'select count(*) from app."{name}"') == [(0,)] for name in others)
    assert not has(target, "app.new")


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("do $$ begin execute 'delete from app.' || 'notes'; end $$", "a DO block runs dynamic SQL"),
        ("select lo_unlink(oid) from pg_largeobject_metadata", "it writes large objects"),
        (
            "create function app.f() returns void language plpgsql as $$ begin execute 'select 1'; end $$; "
            "do $$ begin if exists (select from app.notes) then perform app.f(); end if; end $$",
            "runs dynamic SQL",
        ),
        ("insert into app.counts select 'x', 1 / count(*) from app.owners", "the plan was not tried"),
    ],
)
@pytest.mark.usefixtures("full")
def test_what_is_not_known_means_the_whole_database(lived_in: House, sql: str, why: str) -> None:
    lived_in.migration("002_two", f"{sql};")
    done = lived_in.applied()
    receipt = receipt_of(lived_in)
    assert receipt["scope"] == "database"
    assert {f"app.{name}" for name in ALL} | LEDGER | {"pg_catalog.pg_largeobject_metadata"} <= set(receipt["rows"])
    assert why in receipt["why_all"]
    assert f"the whole database, because {receipt['why_all']}" in done.words


def test_without_a_trial_the_whole_database_is_saved(lived_in: House, full: str) -> None:
    lived_in.environment("staging", full, "shadow: none\nbackup: {to: backups, scope: affected}\n")
    lived_in.migration("002_two", "delete from app.notes;")
    lived_in.applied()
    assert receipt_of(lived_in)["scope"] == "database"
    by_hand = lived_in.run("backup", "--env", "staging", "--format", "json")
    assert by_hand.json["why_all"] == "it was taken by hand, without a plan"


def test_a_rollback_saves_what_it_changes(lived_in: House, full: str) -> None:
    lived_in.migration(
        "002_two", "insert into app.notes values (1000, 1);", down="delete from app.notes where id = 1000;"
    )
    lived_in.environment("staging", full)
    lived_in.applied()
    lived_in.environment("staging", full, f"{SHADOW}backup: {{to: backups, scope: affected}}\n")
    back = lived_in.run("rollback", "--env", "staging", "--steps", "1", "--accept-data-loss", "002_two")
    assert back.status == 0, back.said
    assert saved(lived_in) == {"notes"}


def test_the_schema_alone_has_the_ledger_and_no_other_rows(
    lived_in: House, full: str, make_database: Callable[[], str]
) -> None:
    lived_in.environment("staging", full, "shadow: none\nbackup: {to: backups, scope: schema}\n")
    lived_in.migration("002_two", "delete from app.notes;")
    done = lived_in.applied()
    assert saved(lived_in) == set()
    assert "not in the backup: the rows of 11 other tables" in done.words
    target = make_database()
    restored = lived_in.run("restore", receipt_of(lived_in)["path"], "--into", target)
    assert restored.status == 0, restored.said
    assert fetch(target, "select count(*) from app.projects") == [(0,)]
    assert fetch(target, "select name from ctgitops.ledger") == [("001_one",)]
    assert receipt_of(lived_in)["foreign_keys_left_out"] == {}


def test_the_limit_counts_only_what_is_dumped(lived_in: House, full: str) -> None:
    manifest = f"{SHADOW}backup: {{to: backups, scope: affected, max_size: 1MB}}\n"
    lived_in.environment("staging", full, manifest)
    lived_in.migration("002_two", "delete from app.notes;")
    lived_in.applied()
    lived_in.migration("003_three", 'delete from app."Big One";')
    refused = lived_in.apply()
    assert refused.status == 7
    assert "and `backup.max_size` is 1.0 MB" in refused.words
    assert fetch(full, 'select count(*) from app."Big One"') == [(5000,)]


@pytest.mark.usefixtures("full")
def test_a_foreign_key_to_rows_that_are_not_saved_is_left_out_and_named(
    lived_in: House, make_database: Callable[[], str]
) -> None:
    lived_in.migration("002_two", "delete from app.notes;")
    done = lived_in.applied()
    receipt = receipt_of(lived_in)
    assert list(receipt["foreign_keys_left_out"].values()) == ["notes_project_fkey on app.notes"]
    assert (
        "a restore leaves out foreign keys whose referenced rows are not in the backup: notes_project_fkey"
        in done.words
    )
    target = make_database()
    assert lived_in.run("restore", receipt["path"], "--into", target).status == 0
    keys = "select conname from pg_constraint where contype = 'f' order by 1"
    assert fetch(target, keys) == [("projects_owner_fkey",)], "routes and splices are not in the backup"


def test_a_partial_backup_that_lost_a_row_is_not_taken(lived_in: House, full: str) -> None:
    """A restore of a changed receipt fails: the rows of a part are compared, not only those of a whole database."""
    lived_in.migration("002_two", "delete from app.notes;")
    lived_in.applied()
    receipt = receipt_of(lived_in)
    path = Path(receipt.pop("path"))
    receipt["rows"]["app.notes"] += 1
    path.write_text(json.dumps(receipt))
    target = full.rpartition("/")
    run(full, "create database restored_part")
    try:
        refused = lived_in.run("restore", str(path), "--into", f"{target[0]}/restored_part?{full.partition('?')[2]}")
        assert refused.status == 7
        assert "app.notes: 51 in the receipt, 50 restored" in refused.words
    finally:
        run(full, "drop database restored_part with (force)")
