"""The locks that a statement takes, from its text."""

from __future__ import annotations

import pytest

from ctgitops.sql.locks import LockMode
from ctgitops.sql.parse import statements

CASES = [
    ("alter table t add column x int", {'"t"': 8}),
    ("alter table app.t validate constraint k", {'"app"."t"': 4}),
    ("alter table t alter x set statistics 5, add column y int", {'"t"': 8}),
    ("alter table a add foreign key (x) references b", {'"a"': 6, '"b"': 6}),
    ("alter table a add column x int references s.b", {'"a"': 8, '"s"."b"': 6}),
    ("alter table p attach partition c for values in (1)", {'"p"': 4, '"c"': 8}),
    ("alter table t disable trigger all", {'"t"': 6}),
    ("alter index i rename to j", {'"i"': 8}),
    ("create table a (x int references b)", {'"b"': 6}),
    ("create table c partition of p default", {'"p"': 8}),
    ("create table a (x int)", {}),
    ('drop table a, s."B"', {'"a"': 8, '"s"."B"': 8}),
    ("drop trigger g on t", {'"t"': 8}),
    ("drop policy g on s.t", {'"s"."t"': 8}),
    ("drop function f", {}),
    ("truncate a, b", {'"a"': 8, '"b"': 8}),
    ("create index on t (x)", {'"t"': 5}),
    ("create index concurrently on t (x)", {'"t"': 4}),
    ("drop index concurrently i", {'"i"': 4}),
    ("reindex table concurrently t", {'"t"': 4}),
    ("reindex (concurrently false) table t", {'"t"': 8}),
    ("reindex (concurrently true) table t", {'"t"': 4}),
    ("alter table t detach partition p concurrently", {'"t"': 4, '"p"': 4}),
    ("create trigger g after insert on t for each row execute function f()", {'"t"': 6}),
    ("refresh materialized view m", {'"m"': 8}),
    ("refresh materialized view concurrently m", {'"m"': 7}),
    ("lock table t in share mode", {'"t"': 5}),
    ("lock table t", {'"t"': 8}),
    ("update t set x = 1", {'"t"': 3}),
    ("delete from t", {'"t"': 3}),
    ("insert into t values (1)", {'"t"': 3}),
    ("alter table t set schema s", {'"t"': 8}),
    ("create or replace view v as select 1", {'"v"': 8}),
    ("create policy p on t", {'"t"': 8}),
    ("do $$ begin execute 'drop table t'; end $$", {}),
]


@pytest.mark.parametrize(("sql", "wanted"), CASES, ids=[sql for sql, _ in CASES])
def test_a_statement_locks(sql: str, wanted: dict[str, int]) -> None:
    (statement,) = statements(sql)
    assert {lock.name: lock.mode.value for lock in statement.locks} == wanted


def test_a_conflict_is_one_of_both_sides() -> None:
    for one in LockMode:
        for other in LockMode:
            assert (other in one.conflicts) is (one in other.conflicts)
