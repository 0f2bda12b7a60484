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
    assert receipt.without_rows == 2 * len(NAMES) - 1

    target = make_database()
    quick.restore(receipt, target)
    for schema in ("public", quoted("s|t")):
        for name in NAMES:
            here = schema == "public" and name == saved
            assert fetch(target, f"select count(*) from {schema}.{quoted(name)}") == [(3 if here else 0,)]


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
    assert finished.drill(Environment("staging", "STAGING_DATABASE_URL", backup=policy), quick.tell).failed == ""
    at = f"{receipt.location}/receipt.json"
    assert finished.restore_table(at, ("public.low", "public.low_then"), quick.url, quick.tell)[1] == 2
    with pytest.raises(UsageError, match=r"does not have the rows of public\.top"):
        finished.restore_table(at, ("public.top", "public.top_then"), quick.url, quick.tell)
    assert fetch(quick.url, "select to_regclass('top_then') is null, (select count(*) from low_then)") == [(True, 2)]
