"""What the trial cannot try is not known, on every page: statements that the copy refuses, and row triggers."""

from __future__ import annotations

import json

import pytest

from tests.servers import fetch, run
from tests.stories.house import House

pytestmark = pytest.mark.slow

SHADOW = "shadow: {extensions: []}\n"
TRIGGERS = """
create table t (id int primary key, a int, b int); insert into t values (1, 1, 1);
create function f() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger noted before update on t for each row execute function f();
create trigger on_b after update of b on t for each row execute function f();
create trigger removed after delete on t for each row execute function f();
create trigger off before update on t for each row execute function f();
alter table t disable trigger off;
create trigger per_statement after update on t execute function f();
"""


@pytest.mark.parametrize(
    ("sql", "line"),
    [
        ("create publication p for all tables;\nalter table a add column x int;\nupdate a set id = id;", 1),
        ("alter table a add column x int;\ncopy a from program 'id';\nalter table a add column y int;", 2),
        ("alter table a add column x int;\ncopy a to '/tmp/x';", 2),
        ("alter table a add column x int;\ndo $$ begin perform 1 / (select count(*) from a); end $$;", 2),
    ],
)
def test_from_the_statement_that_stops_the_trial_on_nothing_is_claimed(
    house: House, database_url: str, sql: str, line: int
) -> None:
    """Seen to fail with `no blocking`, and a plan whose mark was green."""
    house.environment("staging", database_url, SHADOW)
    run(database_url, "create table a (id int); insert into a values (1)")
    house.migration("001_x", "select 1;")
    house.applied()
    house.migration("002_x", sql)
    text, page = house.plan().words, house.plan("--format", "markdown").out
    data = json.loads(house.plan("--format", "json").out)
    assert f"not known from line {line} on, because" in text
    assert "to try it:" in text
    assert "1 migration NOT TRIED" in text
    assert page.startswith("### ❓ ")
    assert "| ❓ | <code>002_x</code>" in page
    for each in (text, page):
        assert "no blocking" not in each
    assert data["state"] == data["steps"][0]["state"] == "unknown"
    assert [gap["line"] for gap in data["steps"][0]["unknown"]] == [line]


CASCADES = """
create function f() returns trigger language plpgsql as $$ begin return coalesce(new, old); end $$;
create schema "Other";
create table p (id int primary key, code int unique); insert into p values (1, 1);
create table c (id int, p_id int references p on delete cascade on update cascade);
create table "Other"."Leaf" (id int primary key, p int references p (id) on delete set null, code int
  constraint by_code references p (code) on update cascade);
create table deep (l int references "Other"."Leaf" on delete cascade);
create trigger c_gone after delete on c for each row execute function f();
create trigger c_set before update of p_id on c for each row execute function f();
create trigger leaf_null after update of p on "Other"."Leaf" for each row execute function f();
create trigger leaf_code after update of code on "Other"."Leaf" for each row execute function f();
create trigger deep_gone after delete on deep for each row execute function f();
create table parts (id int, at int) partition by range (at);
create table parts_1 partition of parts for values from (0) to (10);
create trigger whole after update on parts for each row execute function f();
create trigger part after delete on parts_1 for each row execute function f();
"""


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("delete from p;", ["c_gone", "leaf_null"]),
        ("DELETE FROM public.p WHERE code > 4;", ["c_gone", "leaf_null"]),
        ("update p set id = id + 1;", ["c_set"]),
        ("update p set code = code + 1;", ["leaf_code"]),
        ("with x as (delete from p returning id) select count(*) from x;", ["c_gone", "leaf_null"]),
        ("do $$ begin delete from p; end $$;", ["c_gone", "leaf_null"]),
        ('delete from "Other"."Leaf";', ["deep_gone"]),
        ("delete from parts;", ["part"]),
        ("update parts_1 set id = 2;", ["whole"]),
        ("update parts set id = 2;", ["whole"]),
        ("alter table c drop constraint c_p_id_fkey; delete from p where id = 4;", ["c_gone", "leaf_null"]),
        (
            "create trigger fresh before delete on c for each row execute function f(); delete from c;",
            ["c_gone, fresh"],
        ),
        ("drop trigger c_gone on c; delete from c;", []),
        ("insert into p values (7, 7);", []),
    ],
)
def test_row_triggers_of_cascades_and_partitions_are_named(
    house: House, database_url: str, sql: str, names: list[str]
) -> None:
    house.environment("staging", database_url, SHADOW)
    run(database_url, CASCADES)
    house.migration("001_x", sql)
    looked = house.plan()
    told = [line for line in looked.out.splitlines() if "warning[row-trigger]" in line]
    assert all(any(name in line for line in told) for name in names), looked.out
    assert len(told) == len(names)


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("update t set a = 2;", "row trigger noted"),
        ("update t set b = 2;", "row triggers noted, on_b"),
        ("alter table t add c int; update t set a = 2;", "row trigger noted"),
        ("delete from t;", "row trigger removed"),
        ("do $$ begin update t set b = 1; end $$;", "row triggers noted, on_b"),
        ("do $$ begin execute 'update t set b = 1'; end $$;", "row triggers noted, on_b, removed"),
        ("alter table t disable trigger all; update t set a = 2;", ""),
        ("insert into t values (2, 2, 2);", ""),
        ("alter table t add c int;", ""),
    ],
)
def test_row_triggers_that_the_copy_cannot_run_are_named(house: House, database_url: str, sql: str, names: str) -> None:
    house.environment("staging", database_url, SHADOW)
    run(database_url, TRIGGERS)
    house.migration("001_x", sql)
    looked = house.plan()
    assert ("warning[row-trigger]" in looked.out) == bool(names)
    assert names in looked.words
    assert ("row trigger NOT TRIED" in looked.words) == bool(names)
    assert fetch(database_url, "select b from t") == [(1,)]


@pytest.mark.parametrize(
    ("sql", "leak"),
    [
        ("set search_path = public;", "setting search_path"),
        ("create temp table left_behind (a int);", "temporary table left_behind"),
        ("create table pg_temp.hidden (a int);", "temporary table hidden"),
        ("create temp view left_view as select 1;", "temporary view left_view"),
        ("create temp sequence left_numbers;", "temporary sequence left_numbers"),
        ("create type pg_temp.left_mood as enum ('a');", "temporary type left_mood"),
        ('CREATE TYPE "pg_temp"."Left Pair" AS (a int);', "temporary type Left Pair"),
        ("create domain pg_temp.left_domain as int;", "temporary type left_domain"),
        ("create temporary table left_parts (id int) partition by range (id);", "temporary table left_parts"),
        ("create temp table left_serial (id serial);", "temporary table left_serial"),
        ("select 1 as a into temp left_into;", "temporary table left_into"),
        ("do $$ begin execute 'create temp sequence left_by_do'; end $$;", "temporary sequence left_by_do"),
        ("create function pg_temp.left_f() returns int language sql as 'select 1';", "temporary function left_f"),
        ("do $$ begin perform set_config('work_mem', '9MB', false); end $$;", "setting work_mem"),
        ("set local work_mem = '9MB'; create temp table own (a int) on commit drop;", ""),
    ],
)
def test_what_a_step_leaves_in_its_session_is_in_the_plan(house: House, database_url: str, sql: str, leak: str) -> None:
    """Seen to fail with a plan that says nothing of what apply warns about afterwards."""
    house.environment("staging", database_url, SHADOW)
    house.migration("001_x", sql)
    looked = house.plan()
    assert ("warning[session]: 001_x leaks session state" in looked.words) == bool(leak)
    assert leak in looked.words
    assert ("warning[session]" in house.applied().out) == bool(leak)
