"""Repeatable files: they run after the migrations, and again when their text changes."""

from __future__ import annotations

import pytest

from ctgitops.core.migration.migration import Seed, is_repeatable
from ctgitops.core.workspace.repeatable import in_dependency_order
from ctgitops.sql.script import Script
from tests.servers import fetch, run
from tests.stories.house import House, marks

TABLE = "create table people (id int primary key, name text, email text);"
INNER = "create or replace view z_inner as select id, name from people;"
OUTER = "create or replace view a_outer as select * from z_inner; -- m_last"
LAST = "create or replace function m_last() returns bigint language sql as 'select count(*) from a_outer';"


def files(*texts: tuple[str, str]) -> tuple[Seed, ...]:
    return tuple(Seed(f"migrations/repeatable/{name}.sql", Script(text, name)) for name, text in texts)


def order(*texts: tuple[str, str]) -> list[str]:
    return [file.name.rpartition("/")[2].removesuffix(".sql") for file in in_dependency_order(files(*texts))]


def test_a_file_runs_after_the_files_whose_objects_it_names() -> None:
    assert order(("a", OUTER), ("m", LAST), ("z", INNER)) == ["z", "a", "m"]
    assert order(("a", "select 1"), ("b", "select 2")) == ["a", "b"]


def test_a_cycle_and_an_unreadable_file_keep_the_order_of_the_names() -> None:
    one, two = "create view one as select * from two", "create view two as select * from one"
    assert order(("a", one), ("b", two)) == ["a", "b"]
    assert order(("a", "create vew"), ("b", INNER)) == ["a", "b"]


def test_the_path_decides_which_file_is_repeatable() -> None:
    assert is_repeatable("migrations/repeatable/views.sql")
    assert is_repeatable("db/migration/sub/R__views.sql")
    assert not is_repeatable("seeds/staging/people.sql")


def calm(house: House) -> None:
    drift = house.run("drift", "--env", "staging")
    assert drift.status == 0, drift.said


@pytest.mark.slow
def test_a_changed_file_runs_again_in_dependency_order_and_drift_knows_it(house: House, database_url: str) -> None:
    house.policy("header: optional\n")
    house.migration("001_people", TABLE, down="drop table people cascade;")
    house.write("migrations/repeatable/a_outer.sql", OUTER)
    house.write("migrations/repeatable/z_inner.sql", INNER)
    house.environment("staging", database_url)
    assert house.run("check").status == 0
    planned = house.plan()
    first, second = planned.out.index("repeatable/z_inner.sql"), planned.out.index("repeatable/a_outer.sql")
    assert planned.out.index("repeatable files to run") < first < second
    house.applied()
    assert "nothing to do" in house.plan().said
    calm(house)
    house.write("migrations/repeatable/z_inner.sql", INNER.replace("name from", "name, email from"))
    assert "1 repeatable file to run" in house.plan().said
    house.applied()
    assert fetch(database_url, "select count(*) from information_schema.columns where table_name = 'z_inner'") == [(3,)]
    assert [mark.split("/")[-1] for mark in marks(database_url)[1:]] == [
        "z_inner.sql applied",
        "a_outer.sql applied",
        "z_inner.sql applied",
    ]
    calm(house)
    run(database_url, "drop view a_outer")
    drifted = house.run("drift", "--env", "staging")
    assert drifted.status == 1
    assert "a_outer" in drifted.said
    house.write("migrations/repeatable/z_inner.sql", "create or replace view z_inner as select nothing from people;")
    failed = house.apply()
    assert failed.status == 6
    assert "z_inner.sql" in failed.said


@pytest.mark.slow
def test_a_baseline_includes_the_repeatable_files(house: House, database_url: str) -> None:
    house.policy("header: optional\n")
    house.migration("001_people", TABLE)
    house.write("migrations/repeatable/z_inner.sql", INNER)
    house.environment("staging", database_url)
    run(database_url, f"{TABLE} {INNER}")
    done = house.run("baseline", "--env", "staging", "--at", "1")
    assert done.status == 0, done.said
    assert "nothing to do" in house.plan().said
    calm(house)


@pytest.mark.slow
def test_a_broken_repeatable_file_blocks_the_check(house: House) -> None:
    house.policy("header: optional\n")
    house.migration("001_people", TABLE)
    house.write("migrations/repeatable/z_inner.sql", "create vew x as select 1;")
    done = house.run("check")
    assert done.status == 3
    assert "migrations/repeatable/z_inner.sql:1" in done.said
