"""What an interrupted statement outside a transaction can leave behind, from its parse tree."""

from __future__ import annotations

import pytest

from ctgitops.sql.deparse import index_on_probe
from ctgitops.sql.interruption import Leaves, Leaving
from ctgitops.sql.parse import statements


@pytest.mark.parametrize(
    ("sql", "left"),
    [
        ("create index concurrently i on s.t (a)", Leaves(Leaving.INDEX, '"i"', '"s"."t"')),
        ('create index concurrently if not exists "I""x" on t (a)', Leaves(Leaving.INDEX, '"I""x"', '"t"')),
        ("create index concurrently on t (a)", Leaves(Leaving.INDEX, "", '"t"')),
        ("drop index concurrently if exists s.i", Leaves(Leaving.DROPPED_INDEX, '"s"."i"')),
        ("reindex index concurrently s.i", Leaves(Leaving.REINDEXED, '"s"."i"', catalogue="index")),
        ("reindex (concurrently) table t", Leaves(Leaving.REINDEXED, '"t"', catalogue="table")),
        ("reindex schema concurrently s", Leaves(Leaving.REINDEXED, '"s"', catalogue="schema")),
        ("reindex schema s", Leaves(Leaving.NOTHING)),
        ("alter table s.p detach partition s.q concurrently", Leaves(Leaving.DETACHED, '"s"."q"', '"s"."p"')),
        ("create database d", Leaves(Leaving.CREATED, "d", catalogue="database")),
        ("drop database d", Leaves(Leaving.DROPPED, "d", catalogue="database")),
        ("drop tablespace d", Leaves(Leaving.DROPPED, "d", catalogue="tablespace")),
        ("vacuum t", Leaves(Leaving.NOTHING)),
        ("alter system set work_mem = '1MB'", Leaves(Leaving.NOTHING)),
        ("create index i on t (a)", None),
        ("alter type e add value 'x'", None),
        ("call p()", None),
    ],
)
def test_it_is_known_by_its_names(sql: str, left: Leaves | None) -> None:
    assert statements(sql)[0].leaves == left


def test_an_index_can_be_tried_on_another_table() -> None:
    sql = 'create unique index concurrently if not exists "I" on s.t using btree (lower(a), b desc) where c > 1'
    tried = statements(index_on_probe(sql, "probe"))[0]
    assert not tried.refused_in_transaction
    assert "pg_temp.probe" in index_on_probe(sql, "probe")
    assert "lower(a), b DESC" in index_on_probe(sql, "probe")
