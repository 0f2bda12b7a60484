"""A backup of a part: its patterns match exactly the tables that are left out, whatever their names are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ctgitops.backup.finished import FinishedBackups
from ctgitops.core.environment.backup_extent import BackupExtent
from ctgitops.core.environment.environment import BackupPolicy, BackupScope, Environment
from ctgitops.core.receipt import Receipt
from ctgitops.errors import UsageError
from tests.backup.scene import Scene
from tests.servers import fetch, run

NAMES = ["plain", "Upper", "upper", "a.b", 'q"uote', "$dollar", "a|b", "a(b)", "st*r", "with space", "ümlaut", "a?b"]


def taken(scene: Scene, *tables: str) -> Receipt:
    policy = BackupPolicy(scene.to, verify_server="VERIFY_URL", scope=BackupScope.AFFECTED)
    environment = Environment("staging", "STAGING_DATABASE_URL", backup=policy)
    return scene.backups.take(environment, scene.tell, BackupExtent(BackupScope.AFFECTED, tables))


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.mark.parametrize("saved", ["a.b", pytest.param("Upper", marks=pytest.mark.slow)])
def test_only_the_saved_table_has_its_rows(quick: Scene, make_database: Callable[[], str], saved: str) -> None:
    run(quick.url, 'create schema "s|t"')
    for schema in ("public", quoted("s|t")):
        for name in NAMES:
            run(quick.url, f"create table {schema}.{quoted(name)} as select n from generate_series(1, 3) n")
    receipt = taken(quick, f"public.{quoted(saved)}")
    assert list(receipt.rows.values()) == [3]
    assert receipt.without_rows == receipt.without_definition == 2 * len(NAMES) - 1
    target = make_database()
    quick.restore(receipt, target)
    assert fetch(target, _TABLES) == [("public", saved)]
    assert fetch(target, f"select count(*) from {quoted(saved)}") == [(3,)]

    run(
        quick.url,
        "create function one() returns int language sql as 'select 1'; create domain d as int check (value > one())",
    )
    receipt = taken(quick, f"public.{quoted(saved)}")
    assert (receipt.without_rows, receipt.without_definition) == (2 * len(NAMES) - 1, 0)
    target = make_database()
    quick.restore(receipt, target)
    for schema in ("public", quoted("s|t")):
        for name in NAMES:
            here = schema == "public" and name == saved
            assert fetch(target, f"select count(*) from {schema}.{quoted(name)}") == [(3 if here else 0,)]


_TABLES = """
select n.nspname::text, c.relname::text
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'S') and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'ctgitops')
order by 2
"""
NEEDED = """
create type mood as enum ('calm', 'cross');
create table saved (id bigserial primary key, what mood, note text);
insert into saved (what) values ('calm'), ('cross');
-- no object needs these tables
create table alone (id bigserial primary key, note text unique, at int generated always as identity);
create index on alone (at) where at > 1;
create statistics alone_stats on id, note from alone;
create table alone_below (id int primary key, alone bigint references alone, saved bigint references saved);
create table alone_parts (id int, at int) partition by range (at);
create table alone_parts_1 partition of alone_parts for values from (0) to (9);
create rule alone_rule as on insert to alone do also insert into alone_below values (1);
insert into alone (note) values ('x');
-- an object needs each of these tables
create table published (id int);
create publication changes for table published, saved;
create table viewed (id int primary key, note text);
create view seen as select id, note, count(*) from viewed group by id;
create table filled (id int); insert into filled values (1);
create materialized view mat as select * from filled;
create table a_type (id int, note text);
create function of_type(a_type) returns int language sql as 'select 1';
create table allowed (id int);
alter table saved enable row level security;
create policy visible on saved using (exists (select from allowed));
create table parent (id int);
create table inherits () inherits (parent);
create function in_body() returns bigint begin atomic select count(*) from inherits; end;
create table numbers (id serial);
alter table saved add column number int default nextval('numbers_id_seq');
create table root (id int, at int, ref int) partition by range (at);
create table root_1 partition of root for values from (0) to (9);
create table root_2 partition of root for values from (10) to (19);
insert into root values (1, 1);
"""


def test_a_part_has_the_definitions_that_its_tables_and_all_other_objects_need(
    quick: Scene, make_database: Callable[[], str]
) -> None:
    """Seen to fail: without an edge of unneeded_tables.sql, pg_restore reports a relation that does not exist."""
    run(quick.url, NEEDED)
    receipt = taken(quick, "public.saved", "public.root_1")
    target = make_database()
    quick.restore(receipt, target)
    tables = (
        "a_type allowed filled inherits numbers numbers_id_seq parent published root root_1 root_2 saved saved_id_seq"
    )
    assert [name for _, name in fetch(target, _TABLES)] == [*tables.split(), "viewed"]
    assert receipt.without_definition == 4
    assert receipt.foreign_keys_left_out == {}
    for table, rows in {"saved": 2, "root": 1, "filled": 0, "mat": 0, "seen": 0}.items():
        assert fetch(target, f"select count(*) from {table}") == [(rows,)]


def test_foreign_keys_between_saved_rows_are_restored_and_others_are_left_out(
    quick: Scene, make_database: Callable[[], str]
) -> None:
    """Also those of a partitioned table, and one that references a table whose name has a space."""
    run(
        quick.url,
        """
        create table top (id int primary key); insert into top values (1);
        create table "mid one" (id int primary key, top int references top); insert into "mid one" values (1, 1);
        create table low (id int, mid int references "mid one", top int references top, at int) partition by range (at);
        create table low_1 partition of low for values from (0) to (9); insert into low values (1, 1, 1, 1);
        """,
    )
    receipt = taken(quick, "public.low_1", 'public."mid one"')
    assert sorted(receipt.foreign_keys_left_out.values()) == [
        '"mid one_top_fkey" on public."mid one"',
        "low_top_fkey on public.low",
    ]
    target = make_database()
    quick.restore(receipt, target)
    keys = "select conname from pg_constraint where contype = 'f' and conparentid = 0"
    assert fetch(target, keys) == [("low_mid_fkey",)]
    assert fetch(target, "select count(*) from low") == [(1,)]


@pytest.mark.slow
def test_a_drill_and_the_restore_of_a_table_know_what_a_part_has(quick: Scene) -> None:
    run(
        quick.url,
        """
        create table top (id int primary key); insert into top values (1);
        create table low (id int, top int references top); insert into low values (1, 1), (2, 1);
        """,
    )
    receipt = taken(quick, "public.low")
    assert receipt.foreign_keys_left_out
    finished = FinishedBackups(quick.backups)
    policy = BackupPolicy(quick.to, verify_server="VERIFY_URL", scope=BackupScope.AFFECTED)
    drilled = finished.drill(Environment("staging", "STAGING_DATABASE_URL", backup=policy), quick.tell)
    assert (drilled.failed, "a PARTIAL backup, with the rows of only 1 table" in drilled.place) == ("", True)
    at = f"{receipt.location}/receipt.json"
    assert finished.restore_table(at, ("public.low", "public.low_then"), quick.url, quick.tell)[1] == 2
    with pytest.raises(UsageError, match="is a partial backup, without the definitions of 1 tables"):
        quick.backups.schema(at, quick.tell)
    with pytest.raises(UsageError, match=r"does not have the rows of public\.top"):
        finished.restore_table(at, ("public.top", "public.top_then"), quick.url, quick.tell)
    assert fetch(quick.url, "select to_regclass('top_then') is null, (select count(*) from low_then)") == [(True, 2)]
