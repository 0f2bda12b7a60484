"""The data that SQL destroys is determined from its parse tree, and from nothing else."""

from __future__ import annotations

import pytest

from ctgitops.sql.data_loss import Destroyed, DestructionKind
from ctgitops.sql.deparse import count_where
from ctgitops.sql.parse import what_it_destroys, what_it_makes


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("drop table if exists a.b, C cascade", [("drops table", '"a"."b"', ""), ("drops table", '"c"', "")]),
        ("drop schema x cascade", [("drops schema", '"x"', "")]),
        ("drop schema x", []),
        ('alter table a.b drop column "C", add column d int', [("drops column", '"a"."b"', '"C"')]),
        ("truncate a, b.c", [("empties table", '"a"', ""), ("empties table", '"b"."c"', "")]),
        ("delete from a", [("deletes rows of", '"a"', "")]),
        ("with d as (delete from q returning 1) select * from d", [("deletes rows of", '"q"', "")]),
        ("update a set b = 1", [("overwrites rows of", '"a"', "")]),
        ("drop view v; drop index i; drop function f(); drop type t; alter table a rename to b", []),
        ("do $$ begin delete from a; end $$", [("does what nobody can read from its text", "a DO block", "")]),
        ("drop type t cascade", [("does what nobody can read from its text", "DROP TYPE … CASCADE", "")]),
    ],
)
def test_what_goes_and_how(sql: str, expected: list[tuple[str, str, str]]) -> None:
    assert [(d.how.value, d.name, d.column) for _, d in what_it_destroys(sql)] == expected


def test_each_is_told_with_its_statement() -> None:
    found = what_it_destroys("create table a (); drop table b; truncate c")
    assert [(index, d.name) for index, d in found] == [(1, '"b"'), (2, '"c"')]
    assert found[0][1] == Destroyed(DestructionKind.TABLE, '"b"')


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "delete from a.b as x where x.id = 1 or word = 'it''s'",
            "SELECT pg_catalog.count(*) FROM a.b x WHERE x.id = 1 OR word = 'it''s'",
        ),
        ("update a set b = 1 where b is null", "SELECT pg_catalog.count(*) FROM a WHERE b IS NULL"),
        ("delete from a using b where a.id = b.id", ""),
        ("with w as (select 1) delete from a where id in (select * from w)", ""),
        ("merge into a using b on a.id = b.id when matched then delete", ""),
        ("delete from a where current of c", ""),
    ],
)
def test_which_rows_is_asked_with_the_condition_of_the_statement(sql: str, expected: str) -> None:
    assert count_where(sql) == expected


def test_what_a_file_makes() -> None:
    made = what_it_makes("create table a.b (); alter table c add column d int; create table e as select 1")
    assert made == {('"a"."b"', ""), ('"c"', '"d"'), ('"e"', "")}


@pytest.mark.parametrize(
    ("sql", "how", "some"),
    [
        ("delete from a where b = 1", DestructionKind.DELETED, True),
        ("delete from a", DestructionKind.DELETED, False),
        ("update a set b = 1 where c = 2", DestructionKind.OVERWRITTEN, True),
        ("update a set b = 1", DestructionKind.OVERWRITTEN, False),
        ("merge into a using b on a.i = b.i when matched then update set c = 1", DestructionKind.OVERWRITTEN, False),
        ("truncate a", DestructionKind.EMPTIED, False),
    ],
)
def test_a_where_destroys_only_some_rows(sql: str, how: DestructionKind, some: bool) -> None:
    ((_, destroyed),) = what_it_destroys(sql)
    assert (destroyed.how, destroyed.name, destroyed.only_some) == (how, '"a"', some)
