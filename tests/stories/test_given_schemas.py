"""A project on a platform: its migrations use schemas that the platform created, as those of Supabase."""

from __future__ import annotations

import pytest

from tests.servers import run, session
from tests.stories.house import House, marks

pytestmark = pytest.mark.slow

PLATFORM = """
do $$ begin create role authenticated nologin; exception when duplicate_object then null; end $$;
create schema auth; create schema storage; create schema extensions;
create table auth.users (id uuid primary key, email text, raw jsonb default '{}');
create function auth.uid() returns uuid language sql stable as 'select null::uuid';
create function storage.touch() returns trigger language plpgsql as 'begin return new; end';
create table storage.objects (id uuid primary key, owner uuid references auth.users, name text);
alter table storage.objects enable row level security;
create trigger touched before update on storage.objects for each row execute function storage.touch();
grant usage on schema auth to authenticated
"""
FILES = {
    "20240101120000_profiles": """
create table public.profiles (id uuid primary key references auth.users on delete cascade, name text);
alter table public.profiles enable row level security;
create policy own on public.profiles for all to authenticated using (id = auth.uid());
create function public.new_user() returns trigger language plpgsql security definer
    as 'begin insert into public.profiles (id) values (new.id); return new; end';
create trigger on_user after insert on auth.users for each row execute function public.new_user();
create policy mine on storage.objects for select to authenticated using (owner = auth.uid());
""",
    "20240102120000_more": "create table public.more (id int primary key, by_user uuid references auth.users);",
}


@pytest.fixture
def project(house: House, database_url: str) -> str:
    """A database of the platform in which other hands applied the files."""
    run(database_url, PLATFORM)
    house.policy("layout: supabase\nmigrations: supabase/migrations\nplatform: supabase\n")
    house.environment("staging", database_url, "shadow: {}\n")
    for name, sql in FILES.items():
        house.write(f"supabase/migrations/{name}.sql", sql)
        run(database_url, sql)
    return database_url


def test_it_is_taken_over_planned_applied_and_compared(house: House, project: str) -> None:
    done = house.run("baseline", "--env", "staging", "--at", "latest")
    assert done.status == 0, done.said
    assert "baselined with 2 migrations" in done.said
    assert len(marks(project)) == 3
    assert house.run("drift").status == 0
    house.write("supabase/migrations/20240103120000_bio.sql", "alter table public.profiles add column bio text;")
    assert house.plan().status == 0, house.plan().said
    house.applied()
    assert house.run("drift").status == 0
    run(project, "alter table auth.users add column phone text")  # an upgrade of the platform
    assert house.run("drift").status == 0
    run(project, "alter table public.more add column by_hand int")
    drifted = house.run("drift")
    assert (drifted.status, "by_hand" in drifted.said) == (1, True)


def test_a_schema_that_no_migration_creates_is_copied_and_the_page_says_so(house: House, project: str) -> None:
    house.policy("layout: supabase\nmigrations: supabase/migrations\n")
    done = house.run("baseline", "--env", "staging", "--at", "latest")
    assert (done.status, marks(project)) == (1, [])  # the schema `extensions` differs: no file needs it
    assert "no migration creates the schema auth, so it is copied from the database, and not compared" in done.said
    done = house.run("baseline", "--env", "staging", "--at", "latest", "--accept-differences", "the platform's")
    assert (done.status, len(marks(project))) == (0, 3)


def test_a_schema_that_is_missing_everywhere_is_named_with_the_key(house: House, database_url: str) -> None:
    house.environment("staging", database_url, "shadow: {}\n")
    house.migration("001_one", "create table one (id int references auth.users);")
    done = house.run("baseline", "--env", "staging", "--at", "1")
    assert done.status == 3
    assert "`platform: supabase` or `given: {schemas: [auth]}`" in done.said


def test_a_plan_before_the_takeover_names_the_other_ledger_and_the_command(house: House, project: str) -> None:
    rows = ", ".join("('{}', '{}')".format(*name.split("_")) for name in FILES)
    run(project, "create schema supabase_migrations; create table supabase_migrations.schema_migrations "
        f"(version text primary key, statements text[], name text); "
        f"insert into supabase_migrations.schema_migrations (version, name) values {rows}")  # fmt: skip
    planned, done = house.plan(), house.apply()
    assert (planned.status, done.status, marks(project)) == (4, 4, [])
    assert "Supabase CLI has applied 2 of these files to staging" in planned.out
    assert "`ctgitops baseline --env staging`" in planned.out
    assert house.run("baseline", "--env", "staging").status == 0
    assert "nothing to do" in house.plan().out


def test_the_api_is_told_to_reload_its_schema_after_each_run_that_changed_it(house: House, project: str) -> None:
    assert house.run("baseline", "--env", "staging", "--at", "latest").status == 0
    house.write("supabase/migrations/20240103120000_bio.sql", "alter table public.profiles add column bio text;")
    with session(project) as api:
        api.execute("listen pgrst")
        house.applied()
        assert [each.payload for each in api.notifies(timeout=10, stop_after=1)] == ["reload schema"]
        house.write("supabase/migrations/20240104120000_bad.sql", "alter table public.profiles add column bio text;")
        house.write("supabase/migrations/20240103130000_more.sql", "alter table public.profiles add column more text;")
        assert house.apply().status == 6
        assert [each.payload for each in api.notifies(timeout=10, stop_after=1)] == ["reload schema"]
        assert house.apply().status == 6  # this run commits no migration
        assert list(api.notifies(timeout=0)) == []


SETUP = """
do $$ begin create role anon nologin; exception when duplicate_object then null; end $$;
create publication supabase_realtime;
grant usage on schema public to anon, authenticated;
alter default privileges in schema public grant all on tables to anon, authenticated;
alter default privileges in schema public grant all on functions to anon, authenticated;
create function extensions.pgrst_ddl_watch() returns event_trigger language plpgsql
    as $f$ begin notify pgrst, 'reload schema'; end $f$;
create event trigger pgrst_ddl_watch on ddl_command_end execute function extensions.pgrst_ddl_watch()
"""
REALTIME = "alter publication supabase_realtime add table public.more;"


def test_what_a_hosted_project_has_beside_its_schemas_is_given_and_additions_are_compared(
    house: House, database_url: str
) -> None:
    run(database_url, PLATFORM + ";" + SETUP)
    house.policy("layout: supabase\nmigrations: supabase/migrations\nplatform: supabase\n")
    house.environment("staging", database_url, "shadow: {}\n")
    for name, sql in {**FILES, "20240103120000_realtime": REALTIME}.items():
        house.write(f"supabase/migrations/{name}.sql", sql)
        run(database_url, sql)
    done = house.run("baseline", "--env", "staging", "--at", "latest")
    assert done.status == 0, done.said
    assert house.run("drift").status == 0
    run(database_url, "alter publication supabase_realtime drop table public.more; drop policy mine on storage.objects")
    drifted = house.run("drift")
    assert drifted.status == 1
    assert "publication supabase_realtime" in drifted.said
    assert "policy mine: command select" in drifted.said
    run(database_url, REALTIME + "create policy mine on storage.objects for select to authenticated using (true)")
    drifted = house.run("drift")
    assert (drifted.status, "using" in drifted.said, "publication" in drifted.said) == (1, True, False), drifted.said
