"""The call chain around a bracket, and whether it refers to a table."""

from __future__ import annotations

import pytest

from ctgitops.core.code.call_chain import chain_at, handles_of
from ctgitops.core.code.source import source_of
from ctgitops.core.code.spelling import spelling_of
from ctgitops.sql.name_changes import ChangedName

HANDLES = handles_of(spelling_of(ChangedName("users", "email")))


def chain(marked: str) -> str:
    """The chain that contains the bracket after the mark `«`."""
    return chain_at(source_of("a.ts", marked.replace("«", "")), marked.index("«"))


@pytest.mark.parametrize(
    ("marked", "found"),
    [
        ("x = db.select().from(users).where«(a)", "db.select().from(users).where(a)"),
        ("db.from«(users).where(a).limit(1); next(1)", "db.from(users).where(a).limit(1)"),
        ("await db\n  .from«(users)\n  .where(a)\n", "db\n  .from(users)\n  .where(a)"),
        ("await db\n  .from(users)\n  .where«(a)\n", "db\n  .from(users)\n  .where(a)"),
        ("f(g(h«(1)))", "h(1)"),
        ("f«(1)(2)[3]{4} (5)", "f(1)(2)[3]{4}"),
        ("a[0]!.b?.c«(1)?.d!.e", "a[0]!.b?.c(1)?.d!.e"),
        ("User::find«(1)->email", "User::find(1)->email"),
        ("find«(1).get<Row>(2)", "find(1).get<Row>(2)"),
        ("list = «[1, 2]", "[1, 2]"),
        ("return «(1)", "return (1)"),
        ("«(1).a", "(1).a"),
        ("f«(1", "f("),
        ("f«(1) . a()", "f(1) . a()"),
        ("f«(1)\n\n  b()", "f(1)"),
    ],
)
def test_it_is_all_of_the_expression_and_no_more(marked: str, found: str) -> None:
    assert chain(marked).rstrip() == found


@pytest.mark.parametrize(
    ("marked", "found"),
    [
        ("db.where«(eq(users.id, 1))", "db.where(eq(           ))"),
        ("db.where«(eq(f(1), g(2))).limit(3)", "db.where(eq(          )).limit(3)"),
        ("db.where«([a, b])", "db.where([a, b])"),
        ("db.where«([f(1), b])", "db.where([       ])"),
        ("db.query«(sql.identifier(t), f(u))", "db.query(sql.identifier(t), f( ))"),
        ("g(db.from(users).where«(x))", "db.from(users).where(x)"),
    ],
)
def test_what_calls_in_its_arguments_name_is_not_of_the_chain(marked: str, found: str) -> None:
    assert chain(marked) == found


def test_a_chain_is_read_for_some_thousand_characters_on_each_side() -> None:
    links = ".link(1)" * 1000
    found = chain(f"db{links}.where«(a){links}")
    assert ".where(a)" in found
    before, after = found.split(".where(a)")
    assert 3900 < len(before) < 4200
    assert 3900 < len(after) < 4200


@pytest.mark.parametrize(
    "text",
    [
        "db.select().from(users)", "knex('users').where(1)", 'table(name="users")', "insert_into[:users]",
        "createQueryBuilder('public.users')", "prisma.user.findMany(1)", "tx.users.delete(1)", "DB.User.get(1)",
        "get(User)", "First(ctx, &models.User)", "joinOn([User])", "session.query(User)", "User.where", "User::find",
        "User->all", "Users.objects", "User::class::query", "add_column(:users", 'index_name "users"',
        "create_list(:user", "references :users",
    ],
)  # fmt: skip
def test_a_name_of_the_table_is_found(text: str) -> None:
    assert HANDLES.ours.search(text), text


@pytest.mark.parametrize(
    "text",
    [
        "db.select().from(user_groups)", "knex('orders')", "prisma.order.findMany(1)", "get(UserGroup)", "get(User())",
        "get(User: 1)", "MyUser.where", "x.User.where", "User.email", "create(:users_group", "user.email", "users",
        "reuser.find(1)",
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_not(text: str) -> None:
    assert not HANDLES.ours.search(text), text


@pytest.mark.parametrize(
    "text", ["user.update", "userRepository.find(1)", "currentUser!.save", "User{", "&models.User(", "insert(user)"]
)
def test_a_variable_of_its_name_is_a_reference_but_not_its_name(text: str) -> None:
    assert HANDLES.ours.search(text), text
    assert not HANDLES.named.search(text), text


@pytest.mark.parametrize(
    ("text", "is_any"),
    [
        ("from(orders)", True),
        ("Order.where", True),
        ("db.orders.find(1)", True),
        ("select(Order)", True),
        ("f(1)", False),
    ],
)
def test_any_table_is_one_too(text: str, is_any: bool) -> None:
    assert bool(HANDLES.any.search(text)) is is_any


def test_the_patterns_of_a_table_are_compiled_once() -> None:
    assert handles_of(spelling_of(ChangedName("users", "email"))) is HANDLES
