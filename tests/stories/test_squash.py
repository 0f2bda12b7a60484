"""A squashed file gives a new database what its migrations give it, and its ledger lists each of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers import fetch, run
from tests.stories.house import House, has, marks, until

PEOPLE = """create table people (id int generated always as identity primary key, name text not null,
    added timestamptz not null default now(), day date default current_date, boss int references people);
comment on table people is 'who works here';
insert into people (name) values ('Anna'), ('Bo');
update people set boss = 1 where id = 2;"""
RULES = """alter table people enable row level security;
create policy everybody on people using (true);
create function shout() returns trigger language plpgsql as $$ begin new.name := upper(new.name); return new; end $$;
create trigger loud before insert on people for each row execute function shout();
create index people_name on people (name);
grant select on people to public;
alter default privileges grant select on tables to public;
create materialized view names as select name from people;"""
BACK = """drop materialized view names; drop trigger loud on people; drop function shout();
drop policy everybody on people; drop index people_name; revoke select on people from public;
alter table people disable row level security; alter default privileges revoke select on tables from public;"""
KINDS = """create type kind as enum ('a', 'b'); create table kinds (kind kind primary key);
insert into kinds values ('b'), ('a');"""
LEDGER = """select number, name, mark, checksum, sql, rollback_sql from ctgitops.ledger
where number is not null order by id"""
FILE = "migrations/squashed/003_kinds.sql"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with three migrations and their squashed file, which takes seconds to make."""
    house = House(tmp_path_factory.mktemp("squashed") / "repository")
    house.policy("header: optional\nlint: {open-grant: off}\n")
    house.migration("001_people", PEOPLE, down="drop table people;", verify="select count(*) = 2 from people;")
    house.migration("002_rules", RULES, down=BACK)
    house.migration("003_kinds", KINDS, down="drop table kinds; drop type kind;")
    done = house.run("squash", "--to", "3")
    assert done.status == 0, done.said
    assert "public.people.added is filled by its default" in done.words
    return house.root


@pytest.fixture
def squashed(made: Path, house: House) -> House:
    """A copy of that repository, with an environment whose database is new."""
    shutil.copytree(made, house.root, dirs_exist_ok=True)
    return house


@pytest.mark.slow
def test_a_new_database_gets_the_squashed_file_and_is_equal(
    squashed: House, database_url: str, make_database: Callable[[], str]
) -> None:
    text = (squashed.root / FILE).read_text("utf-8")
    assert "squash" not in squashed.run("check").said
    assert squashed.run("squash", "--to", "003_kinds").status == 0
    assert (squashed.root / FILE).read_text("utf-8") == text, "two runs give the same bytes"
    squashed.environment("staging", database_url, "shadow: {}\n")
    plan = squashed.plan()
    assert plan.status == 0, plan.said
    assert f"003_kinds is {FILE}, which replaces 001 to 003 (3 migrations)" in plan.words
    squashed.applied()
    assert marks(database_url)[1:] == ["001_people applied", "002_rules applied", "003_kinds applied"]
    assert squashed.plan().words.startswith("staging: nothing to do")
    assert squashed.run("drift", "--env", "staging").status == 0
    assert squashed.run("verify", "--env", "staging", "--fail-on", "error").status == 0

    (squashed.root / FILE).rename(squashed.root / "squashed.sql")
    originals = make_database()
    squashed.environment("originals", originals)
    assert squashed.run("apply", "--env", "originals").status == 0
    assert fetch(database_url, LEDGER) == fetch(originals, LEDGER)
    assert squashed.run("diff", "staging", "originals").status == 0
    query = "select id, name, boss, added is not null, xmin is null from people order by id"
    assert fetch(database_url, query) == fetch(originals, query)
    for url in (database_url, originals):
        run(url, "insert into people (name) values ('cleo')")
        assert fetch(url, "select id, name from people order by id desc limit 1") == [(3, "CLEO")]
        assert fetch(url, "select name from names order by 1") == [("Anna",), ("Bo",)]


@pytest.mark.slow
def test_it_is_rolled_back_one_migration_at_a_time(squashed: House, database_url: str) -> None:
    assert "rollback --env staging --steps 3" in squashed.plan("--format", "markdown").words
    squashed.applied()
    history = squashed.run("history", "--env", "staging").words
    assert f"{FILE}: baselined: ran instead of 3 migrations" in history
    assert "created by" not in history
    assert (
        squashed.run(
            "rollback",
            "--env",
            "staging",
            "--to",
            "0",
            "--accept-data-loss",
            "001_people",
            "--accept-data-loss",
            "003_kinds",
        ).status
        == 0
    )
    assert not has(database_url, "people")
    assert not has(database_url, "kinds")
    assert [mark for mark in marks(database_url) if "rolled-back" in mark] == [
        "003_kinds rolled-back",
        "002_rules rolled-back",
        "001_people rolled-back",
    ]


@pytest.mark.slow
def test_other_databases_go_on_with_the_originals(squashed: House, database_url: str) -> None:
    assert squashed.apply("--to", "1").status == 0, "a target before the end of the squashed file"
    assert marks(database_url) == ["001_people applied"]
    squashed.applied()
    assert marks(database_url)[1:] == ["002_rules applied", "003_kinds applied"]
    assert squashed.plan("--format", "json").json["steps"] == []


@pytest.mark.slow
def test_a_changed_file_makes_the_squashed_file_invalid(squashed: House, database_url: str) -> None:
    squashed.migration("002_rules", RULES + "\nselect 1;", down=BACK)
    check = squashed.run("check", "--format", "json")
    assert check.status == 1, check.said
    (problem,) = [each for each in check.json["problems"] if each["code"] == "squash"]
    assert "migrations/002_rules.sql was changed after it was squashed" in problem["what"]
    assert "`ctgitops squash --to 003` again" in problem["hint"]
    plan = squashed.plan("--format", "json").json
    assert [step["name"] for step in plan["steps"]] == ["001_people", "002_rules", "003_kinds"]
    assert [each["code"] for each in plan["problems"]] == ["squash"]
    squashed.applied()
    assert marks(database_url) == ["001_people applied", "002_rules applied", "003_kinds applied"]
    assert "squash" not in squashed.plan().said, "the database has its migrations"


@pytest.mark.slow
def test_production_by_the_squashed_file_needs_what_staging_has(
    squashed: House, database_url: str, make_database: Callable[[], str]
) -> None:
    production = make_database()
    squashed.environment("production", production, "after: staging\n")
    assert squashed.apply("--to", "2").status == 0
    early = squashed.run("apply", "--env", "production")
    assert early.status == 5, early.said
    assert "staging does not have 003_kinds yet" in early.words
    squashed.applied()
    assert squashed.run("apply", "--env", "production").status == 0
    assert fetch(production, LEDGER) == fetch(database_url, LEDGER)
    squashed.migration("004_more", "create table more (id int);")
    squashed.applied()
    later = squashed.run("apply", "--env", "production")
    assert later.status == 0, later.said
    assert marks(production)[-1] == "004_more applied"


@pytest.mark.slow
def test_it_is_killed_in_the_middle(squashed: House, database_url: str) -> None:
    """Nothing of the file is in the database then, and the next run applies it."""
    run(
        database_url,
        "create function slow() returns event_trigger language plpgsql as "
        "$$ begin perform pg_sleep(60); end $$; "
        "create event trigger slow on ddl_command_end when tag in ('CREATE POLICY') execute function slow()",
    )
    running = squashed.start("apply", "--env", "staging")
    until(lambda: fetch(database_url, "select from pg_stat_activity where wait_event = 'PgSleep'"))
    running.kill()
    running.ended()
    run(
        database_url,
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
        "and pid <> pg_backend_pid(); drop event trigger slow; drop function slow()",
    )
    assert not has(database_url, "people")
    assert marks(database_url) == []
    squashed.applied()
    assert marks(database_url)[1:] == ["001_people applied", "002_rules applied", "003_kinds applied"]


@pytest.mark.slow
def test_what_a_file_cannot_contain_is_refused(house: House) -> None:
    house.migration("001_random", "create table dice (id int, eyes float);\ninsert into dice values (1, random());")
    refused = house.run("squash", "--to", "1")
    assert refused.status == 3, refused.said
    assert "leave different rows in public.dice in eyes" in refused.words
    assert "migrations/001_random.sql:2" in refused.words
    assert not (house.root / "migrations/squashed").exists()
    house.migration("001_random", "select 1;\nalter system set work_mem = '8MB';")
    refused = house.run("squash", "--to", "1")
    assert refused.status == 3, refused.said
    assert "ALTER SYSTEM has an effect outside the schema" in refused.words
    assert "migrations/001_random.sql:2" in refused.words
    assert house.run("squash", "--to", "7").status == 2
    house.policy("layout: flyway\n")
    refused = house.run("squash", "--to", "1")
    assert refused.status == 2, refused.said
    assert "squash supports only the layout `ctgitops`" in refused.words


ODD = """create type size as (value int);
create function shorter(size) returns text language sql immutable return '(1)';
create cast (size as text) with function shorter(size);
create table odd (size size, text text, price money, who text default current_user,
    base text default current_database());
insert into odd values (row(7), E'a\\r\\n\\\\b\\r', 1234.5);
create type color as enum ('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
create table hashed (color color) partition by hash (color);
create table hashed_0 partition of hashed for values with (modulus 2, remainder 0);
create table hashed_1 partition of hashed for values with (modulus 2, remainder 1);
insert into hashed select unnest(enum_range(null::color));"""
READ = """select (size).value, text, price::numeric, who = current_user, base = current_database(),
(select count(*) from hashed) from odd"""


@pytest.mark.slow
def test_values_that_are_not_what_they_print(house: House, database_url: str) -> None:
    """A lossy cast to text, carriage returns, names of the role and the database, and hashes of enum values."""
    house.migration("001_odd", ODD)
    done = house.run("squash", "--to", "1")
    assert done.status == 0, done.said
    assert "public.odd.who is filled by its default" in done.words
    run(database_url, "create type earlier as enum ('other', 'values', 'get', 'these OIDs')")
    house.applied()
    assert len(marks(database_url)) == 2, "the file ran, with an entry of its own"
    assert fetch(database_url, READ) == [(7, "a\r\n\\b\r", 1234.5, True, True, 8)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("create table log (who text);\ninsert into log values ('by ' || current_user);", "public.log in who"),
        (
            "create table a (id int primary key);\ncreate table b (a int references a);\n"
            "alter table b disable trigger all;",
            "the state of the trigger of the constraint b_a_fkey",
        ),
    ],
)
def test_what_no_database_would_get_again_is_refused(house: House, sql: str, what: str) -> None:
    house.migration("001_it", sql)
    refused = house.run("squash", "--to", "1")
    assert refused.status == 3, refused.said
    assert what in refused.words
    assert not (house.root / "migrations/squashed").exists()
