"""Seed files run after the migrations and again when they change, each together with its entry or not at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.servers import fetch, run
from tests.stories.house import House, facts, marks

UPSERT = "insert into one values ({}) on conflict do nothing;\n"


@pytest.mark.slow
def test_they_run_after_the_migrations_and_again_only_when_they_change(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "create table two (id int);")
    lived_in.write("seeds/staging/020_two.sql", "insert into two values (1);\n")
    lived_in.write("seeds/staging/010_one.sql", UPSERT.format(10))
    assert "2 seed files to run" in lived_in.plan().out
    done = lived_in.applied()
    assert "1 migration and 2 seed files applied" in done.out
    seeds = ["seeds/staging/010_one.sql applied", "seeds/staging/020_two.sql applied"]
    assert marks(database_url) == ["001_one applied", "002_two applied", *seeds]
    assert lived_in.applied().out.startswith("staging: up to date")
    lived_in.write("seeds/staging/010_one.sql", UPSERT.format(11))
    lived_in.applied()
    assert marks(database_url)[4:] == [seeds[0]]
    assert fetch(database_url, "select id from one order by 1") == [(1,), (10,), (11,)]
    lived_in.write("seeds/staging/010_one.sql", UPSERT.format(10))
    lived_in.applied()
    assert marks(database_url)[5:] == [seeds[0]]


@pytest.mark.slow
def test_one_that_fails_leaves_no_trace_and_is_run_again(lived_in: House, database_url: str) -> None:
    lived_in.write("seeds/staging/010_one.sql", "insert into one values (5);\n\ninsert into one values (1);\n")
    before = facts(database_url)
    done = lived_in.apply()
    assert done.status == 6, done.said
    assert "seeds/staging/010_one.sql:3:1" in done.words
    assert "SQLSTATE 23505" in done.words
    assert "left no trace" in done.words
    assert facts(database_url) == before
    assert marks(database_url) == ["001_one applied", "seeds/staging/010_one.sql failed"]
    lived_in.write("seeds/staging/010_one.sql", UPSERT.format(5))
    lived_in.applied()
    assert fetch(database_url, "select id from one order by 1") == [(1,), (5,)]


@pytest.mark.slow
@pytest.mark.parametrize(("row", "known"), [(3, True), (10, True), (7, False)], ids=["migration", "seed", "by hand"])
def test_the_trial_has_the_rows_of_merged_files(lived_in: House, database_url: str, row: int, *, known: bool) -> None:
    lived_in.environment("staging", database_url, "shadow: {}\n")
    lived_in.migration("002_two", "create table two (one int references one);\ninsert into one values (3);")
    lived_in.write("seeds/staging/010_one.sql", UPSERT.format(10))
    lived_in.applied()
    run(database_url, "insert into one values (7)")
    lived_in.write("seeds/staging/020_two.sql", f"insert into two values ({row});\n")
    looked = lived_in.plan()
    assert ("1 of 1 seed file" in looked.words) is known, looked.said
    assert ("NOT TRIED" in looked.out) is not known
    lived_in.applied()


@pytest.mark.slow
def test_each_environment_has_its_own(lived_in: House, make_database: Callable[[], str]) -> None:
    production = make_database()
    lived_in.environment("production", production)
    lived_in.write("seeds/staging/010_one.sql", UPSERT.format(5))
    lived_in.applied()
    assert lived_in.run("apply", "--env", "production").status == 0
    assert marks(production) == ["001_one applied"]
    assert fetch(production, "select count(*) from one") == [(0,)]


def test_one_with_a_syntax_error_stops_the_migrations_too(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "create table two ();")
    lived_in.write("seeds/staging/010_one.sql", "insert into one\nvalues 1;\n")
    before = facts(database_url), marks(database_url)
    done = lived_in.apply()
    assert done.status == 3, done.said
    assert "seeds/staging/010_one.sql:2:8" in done.words
    assert (facts(database_url), marks(database_url)) == before


@pytest.mark.slow
def test_a_changed_seed_file_changes_the_fingerprint(lived_in: House, database_url: str) -> None:
    lived_in.write("seeds/staging/010_one.sql", UPSERT.format(5))
    assert lived_in.plan("--out", "plan.json").status == 0
    lived_in.write("seeds/staging/010_one.sql", UPSERT.format(6))
    assert lived_in.apply("--plan", "plan.json").status == 5
    assert fetch(database_url, "select count(*) from one") == [(1,)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "sql", ["create index concurrently on one (id);\n", "-- ctgitops: no transaction\ninsert into one values (7);\n"]
)
def test_one_that_cannot_be_a_transaction_is_refused_before_anything_runs(
    lived_in: House, database_url: str, sql: str
) -> None:
    lived_in.migration("002_two", "create table two ();")
    lived_in.write("seeds/staging/010_one.sql", sql)
    before = facts(database_url), marks(database_url)
    for done in (lived_in.run("check"), lived_in.plan(), lived_in.apply()):
        assert done.status == 3, done.said
        assert "error[seed-transaction]" in done.out
        assert "seeds/staging/010_one.sql:1" in done.words
        assert "into a migration" in done.words
    assert (facts(database_url), marks(database_url)) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sql", "status", "said"),
    [
        ("insert into two values (1);", 0, "it runs, 1 of 1 seed file runs"),
        ("insert into Nothing values (1);", 3, "error[fails]: the seed file fails on a copy of staging's schema"),
        ("copy two from program 'id';", 0, "1 seed file NOT TRIED"),
        (
            "do $$ begin perform 1 / (select count(*) from one where id > 1); end $$;",
            0,
            "the copy has the schema but no rows",
        ),
    ],
)
def test_they_are_tried_after_the_migrations_or_said_not_to_be(
    lived_in: House, database_url: str, sql: str, status: int, said: str
) -> None:
    lived_in.environment("staging", database_url, "shadow: {extensions: []}\nseeds: [seeds/staging]\n")
    lived_in.migration("002_two", "create table two (id int);")
    lived_in.write("seeds/staging/010_two.sql", sql)
    looked = lived_in.plan()
    assert looked.status == status, looked.said
    assert said in looked.words
    headline = lived_in.plan("--format", "markdown").out[:5]
    assert ("⛔" in headline, "❓" in headline) == (status == 3, "NOT TRIED" in looked.out)


@pytest.mark.slow
def test_alone_they_are_tried_too_and_without_a_sandbox_they_are_unknown(lived_in: House, database_url: str) -> None:
    lived_in.environment("staging", database_url, "shadow: {extensions: []}\nseeds: [seeds/staging]\n")
    lived_in.write("seeds/staging/010_one.sql", UPSERT.format(10))
    assert "1 of 1 seed file runs" in lived_in.plan().out
    lived_in.environment("staging", database_url, "shadow: none\nseeds: [seeds/staging]\n")
    looked = lived_in.plan()
    assert "1 seed file NOT TRIED" in looked.out
    assert lived_in.plan("--format", "markdown").out.startswith("### ❓")
    assert looked.status == 0
