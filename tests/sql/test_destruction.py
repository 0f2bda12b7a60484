"""What a statement of a migration destroys, renames or converts, from its parse tree alone."""

from __future__ import annotations

import pytest

from ctgitops.sql.data_loss import DestructionKind
from ctgitops.sql.destruction import Renamed, Retyped, deletions, destruction
from ctgitops.sql.parse import trees


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("alter table t alter column a type int", ['"a"']),
        ("alter table t alter a type int, add b int, alter c type text", ['"a"', '"c"']),
        ("alter table t add a int, alter b set not null, add constraint c check (d > 0), drop constraint e", []),
    ],
)
def test_only_a_change_of_type_converts_values(sql: str, columns: list[str]) -> None:
    found = [each for tree in trees(sql) for each in destruction(tree)]
    assert [each.column for each in found if isinstance(each, Retyped)] == columns
    assert len(found) == len(columns)
    assert all(not isinstance(each, Renamed) and each.how is DestructionKind.RETYPED for each in found)


@pytest.mark.parametrize(
    ("sql", "lost"),
    [
        ("update t set a = null, b = b || 'x' where c = 1", ["a at most"]),
        ("update t set a = null::text from s where s.id = t.id", ["a at most"]),
        ("update t set (a, b, c) = (null, 2, t.c)", ["a at most", "b at most"]),
        ("update t set (a, b) = (null, 2) where c = 1", ["a at most"]),
        ("update t set a = 1 where c = 1", []),
        ("update t set (a, b) = (select 1, 2)", ["a at most", "b at most"]),
        ("with u as (update t set a = 1 returning 1) select count(*) from u", ["a at most"]),
        ("with u as (update t set a = 1 where b returning 1) select count(*) from u", []),
        ("with u as (with v as (update t set a = null where b) select 1) select 1 from u", ["a at most"]),
        ("merge into t using s on t.id = s.id when matched then update set a = null, b = s.b", ["a at most"]),
        ("merge into t using s on true when matched then update set a = 1, b = t.b + 1", ["a at most"]),
        ("merge into t using s on true when matched and t.b > 1 then update set a = 1", []),
        ("merge into t using s on t.id = s.id when matched then delete", [" at most"]),
        ("merge into t using s on t.id = s.id when not matched then insert values (1)", []),
        ("with d as (delete from t returning *) select count(*) from d", [""]),
        ("with d as (delete from t where a = 1) select 1", [" at most"]),
        ("with d as (delete from t where true) select 1", [""]),
        ("with d as (delete from t returning *) insert into kept select * from d", []),
        ("with d as (delete from t returning *), i as (insert into kept select * from d) select 1", []),
        ("with d as (delete from t returning *) insert into kept select * from other", [""]),
        ("do $$ begin with d as (delete from t where a) select 1; end $$", [" at most"]),
    ],
)
def test_data_that_a_merge_or_a_statement_in_a_with_destroys_is_found(sql: str, lost: list[str]) -> None:
    found = [each for tree in trees(sql) for each in destruction(tree) if not isinstance(each, Renamed)]
    said = [f"{each.column.strip(chr(34))}{' at most' * each.only_some}" for each in found]
    assert said == lost
    assert {each.name for each in found} <= {'"t"'}


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("with d as (delete from t returning *) insert into kept select * from d", {'"t"'}),
        ("merge into s.t using x on true when matched then delete", {'"s"."t"'}),
        ("delete from t; drop table u", {'"t"'}),
        ("select clean()", set()),
    ],
)
def test_tables_from_which_a_text_deletes_rows(sql: str, tables: set[str]) -> None:
    assert {name for tree in trees(sql) for name in deletions(tree)} == tables
