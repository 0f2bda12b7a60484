"""One table of a backup, restored beside the live one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ctgitops.backup.finished import FinishedBackups
from ctgitops.core.receipt import Receipt
from ctgitops.errors import BackupError, UsageError
from ctgitops.postgres.catalog.table_copy import TableName
from tests.backup.scene import Scene
from tests.backup.stores import KEY, PUBLIC
from tests.servers import fetch, run

TABLES = """
create type mood as enum ('glad', 'it''s sad'); create domain positive as int check (value > 0);
create table projects (
    id int generated always as identity primary key, name text collate "C" not null default 'x', at timestamptz,
    mood mood, n positive, raw bytea, tags text[], twice int generated always as (id * 2) stored, gone int,
    "a.b ""c"" d" text
);
alter table projects drop column gone;
insert into projects (name, at, mood, n, raw, tags, "a.b ""c"" d")
    select e'tab\\there \\\\. back \\n ' || n || ' 😀', '2026-01-01 00:00+01', 'it''s sad', n, '\\x00ff',
        array['a', null], null
    from generate_series(1, 300) n;
insert into projects (name) values ('\\.');
create table parted (at date not null, n int) partition by range (at);
create table parted_old partition of parted for values from ('2020-01-01') to ('2021-01-01');
create table parted_rest partition of parted default partition by range (at);
create table parted_rest_all partition of parted_rest default;
insert into parted select date '2020-06-01' + n, n from generate_series(1, 400) n;
create schema "S. x"; create table "S. x"."T ""y"" z" (a int); insert into "S. x"."T ""y"" z" values (7);
create table nothing (a int);
"""


def restore(scene: Scene, receipt: Receipt, table: str, new: str, url: str = "") -> int:
    finished = FinishedBackups(scene.backups)
    return finished.restore_table(f"{receipt.location}/receipt.json", (table, new), url or scene.url, scene.tell)[1]


@pytest.mark.slow
def test_a_changed_or_dropped_table_comes_back_beside_the_live_one(quick: Scene) -> None:
    quick.encrypt_to, quick.key = (PUBLIC,), KEY
    run(quick.url, TABLES)
    receipt = quick.take()
    before = fetch(quick.url, "select p::text from projects p order by id")
    run(quick.url, "update projects set name = 'lost'; delete from projects where id < 100")
    assert restore(quick, receipt, "public.projects", "restored.projects") == 301
    assert fetch(quick.url, "select p::text from restored.projects p order by id") == before
    assert fetch(quick.url, "select count(*) from projects") == [(202,)]

    run(quick.url, "drop table projects")
    assert restore(quick, receipt, "public.projects", "public.projects") == 301
    assert fetch(quick.url, "select p::text from projects p order by id") == before

    assert restore(quick, receipt, "public.parted", "restored.parted") == 400
    same = "select sum(n), count(*) from {}"
    assert fetch(quick.url, same.format("restored.parted")) == fetch(quick.url, same.format("parted"))
    assert restore(quick, receipt, "public.parted_old", "restored.parted_old") == 213
    assert restore(quick, receipt, '"S. x"."T ""y"" z"', "restored.one") == 1
    assert fetch(quick.url, "select a from restored.one") == [(7,)]
    assert restore(quick, receipt, "public.nothing", "restored.nothing") == 0


@pytest.mark.slow
def test_what_cannot_be_restored_leaves_nothing(quick: Scene, make_database: Callable[[], str]) -> None:
    run(quick.url, TABLES)
    receipt = quick.take()
    with pytest.raises(UsageError, match=r"has no table public.project") as caught:
        restore(quick, receipt, "public.project", "restored.p")
    assert caught.value.hint == "did you mean public.projects?"
    with pytest.raises(UsageError, match="already exists"):
        restore(quick, receipt, "public.projects", "public.parted")
    with pytest.raises(BackupError, match=r"public.mood. does not exist"):
        restore(quick, receipt, "public.projects", "restored.p", make_database())
    changed = receipt.to_json().replace('"public.projects": 301', '"public.projects": 302')
    (quick.root / "backups" / receipt.id / "receipt.json").write_text(changed)
    with pytest.raises(BackupError, match="would have 301 rows, but the receipt has 302"):
        restore(quick, receipt, "public.projects", "restored.p")
    assert fetch(quick.url, "select from pg_namespace where nspname = 'restored'") == []


@pytest.mark.parametrize("text", ["projects", "a.b.c", "", "a.", '"a"b.c'])
def test_a_table_is_named_with_its_schema(text: str) -> None:
    with pytest.raises(UsageError):
        TableName.parse(text)
