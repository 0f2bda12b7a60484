"""Rows that are deleted in ways that the text of a migration does not show are said not to be counted."""

from __future__ import annotations

import re

import pytest

from tests.servers import run
from tests.stories.house import House

pytestmark = pytest.mark.slow
SHADOW = "shadow: {extensions: []}\n"
TABLES = """
create schema "Old Stock";
create table orders (id int primary key); insert into orders select generate_series(1, 12);
create table lines (id int, order_id int references orders on delete cascade);
create table "Old Stock"."Parts" (id int); insert into "Old Stock"."Parts" values (1), (2);
create table audit (id int);
create function clean() returns void language sql as 'delete from orders where id > 4';
create function tidy() returns int language plpgsql as $$ begin delete from "Old Stock"."Parts"; return 1; end $$;
create procedure purge() language plpgsql as $$ begin delete from audit; end $$;
create function on_audit() returns trigger language plpgsql as $$ begin delete from audit; return null; end $$;
create trigger truncates after insert on lines for each statement execute function on_audit();
create function quiet() returns void language sql as 'select count(*) from orders';
"""


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("select clean();", ["public.orders by a function", "public.lines by the foreign key lines_order_id_fkey"]),
        ("SELECT tidy();", ['"Old Stock"."Parts" by a function']),
        ("call purge();", ["public.audit by a function"]),
        ("do $$ begin perform clean(); end $$;", ["public.orders by a function", "public.lines by the foreign key"]),
        ("do $$ begin execute 'delete from ' || 'audit'; end $$;", ["public.audit by a function"]),
        ("insert into lines select 1, 1 where false;", ["public.audit by a function"]),
        ("update orders set id = id where tidy() = 1;", []),
        ("delete from orders where id = 2;", ["public.lines by the foreign key lines_order_id_fkey"]),
        ("with gone as (delete from orders returning id) select 1;", ["public.lines by the foreign key"]),
        ("create function mine() returns void language sql as 'delete from audit'; select mine();", ["public.audit"]),
        ("merge into audit a using (select 1) s on true when matched then update set id = 1;", []),
        ("select quiet();", []),
        ("create table own (id int); delete from own;", []),
    ],
)
def test_rows_that_no_text_shows_are_said_not_to_be_counted(
    house: House, database_url: str, sql: str, tables: list[str]
) -> None:
    house.environment("staging", database_url, SHADOW)
    run(database_url, TABLES)
    house.migration("001_x", sql)
    looked = house.plan()
    told = [line for line in looked.out.splitlines() if "warning[rows-not-counted]" in line]
    assert all(any(f"deletes rows of {table}" in line for line in told) for table in tables), looked.out
    assert len(told) == len(tables), looked.out
    assert ("NOT COUNTED" in looked.out) == bool(tables)


def test_rows_that_a_seed_file_deletes_are_counted(house: House, database_url: str) -> None:
    house.environment("staging", database_url, f"{SHADOW}seeds: [seeds/staging]\n")
    run(database_url, TABLES)
    house.write("seeds/staging/010_x.sql", 'delete from "Old Stock"."Parts"; truncate orders cascade;')
    looked = house.plan()
    assert 'seeds/staging/010_x.sql deletes rows of "Old Stock"."Parts": 2 rows' in looked.words
    assert re.search(r"seeds/staging/010_x.sql empties table \S*orders\S* 12 rows", looked.words), looked.words


@pytest.mark.parametrize(
    ("rollback", "tried"),
    [
        ("'drop table ' || 'notes'", True),
        ("('drop table notes'::text)", True),
        ("format('drop table %I', 'notes')", False),
        ("(select 'drop table notes')", False),
    ],
)
def test_a_rollback_that_is_computed_is_unknown(house: House, database_url: str, rollback: str, tried: bool) -> None:
    house.environment("staging", database_url, SHADOW)
    run(database_url, TABLES)
    house.migration(
        "001_notes", f"create table notes (); select record_migration('001_notes.sql', rollback_sql => {rollback});"
    )
    looked = house.plan()
    assert ("rollback verified: 1" in looked.words) == tried
    assert (
        "the rollback of 001_notes could not be tried: the migration passes its rollback SQL" in looked.words
    ) != tried
    assert ("1 rollback NOT TRIED" in looked.words) != tried
