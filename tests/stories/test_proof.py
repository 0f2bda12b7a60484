"""A plan is tried before it is applied: on a throw-away copy of the real schema, up, down and up again."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import base_for_servers, fetch, programs_of, run
from tests.stories.house import House, facts

SHADOW = "shadow: {extensions: []}\n"
USERS = "create table public.users (id bigint primary key, email text not null);"


@pytest.fixture
def tried(house: House, database_url: str) -> str:
    """An environment whose plans are tried, with one migration."""
    house.environment("staging", database_url, SHADOW)
    house.migration("001_users", USERS, down="drop table public.users;")
    house.applied()
    return database_url


@pytest.mark.slow
def test_a_finding_and_the_trial_tell_who_waits_once(house: House, tried: str) -> None:
    run(tried, "insert into public.users select n, 'x' from generate_series(1, 1000) n; analyze public.users")
    house.migration("002_index", "create index users_email on public.users (email);", down="drop index users_email;")
    page = house.plan("--format", "markdown").out
    assert (
        "rules.md#blocking-index)<br><b>Measured</b>: SHARE on users (instant)<br><b>Help</b>: use CREATE INDEX" in page
    )
    assert "<b>Locks and blocking</b>" not in page
    text = house.plan().out
    assert "  002_index  blocks writes on users (instant); see the findings below\n" in text
    assert "    measured: SHARE on users (instant)\n" in text


@pytest.mark.slow
def test_a_plan_says_what_it_does_to_the_schema_and_that_it_can_be_undone(house: House, tried: str) -> None:
    before = facts(tried)
    house.migration(
        "002_name",
        "alter table public.users add name text; create view public.names as select id, name from public.users;",
        down="drop view public.names; alter table public.users drop name;",
    )
    looked = house.plan()
    assert looked.status == 0, looked.said
    assert "tried on a copy of its schema, PostgreSQL" in looked.out
    assert "it runs\n" in looked.out
    assert "rollback verified: 1 restores the schema, and applying again gives the same schema" in looked.out
    assert "+     column name: text" in looked.out
    assert "+ view public.names" in looked.words
    assert "not matched" not in looked.out
    assert facts(tried) == before


@pytest.mark.slow
@pytest.mark.usefixtures("tried")
def test_a_populated_view_can_be_refreshed_and_read_in_the_trial(house: House) -> None:
    """Seen to fail: the copy had the view without its rows, so a refresh seemed to change the schema."""
    house.migration(
        "002_v",
        "create materialized view v as select 1 as a; create unique index on v (a);"
        "create materialized view w as select a from v; create materialized view no as select 1 as a with no data;",
    )
    house.applied()
    house.migration("003_refresh", "refresh materialized view concurrently v; refresh materialized view w;")
    house.migration("004_read", "create table copied as select a from w;")
    looked = house.plan()
    assert looked.status == 0, looked.said
    assert "NOT TRIED" not in looked.out
    assert "NOT KNOWN" not in looked.out
    assert "populated" not in looked.out
    assert "blocks writes on v" not in looked.out
    house.migration("005_empty", "create table more as select a from no;")
    assert "the copy has the schema but no rows" in house.plan().words


@pytest.mark.slow
@pytest.mark.usefixtures("tried")
def test_a_view_whose_rows_are_removed_is_a_change_of_the_schema(house: House) -> None:
    house.migration("002_v", "create materialized view v as select 1 as a;")
    house.applied()
    house.migration("003_empty", "refresh materialized view v with no data;")
    assert "materialized view public.v: populated" in house.plan().words


@pytest.mark.slow
def test_what_fails_on_the_copy_blocks_the_plan_with_its_place(house: House, tried: str) -> None:
    run(tried, "alter table users drop email")
    house.migration("002_index", "-- why\n\ncreate view public.v as\n  select email from public.users;")
    looked = house.plan()
    assert looked.status == 3
    assert "staging: BLOCKED" in looked.out
    assert 'error[fails]: fails on a copy of staging\'s schema: 002_index: column "email" does not exist' in looked.out
    assert "--> migrations/002_index.sql:4:10" in looked.out
    page = house.plan("--format", "markdown").out
    assert "<b>⛔ Tried</b>: tried on a copy of its schema" in page
    assert house.plan("--no-shadow").status == 0


@pytest.mark.slow
@pytest.mark.usefixtures("tried")
def test_a_claim_to_be_idempotent_is_tried(house: House) -> None:
    claim = "-- ctgitops: idempotent\n"
    house.migration("002_name", f"{claim}alter table public.users add if not exists name text;")
    house.migration("003_age", f"{claim}alter table public.users add age int;")
    house.migration("004_rule", f"{claim}alter table public.users add check (age > 0) not valid;")
    house.migration("005_index", f"{claim}create index concurrently if not exists u on public.users (name);")
    looked = house.plan()
    assert looked.status == 0, looked.said
    assert "idempotent: 2 migrations run twice, the second run changes nothing" in looked.words
    assert "003_age is NOT IDEMPOTENT" in looked.out
    assert 'its second run fails: 003_age: column "age" of relation "users" already exists' in looked.words
    assert "its second run changes constraint public.users.users_age_check1" in looked.words
    document = json.loads(house.plan("--format", "json").out)
    assert [each["proved"] for each in document["proof"]["idempotent"]] == [True, False, False, True]


@pytest.mark.slow
@pytest.mark.usefixtures("tried")
def test_a_rollback_that_leaves_something_is_told_with_what_it_leaves(house: House) -> None:
    house.migration(
        "002_name",
        "alter table public.users add if not exists name text, add if not exists age int;",
        down="alter table public.users drop age;",
    )
    looked = house.plan()
    assert looked.status == 0, looked.said
    assert "the rollback of 002_name is NOT VERIFIED" in looked.out
    assert "warning[rollback-leaves]: the rollback of 002_name does not restore the schema: it leaves column" in (
        looked.words
    )
    assert "# left by the rollback of 002_name\n  public.users\n+     column name: text" in looked.out
    proof = house.plan("--format", "json").json["proof"]
    assert proof["rollbacks"][0]["proved"] is False
    assert proof["rollbacks"][0]["leaves"][0]["added"]["name"] == "public.users.name"


@pytest.mark.slow
@pytest.mark.usefixtures("tried")
def test_a_rollback_that_does_not_run_is_told_with_its_line(house: House) -> None:
    house.migration("002_name", "alter table public.users add name text;", down="\nalter table public.users drop nme;")
    looked = house.plan()
    assert 'the rollback of 002_name fails: 002_name: column "nme" of relation "users" does not exist' in (looked.words)
    assert "--> migrations/002_name.down.sql:2" in looked.out


@pytest.mark.slow
@pytest.mark.usefixtures("tried")
def test_a_rollback_after_which_it_does_not_run_again_blocks_nothing_and_the_next_is_tried(house: House) -> None:
    house.migration("002_name", "alter table public.users add name text;", down="select 1;")
    house.migration("003_age", "alter table public.users add age int;", down="alter table public.users drop age;")
    looked = house.plan()
    assert looked.status == 0, looked.said
    assert "both run" in looked.out
    assert "rollback verified: 1 of 2 restores the schema" in looked.out
    assert "warning[rollback-fails]: the rollback of 002_name fails: 002_name: column" in looked.words


@pytest.mark.slow
def test_rows_that_the_copy_does_not_have_block_no_plan(house: House, tried: str) -> None:
    run(tried, "insert into users values (1, 'a@b.c')")
    house.migration(
        "002_use", "create table public.t (u bigint references public.users); insert into public.t values (1);"
    )
    looked = house.plan()
    assert looked.status == 0, looked.said
    assert "1 NOT TRIED" in looked.out
    assert "(the copy has the schema but no rows)" in looked.words
    house.applied()


@pytest.mark.slow
@pytest.mark.usefixtures("tried")
def test_another_order_that_gives_another_schema_is_told(house: House) -> None:
    house.policy("bands: {one: 1-99, two: 100-199}\nheader: optional\n")
    house.migration("100_view", "create view public.v as select * from public.users;")
    house.applied()
    house.migration("002_name", "alter table public.users add name text;")
    looked = house.plan()
    assert "numeric order gives a DIFFERENT schema than this environment's order" in looked.out
    assert (
        "warning[order-differs]: these migrations give an empty database a different schema than staging"
        in looked.words
    )
    house.migration("002_name", "create table public.other (id int);")
    assert "in an empty database, numeric order gives the same schema" in house.plan().out


@pytest.mark.slow
def test_roles_owners_grants_and_settings_come_along(house: House, tried: str) -> None:
    run(tried, "create role proof_reader; create role proof_owner")
    try:
        run(
            tried,
            "alter table users owner to proof_owner; grant select on users to proof_reader;"
            "alter default privileges in schema public grant select on tables to proof_reader;"
            "create schema app; do $$ begin execute format('alter database %I set search_path = app, public', "
            "current_database()); end $$; create extension pg_trgm schema app",
        )
        house.migration("002_here", "create table here (a text); create index on here using gin (a gin_trgm_ops);")
        looked = house.plan()
        assert looked.status == 0, looked.said
        assert "not matched" not in looked.out
        assert "+   table app.here" in looked.out
        house.applied()
        assert fetch(tried, "select to_regclass('app.here') is not null") == [(True,)]
    finally:
        run(tried, "drop owned by proof_reader, proof_owner; drop role proof_reader, proof_owner")


@pytest.mark.slow
def test_who_waits_is_told_by_what_was_seen_and_the_size_of_the_real_table(house: House, tried: str) -> None:
    run(tried, "insert into users select n, 'a' from generate_series(1, 100000) n; analyze users")
    house.migration("002_index", "create index users_email on public.users (email);")
    house.migration("003_note", "alter table public.users add note text;")
    looked = house.plan("--format", "json")
    (index,), (note,) = (step["waits"] for step in looked.json["steps"])
    assert (index["relation"], index["mode"], index["rows"]) == ("public.users", "SHARE", 100_000)
    assert index["for"] is not None
    assert (note["mode"], note["for"]) == ("ACCESS EXCLUSIVE", "instant")
    assert "effect on other sessions, measured on a copy of its schema" in house.plan().out


@pytest.mark.slow
def test_what_was_predicted_is_held_against_what_came(house: House, tried: str) -> None:
    house.migration("002_name", "alter table public.users add name text;")
    house.plan("--out", "kept.json")
    assert house.apply("--plan", str(house.root / "kept.json")).status == 0
    run(tried, "insert into users values (1, 'a')")
    house.migration(
        "003_by_rows",
        "do $$ begin if exists (select from public.users) then alter table public.users add surprise int; "
        "else alter table public.users add expected int; end if; end $$;",
    )
    house.plan("--out", "kept.json")
    applied = house.apply("--plan", str(house.root / "kept.json"))
    assert applied.status == 1
    assert "staging: 1 migration applied, BUT THE SCHEMA DIFFERS FROM THE PREDICTION" in applied.out
    assert "-     column expected: type integer" in applied.out.replace("expected: integer", "expected: type integer")
    assert "+     column surprise: " in applied.out
    assert "`ctgitops drift --env staging` shows more" in applied.out


@pytest.mark.slow
def test_a_schema_that_somebody_changed_after_the_plan_is_not_what_was_predicted(house: House, tried: str) -> None:
    house.migration("002_name", "alter table public.users add name text;")
    house.plan("--out", "kept.json")
    run(tried, "create table public.by_hand (id int)")
    applied = house.apply("--plan", str(house.root / "kept.json"), "--format", "json")
    assert (applied.status, applied.json["unpredicted"]) == (1, [])


PRINTED_OTHERWISE = """
create table public.jobs (
    id bigint primary key,
    state varchar(10) check (state in ('new', 'done')),
    tries int check (tries between 0 and 9 and tries <> 7)
);
create view public.open as select id from public.jobs where state in ('new', 'held') and tries between 1 and 2;
create materialized view public.counted as select state, count(*) as jobs from public.jobs group by state;
create index jobs_done on public.jobs (id) where state in ('done', 'held');
alter table public.jobs enable row level security;
create policy mine on public.jobs using (state in ('new', 'done'));
create view public.named_later as with q as (select 1::text union select '2') select * from q;
create view public.types as select x.k from (select '1'::varchar as k, 1::bigint union select 'x', '5') x;
"""


@pytest.mark.slow
def test_what_a_copy_prints_otherwise_is_matched_and_predicted(house: House, tried: str) -> None:
    house.migration("002_jobs", PRINTED_OTHERWISE)
    house.applied()
    run(tried, "insert into jobs values (1, 'new', 1)")
    house.migration(
        "003_more",
        # What rests on the type of a column is read again where it is altered
        "drop view public.open; drop policy mine on public.jobs; drop materialized view public.counted;"
        "alter table public.jobs alter state type varchar(20);"
        "create table public.old_jobs (like public.jobs including all);"
        "comment on constraint jobs_tries_check on public.jobs is 'few';",
    )
    looked = house.plan("--out", "kept.json")
    assert "not matched" not in looked.out
    applied = house.apply("--plan", str(house.root / "kept.json"))
    assert applied.status == 0, applied.said
    run(tried, "alter table jobs drop constraint jobs_state_check")
    house.migration("004_more", "create table public.more (id int);")
    house.plan("--out", "kept.json")
    run(tried, "alter table jobs add constraint jobs_state_check check (state in ('new', 'odd'))")
    assert house.apply("--plan", str(house.root / "kept.json")).status == 1


@pytest.mark.slow
@pytest.mark.parametrize("major", [15, 18])
def test_every_printed_form_is_matched_on_each_major(house: House, major: int) -> None:
    with LocalServer(programs_of(major), base=base_for_servers()) as server:
        url = server.create_database("there").url
        house.environment("staging", url, SHADOW)
        house.migration("001_jobs", PRINTED_OTHERWISE)
        house.applied()
        house.migration("002_more", "create table public.more (id int); comment on table public.jobs is 'all';")
        proof = house.plan("--format", "json").json["proof"]
        assert proof["unmatched"] == []
        house.applied()
        assert proof["prediction"] == house.run("snapshot", "--env", "staging").json["fingerprint"]


@pytest.mark.slow
def test_a_migration_that_reads_a_materialized_view_is_not_blocked_by_a_copy_that_cannot_fill_it(
    house: House, tried: str
) -> None:
    run(tried, "create table public.k as select 1 as n")
    run(tried, "create materialized view public.m as select 1 / (select count(*) from public.k) as id")
    house.migration("002_use", "create table public.t as select id from public.m;")
    looked = house.plan()
    assert looked.status == 0, looked.said
    assert "(the copy has the schema but no rows)" in looked.words


@pytest.mark.slow
def test_a_plan_that_is_not_tried_says_why(house: House, tried: str) -> None:
    house.migration("002_more", "create table public.more (id int);")
    house.environment("staging", tried, "shadow: none\n")
    assert "not tried: its manifest says `shadow: none`" in house.plan().out


@pytest.mark.slow
@pytest.mark.usefixtures("tried")
def test_batches_and_what_is_outside_of_transactions_are_tried_too(house: House) -> None:
    house.migration(
        "002_concurrently",
        "create index concurrently users_email on public.users (email);",
        down="drop index concurrently public.users_email;",
    )
    house.migration(
        "003_batch",
        "-- ctgitops: batch size=10\nwith b as (select id from public.users where email = '' limit $1 for update "
        "skip locked) update public.users u set email = 'x' from b where u.id = b.id;",
    )
    house.migration("004_records", "create table public.r (id int); select record_migration('004_records.sql');")
    looked = house.plan()
    assert looked.status == 0, looked.said
    assert "all 3 run" in looked.out
    assert "rollback verified: 1 restores the schema" in looked.out


@pytest.mark.slow
def test_what_staging_took_is_told_where_production_has_more(
    house: House, tried: str, make_database: Callable[[], str]
) -> None:
    other = make_database()
    house.environment("production", other, SHADOW + "after: staging\n")
    run(other, USERS)
    run(other, "insert into users select n, 'a' from generate_series(1, 50000) n; analyze users")
    house.run("baseline", "--env", "production", "--at", "001")
    run(tried, "insert into users select n, 'a' from generate_series(1, 1000) n; analyze users")
    house.migration("002_index", "create index users_email on public.users (email);")
    house.applied()
    looked = house.run("plan", "--env", "production")
    line = next(line for line in looked.out.splitlines() if line.startswith("    measured: SHARE on users"))
    assert "; staging took " in line
    assert " ms on 1 k rows; 50 k rows here" in line
