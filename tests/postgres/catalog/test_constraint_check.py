"""Rows that break a constraint which PostgreSQL takes for true."""

from __future__ import annotations

import pytest

from ctgitops.core.view.constraint_check import Checked, deep_problems
from ctgitops.postgres.catalog import constraint_check
from ctgitops.postgres.connection.connect import Address
from tests.servers import fetch, run

SOUND = """
create schema "S 1"; create table "S 1".p (a int, "B b" text, primary key (a, "B b"));
create table c (id int primary key, a int not null, b text, foreign key (a, b) references "S 1".p);
create table full_match (a int, b text, foreign key (a, b) references "S 1".p match full);
create table parted (id int primary key, p int references c) partition by range (id);
create table parted_1 partition of parted for values from (0) to (100);
create table checked (n int check (n > 0), v numeric(5, 2) check (v is null or v < 10), check (n <> 7));
create table child () inherits (checked);
create table names (name text, gone bool, part int); create unique index on names (lower(name)) where not gone;
create unique index on names (part) include (name);
insert into "S 1".p values (1, 'x'), (2, 'y'); insert into c values (1, 1, 'x'), (2, 2, null);
insert into full_match values (1, 'x'), (null, null); insert into parted values (5, 1), (6, null);
insert into checked values (1, 1), (null, null); insert into child values (2, 2);
insert into names values ('a', false, 1), ('A', true, null), ('A', true, null), (null, false, 4), (null, false, 5);
"""


def broken(url: str) -> dict[str, int]:
    checked = constraint_check.checked_at(Address(url, "staging"))
    assert [each for each in checked if each.unknown] == []
    return {f"{each.kind} {each.name}": each.rows for each in checked if each.rows}


def unchecked(statement: str) -> str:
    return f"set session_replication_role = replica; {statement}; reset session_replication_role"


def test_a_sound_database_has_nothing_and_everything_is_looked_at(database_url: str) -> None:
    run(database_url, SOUND)
    assert broken(database_url) == {}
    kinds = [each.kind for each in constraint_check.checked_at(Address(database_url, "staging"))]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "CHECK constraint": 6,
        "NOT NULL": 3,
        "foreign key": 3,
        "unique index": 5,
    }


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("insert into c values (3, 9, 'x')", {"foreign key c_a_b_fkey of public.c": 1}),
        ("insert into full_match values (1, null)", {"foreign key full_match_a_b_fkey of public.full_match": 1}),
        ("insert into parted values (7, 99), (8, 98)", {"foreign key parted_p_fkey of public.parted": 2}),
    ],
)
def test_foreign_keys_that_hold_no_longer_are_found(database_url: str, statement: str, found: dict[str, int]) -> None:
    run(database_url, SOUND + unchecked(statement))
    assert broken(database_url) == found


def test_rows_of_a_check_a_not_null_and_a_unique_index_that_hold_no_longer_are_found(database_url: str) -> None:
    """As nothing but a damaged catalogue, a changed function or a changed collation brings about."""
    run(
        database_url,
        SOUND
        + """
        create function fits(int) returns bool language sql immutable as 'select true';
        create table t (a int check (fits(a)), b int, c int); insert into t values (1, null, 5), (2, null, 5);
        create or replace function fits(int) returns bool language sql immutable as 'select $1 <> 1';
        create unique index t_c on t (c) where a < 0;
        update pg_attribute set attnotnull = true where attrelid = 't'::regclass and attname = 'b';
        update pg_index set indpred = null where indexrelid = 't_c'::regclass;
        """,
    )
    assert broken(database_url) == {
        "CHECK constraint t_a_check of public.t": 1,
        "NOT NULL of b in public.t": 2,
        "unique index public.t_c of public.t": 1,
    }


def test_what_may_not_be_read_or_takes_too_long_was_not_checked(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = database_url.split("/")[3].split("?", maxsplit=1)[0]
    run(database_url, f'{SOUND} create role "{role}" login')
    checked = constraint_check.checked_at(Address(database_url.replace("postgres@", f"{role}@"), "staging"))
    assert all("permission denied" in each.unknown for each in checked)
    monkeypatch.setattr(constraint_check, "SECONDS_IN_ALL", 0)
    checked = constraint_check.checked_at(Address(database_url, "staging"))
    assert all("timeout: 0 s for all constraints" in each.unknown for each in checked)
    assert {problem.code for problem in deep_problems(checked)} == {"not-checked"}
    run(database_url, "create function slow(int) returns bool language sql as 'select pg_sleep(9) is not null'")
    run(database_url, "create table s (a int); insert into s values (1)")
    run(database_url, "alter table s add check (slow(a)) not valid")
    run(database_url, "update pg_constraint set convalidated = true where conname = 's_a_check'")
    monkeypatch.undo()
    monkeypatch.setattr(constraint_check, "SECONDS_EACH", 0.2)
    slow = [each for each in constraint_check.checked_at(Address(database_url, "staging")) if each.unknown]
    assert [(each.name, each.unknown) for each in slow] == [("s_a_check of public.s", "timeout: 0 s")]


def test_the_query_in_the_help_finds_the_rows(database_url: str) -> None:
    run(database_url, SOUND + unchecked("insert into c values (3, 9, 'x')"))
    [problem] = deep_problems(constraint_check.checked_at(Address(database_url, "staging")))
    assert problem.what == "1 row violates foreign key c_a_b_fkey of public.c, which PostgreSQL assumes valid"
    query = problem.hint.split("`")[1]
    assert fetch(database_url, query) == [(3, 9, "x")]
    assert problem.blocks


def test_what_is_many_is_not_counted_to_its_end(database_url: str) -> None:
    run(database_url, SOUND + unchecked("insert into c select n, 9, 'x' from generate_series(3, 2000) n"))
    [problem] = deep_problems(constraint_check.checked_at(Address(database_url, "staging")))
    assert problem.what.startswith("1,000 or more rows violate foreign key")


def test_a_unique_index_names_its_cure() -> None:
    [problem] = deep_problems((Checked("unique index", "public.i of public.t", "t", rows=2),))
    assert problem.what == "2 values occur more than once, although public.i of public.t is unique"
    assert "`REINDEX INDEX CONCURRENTLY public.i;`" in problem.hint
