"""What an interrupted statement outside a transaction can leave behind, from its parse tree."""

from __future__ import annotations

import pytest

from ctgitops.sql.deparse import index_on_probe
from ctgitops.sql.interruption import LeftoverKind, Leftovers
from ctgitops.sql.parse import statements


@pytest.mark.parametrize(
    ("sql", "left"),
    [
        ("create index concurrently i on s.t (a)", Leftovers(LeftoverKind.INDEX, '"i"', '"s"."t"')),
        ('create index concurrently if not exists "I""x" on t (a)', Leftovers(LeftoverKind.INDEX, '"I""x"', '"t"')),
        ("create index concurrently on t (a)", Leftovers(LeftoverKind.INDEX, "", '"t"')),
        ("drop index concurrently if exists s.i", Leftovers(LeftoverKind.DROPPED_INDEX, '"s"."i"')),
        ("reindex index concurrently s.i", Leftovers(LeftoverKind.REINDEXED, '"s"."i"', catalogue="index")),
        ("reindex (concurrently) table t", Leftovers(LeftoverKind.REINDEXED, '"t"', catalogue="table")),
        ("reindex schema concurrently s", Leftovers(LeftoverKind.REINDEXED, '"s"', catalogue="schema")),
        ("reindex schema s", Leftovers(LeftoverKind.NOTHING)),
        ("alter table s.p detach partition s.q concurrently", Leftovers(LeftoverKind.DETACHED, '"s"."q"', '"s"."p"')),
        ("create database d", Leftovers(LeftoverKind.CREATED, "d", catalogue="database")),
        ("drop database d", Leftovers(LeftoverKind.DROPPED, "d", catalogue="database")),
        ("drop tablespace d", Leftovers(LeftoverKind.DROPPED, "d", catalogue="tablespace")),
        ("vacuum t", Leftovers(LeftoverKind.NOTHING)),
        ("alter system set work_mem = '1MB'", Leftovers(LeftoverKind.NOTHING)),
        ("create index i on t (a)", None),
        ("alter type e add value 'x'", None),
        ("call p()", None),
    ],
)
def test_it_is_known_by_its_names(sql: str, left: Leftovers | None) -> None:
    assert statements(sql)[0].leftovers == left


def test_an_index_can_be_tried_on_another_table() -> None:
    sql = 'create unique index concurrently if not exists "I" on s.t using btree (lower(a), b desc) where c > 1'
    tried = statements(index_on_probe(sql, "probe"))[0]
    assert not tried.refused_in_transaction
    assert "pg_temp.probe" in index_on_probe(sql, "probe")
    assert "lower(a), b DESC" in index_on_probe(sql, "probe")
