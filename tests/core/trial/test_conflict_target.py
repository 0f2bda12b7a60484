"""INSERT … ON CONFLICT in application code that needs a unique constraint which a plan drops."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import Plan, make_plan
from ctgitops.core.trial.code_reference import Mention, Searched, mention_problems, mentions_in, searched_for
from ctgitops.lint.catalog import Catalog
from ctgitops.lint.run import Linter
from ctgitops.sql.name_changes import ConflictTarget
from ctgitops.sql.script import Script
from tests.fakes import STAGING, migration, workspace

EMAIL = ConflictTarget("users", "users_email_key", ("email",))
PAIR = ConflictTarget("users", "users_team_email", ("team_id", "email"))
LOWER = ConflictTarget("users", "users_lower", ("",))

NEEDED = [
    ("a.sql", EMAIL, "insert into users (email) values ($1)\non conflict (email) do nothing;", 2),
    ("a.sql", EMAIL, 'INSERT INTO public."users" AS u (email) VALUES ($1) ON CONFLICT ("email") DO NOTHING', 1),
    ("a.sql", EMAIL, "insert into users select * from teams on conflict on constraint users_email_key do nothing", 1),
    ("a.sql", EMAIL, 'insert into users select 1 union select 2\non conflict (email collate "C") do nothing', 2),
    ("a.sql", PAIR, "insert into users values (1) on conflict (email, team_id) where x do update set a = 1", 1),
    ("a.sql", LOWER, "insert into users values (1) on conflict (lower(email)) do nothing", 1),
    ("a.sql", EMAIL, "with t as (insert into users values (1) on conflict (email) do nothing returning 1) select 1", 1),
    ("a.go", EMAIL, "db.Exec(`\n  INSERT INTO users (email) VALUES ($1)\n  ON CONFLICT (email) DO NOTHING`)", 3),
    ("a.py", EMAIL, 'cur.execute(\n  "insert into users (email) values (%s)"\n  " on conflict (email) do nothing")', 3),
    ("a.py", EMAIL, 'cur.execute(f"insert into {schema}.users values (1) on conflict (email) do nothing")', 1),
    ("a.rb", EMAIL, "SQL = <<~SQL\n  INSERT INTO users VALUES (1)\n  ON CONFLICT (email) DO NOTHING\nSQL\n", 3),
    ("a.py", EMAIL, 'insert(User).values(x).on_conflict_do_update(index_elements=["email"], set_={})', 1),
    ("a.py", EMAIL, "insert(User).values(x).on_conflict_do_nothing(\n  index_elements=[User.email])", 2),
    ("a.py", EMAIL, 'insert(User).on_conflict_do_update(constraint="users_email_key", set_={})', 1),
    ("a.py", EMAIL, 'User.objects.bulk_create(x, update_conflicts=True, unique_fields=["email"])', 1),
    ("a.ts", EMAIL, "db.insert(users).values(v).onConflictDoNothing({ target: users.email })", 1),
    (
        "a.ts",
        PAIR,
        "db.insert(users).onConflictDoUpdate({ target: [users.teamId, users.email], set: {} })",
        1,
    ),
    ("a.ts", EMAIL, "knex('users').insert(v).onConflict('email').merge()", 1),
    ("a.ts", PAIR, "knex('users').insert(v).onConflict(['team_id', 'email']).ignore()", 1),
    ("a.ts", EMAIL, "db.insertInto('users').values(v).onConflict((oc) => oc.column('email').doNothing())", 1),
    (
        "a.ts",
        PAIR,
        "db.insertInto('users').onConflict(oc => oc.columns(['team_id', 'email']).doNothing())",
        1,
    ),
    ("a.ts", PAIR, "supabase.from('users').upsert(row, { onConflict: 'team_id,email' })", 1),
    ("a.ts", EMAIL, "this.userRepository.upsert(row, ['email'])", 1),
    ("a.rb", EMAIL, "User.upsert_all(rows, unique_by: :email)", 1),
    ("a.rb", PAIR, "User.insert_all(rows, unique_by: %i[team_id email])", 1),
    ("a.rb", EMAIL, "User.upsert_all(rows, unique_by: :users_email_key)", 1),
    ("a.go", EMAIL, 'db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "email"}}}).Create(&user)', 1),
    ("a.ex", EMAIL, "Repo.insert(%User{}, on_conflict: :nothing, conflict_target: [:email])", 1),
    ("a.rs", EMAIL, "insert_into(users::table).values(&v).on_conflict(users::email).do_nothing()", 1),
    ("a.php", EMAIL, "User::upsert($rows, ['email'], ['name']);", 1),
    ("a.java", EMAIL, "ctx.insertInto(USERS).set(r).onConflict(USERS.EMAIL).doNothing().execute();", 1),
]
OTHERS = [
    ("a.sql", EMAIL, "insert into users values (1) on conflict (id) do nothing"),
    ("a.sql", EMAIL, "insert into users values (1) on conflict (team_id, email) do nothing"),
    ("a.sql", EMAIL, "insert into users values (1) on conflict do nothing"),
    ("a.sql", EMAIL, "insert into teams values (1) on conflict (email) do nothing"),
    ("a.sql", EMAIL, "insert into users values (1); insert into teams values (1) on conflict (email) do nothing"),
    ("a.sql", EMAIL, "insert into users values (1) on conflict on constraint users_pkey do nothing"),
    ("a.sql", LOWER, "insert into users values (1) on conflict on constraint users_pkey do nothing"),
    ("a.py", EMAIL, "# insert into users values (1) on conflict (email) do nothing"),
    ("a.py", EMAIL, 'insert(Team).values(x).on_conflict_do_update(index_elements=["email"], set_={})'),
    ("a.ts", EMAIL, "knex('teams').insert(v).onConflict('email').merge()"),
    ("a.ts", EMAIL, "db.insert(users).values(v).onConflictDoNothing({ target: [users.teamId, users.email] })"),
    ("a.ts", EMAIL, "supabase.from('users').update({ email }); upsert(x)"),
    ("a.rb", EMAIL, "Team.upsert_all(rows, unique_by: :email)"),
    ("a.css", EMAIL, "on conflict (email)"),
]


@pytest.mark.parametrize(("path", "target", "text", "line"), NEEDED)
def test_an_insert_that_names_the_constraint_or_its_columns_is_found(
    path: str, target: ConflictTarget, text: str, line: int
) -> None:
    assert [mention.line for mention in mentions_in(path, text, [target])] == [line]


@pytest.mark.parametrize(("path", "target", "text"), OTHERS)
def test_other_inserts_are_not_found(path: str, target: ConflictTarget, text: str) -> None:
    assert list(mentions_in(path, text, [target])) == []


def planned(sql: str) -> Plan:
    """A plan with the findings of lint on a table that is in use."""
    linter = Linter(Catalog(complete=True))
    linter.fold(Script("create table users (id int primary key, email text constraint users_email_key unique);", "0"))
    linter.catalog.settle()
    made = make_plan(workspace(migration("001_m", sql=sql)), STAGING, Ledger())
    return replace(made, steps=tuple(replace(s, findings=linter.file(s.script)) for s in made.steps))


@pytest.mark.parametrize("sql", ["alter table users drop constraint users_email_key;", "drop index users_email_key;"])
def test_a_plan_warns_of_code_that_needs_a_dropped_unique(sql: str) -> None:
    plan = planned(sql)
    assert list(searched_for(plan)) == [EMAIL]
    (problem,) = mention_problems(plan, Searched((Mention(EMAIL, "app/users.py", 7),)))
    assert (problem.code, problem.blocks) == ("mentioned-in-code", False)
    assert problem.what == (
        "unique users_email_key on users (email) is dropped, but INSERT … ON CONFLICT in code needs it: app/users.py:7"
    )


def test_a_unique_that_another_one_replaces_is_not_searched_for() -> None:
    sql = "create unique index again on users (email); alter table users drop constraint users_email_key;"
    assert searched_for(planned(sql)) == {}
