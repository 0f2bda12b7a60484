"""Constraints of existing tables that may refuse rows which a migration writes, and which no trial checks."""

from __future__ import annotations

import pytest

from ctgitops.core.impact.impact import StatementImpact, StepImpact
from ctgitops.core.impact.projection import Effect
from ctgitops.core.impact.query import Node
from ctgitops.core.impact.row_constraint import row_constraint_problems
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot
from tests.fakes import STAGING, migration, workspace

USERS, ORDERS, LINES = "public.users", "public.orders", "public.lines"


def thing(kind: str, name: str, of: str, **attributes: str) -> SchemaObject:
    return SchemaObject(kind, f"{of}.{name}" if kind != "index" else f"public.{name}", of, attributes)


def constraint(name: str, of: str, definition: str) -> SchemaObject:
    return thing("constraint", name, of, definition=definition)


SCHEMA = Snapshot.of(
    [
        *(SchemaObject("table", name) for name in (USERS, ORDERS, LINES, "public.kept", 'app."Log"')),
        constraint("users_pkey", USERS, "PRIMARY KEY (id)"),
        constraint("users_email_key", USERS, "UNIQUE (email)"),
        constraint("adult", USERS, "CHECK ((age >= 18))"),
        thing("column", "email", USERS, type="text", not_null="yes"),
        thing("column", "age", USERS, type="integer"),
        thing("index", "users_nick", USERS, definition="CREATE UNIQUE INDEX users_nick ON public.users (lower(nick))"),
        thing("index", "users_age", USERS, definition="CREATE INDEX users_age ON public.users (age)"),
        constraint("orders_user_fkey", ORDERS, "FOREIGN KEY (user_id) REFERENCES public.users(id)"),
        constraint("lines_order_fkey", LINES, "FOREIGN KEY (order_id) REFERENCES public.orders(id) ON DELETE CASCADE"),
        constraint("lines_user_fkey", LINES, "FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE RESTRICT"),
        constraint("log_once", 'app."Log"', "UNIQUE (at)"),
    ]
)


def found(sql: str, *queries: Node) -> list[str]:
    """What the problems name; the statements are traced, each with the plans `queries`."""
    plan = make_plan(workspace(migration("001_one", sql=sql)), STAGING, Ledger())
    script = plan.steps[0].script
    lines = [script.place(script.start_of(each)).line or 1 for each in script.statements]
    effects = {1: Effect(StepImpact(tuple(StatementImpact(line, queries=queries) for line in lines)))}
    problems = tuple(row_constraint_problems(plan, effects, SCHEMA))
    assert all((p.code, p.blocks) == ("row-constraint", False) for p in problems)
    said = [
        p.what.removeprefix("001_one writes rows that may violate ").partition(": the copy has no rows")[0]
        for p in problems
    ]
    return [name for each in said for name in each.split(", ")]


EMAIL, NICK = "the constraint users_email_key", "the index users_nick"
TO_USERS = ["the foreign key lines_user_fkey of lines", "the foreign key orders_user_fkey of orders"]


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("update users set email = lower(email)", [EMAIL]),
        ("update users set email = backup", [EMAIL, "NOT NULL of email"]),
        ("update users set email = null", ["NOT NULL of email"]),
        ("update users set email = coalesce(backup, 'x')", [EMAIL]),
        ("update users set nick = nick || '_'", [NICK]),
        ("update users set age = 20", ["the constraint adult"]),
        ("update users set note = 'x'", []),
        ("update users set note = age::text", []),
        ("update users set note = old::int", ["the cast to int4"]),
        ("update users set id = id + 1", ["the constraint users_pkey", *TO_USERS]),
        ("update orders set user_id = 7", ["the constraint orders_user_fkey"]),
        ("update orders set user_id = null", []),
        ("delete from users where id = 3", TO_USERS),
        ("delete from public.users", TO_USERS),
        ("delete from lines", []),
        ("delete from orders", []),  # its key cascades, and nothing refers to lines
        ("delete from lines; delete from orders; delete from users", []),
        ("delete from lines where id = 1; truncate orders; delete from users", TO_USERS[:1]),
        ("alter table lines drop constraint lines_user_fkey; delete from users", TO_USERS[1:]),
        ("set session_replication_role = replica; delete from users", []),
        ("with a as (delete from lines), b as (delete from orders) delete from users", []),
        ("with gone as (delete from users returning 1) select count(*) from gone", TO_USERS),
        ("merge into users u using s on u.id = s.id when matched then delete", TO_USERS),
        (
            "merge into users u using s on u.id = s.id when matched then update set age = s.age",
            ["the constraint adult"],
        ),
        ("insert into users (id, note) values (1, 'x')", ["the constraint users_pkey"]),
        ("insert into users (note) values ('x')", []),
        ("insert into users (id) values (1) on conflict do nothing", []),
        ("insert into users (id) values (1) on conflict (id) do update set email = excluded.email", [EMAIL]),
        ("insert into users (age) select age from old", ["the constraint adult"]),
        ("insert into orders select * from old", ["the constraint orders_user_fkey"]),
        ("insert into orders (user_id) values (1)", []),  # the copy has no user 1, so the trial stops there
        ('insert into app."Log" values (now())', ["the constraint log_once"]),
        ("insert into kept select * from users", []),
        ("create table t (a int unique); insert into t values (1)", []),
        ("select 1", []),
    ],
)
def test_the_constraints_that_may_refuse_rows_are_named(sql: str, names: list[str]) -> None:
    assert found(sql) == names


def test_an_update_or_a_deletion_that_the_text_does_not_show_may_be_refused_by_any_of_them() -> None:
    delete = Node("ModifyTable", USERS, operation="Delete")
    assert found("select clean()", delete) == TO_USERS
    assert found("do $$ begin execute 'delete from ' || 'users'; end $$", delete) == TO_USERS
    assert found("delete from users", delete) == TO_USERS
    hidden = found("select clean()", Node("ModifyTable", USERS, operation="Update"))
    assert hidden == ["the constraint adult", EMAIL, "the constraint users_pkey", f"{NICK} and 3 more"]
    assert found("select log()", Node("ModifyTable", USERS, operation="Insert")) == []
    assert found("select clean()", Node("ModifyTable", USERS, operation="Delete", fresh=True)) == []


def test_a_foreign_key_that_the_plan_changes_counts_in_its_new_form() -> None:
    """Seen to fail: the rows that the new cascade deletes are referred to by another table."""
    key = "lines_order_fkey"
    plain = constraint(key, LINES, "FOREIGN KEY (order_id) REFERENCES public.orders(id)")
    before = Snapshot.of([plain if each.name.endswith(key) else each for each in SCHEMA.objects])
    cascade = constraint(
        "orders_user_fkey", ORDERS, "FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE"
    )
    after = Snapshot.of([cascade if each.name == cascade.name else each for each in before.objects])
    sql = (
        "alter table orders drop constraint orders_user_fkey;\n"
        "alter table orders add constraint orders_user_fkey foreign key (user_id) references users on delete cascade;\n"
        "delete from users;"
    )
    plan = make_plan(workspace(migration("001_one", sql=sql)), STAGING, Ledger())
    effects = {1: Effect(StepImpact(tuple(StatementImpact(line) for line in (1, 2, 3))))}
    (problem,) = row_constraint_problems(plan, effects, before, after)
    assert f"the foreign key {key} of lines" in problem.what
