"""Whether a column's name in code means the column of this table, by the code around it."""

from __future__ import annotations

import pytest

from ctgitops.core.code.column_use import ColumnUse, Meaning
from ctgitops.core.code.source import source_of
from ctgitops.core.code.spelling import spelling_of
from ctgitops.sql.name_changes import ChangedName

YES, NO, UNKNOWN, OUTWARDS = Meaning


def meanings(
    path: str, text: str, *, column: str = "email", aliases: tuple[str, ...] = (), others: tuple[str, ...] = ()
) -> list[Meaning]:
    """Of each place in the text that has the column's name."""
    spelling = spelling_of(ChangedName("users", column))
    use = ColumnUse(source_of(path, text), spelling, frozenset(aliases), frozenset(others))
    return [use.meaning(start, end) for start, end in use.places()]


@pytest.mark.parametrize(
    "text",
    [
        "user.email", "user?.email", "user!.email", "user['email']", "user?.['email']", "this.user.email",
        "User.email", "users.email", "currentUser.email", "users.c.email", "user().email", "user->email", "user&.email",
        "db.select({ e: users.email }).from(users)", "await db.from('users').select('id, email')",
        "prisma.user.findMany({ where: { email: 1 } })", "prisma.user.create({ data: { email } })",
        "prisma.order.findMany({ include: { user: { select: { email: true } } } })",
        "User.findOne({ where: { AND: [{ email: 1 }] } })", "User.builder().email(1)", "users.map(x => x.email)",
        "supabase.from('orders').select('id, users(email)')", "supabase.from('orders').select('users!owner(email)')",
        "Order.findAll({ include: [{ model: User, attributes: ['email'] }] })",
        "db.insert(users).values({ email: 1 })", "userRepository.findByEmail(1)", "UserDao.existsByNameAndEmail(1)",
        "User.find_by_email(1)", "user.getEmail()", "user.setEmail(1)", "f(`${user.email}`)", "f('user.email')",
    ],
)  # fmt: skip
def test_the_column_is_meant(text: str) -> None:
    assert meanings("a.ts", text) == [YES]


@pytest.mark.parametrize(
    "text",
    [
        "order.email = 1; const order = Order.first", "Order.email", "prisma.order.findMany({ where: { email: 1 } })",
        "db.insert(orders).values({ email: 1 })", "@Email", "Order.builder().email(1)",
        "supabase.from('orders').select('email')", "from(orders); orders.email",
        "User.findAll({ include: [{ model: Order, attributes: ['email'] }] })",
        "db.select({ email: orders.name }).from(users)", "const order = new Order()\norderRepository.findByEmail(1)",
        "render({ email })", "res.render('page', { email: 1 })", "f = (email) => 1", "f = (a, email): string => 1",
        "db.from('users').where('id = :email')",
    ],
)  # fmt: skip
def test_another_column_is_meant(text: str) -> None:
    assert meanings("a.ts", text) == [NO]


@pytest.mark.parametrize(
    "text",
    [
        "email", "x = email", "x.email", "this.email", "function f(email) {}", "const f = { email: 1 }",
        "prisma.user.findMany({\n  where: { invoice: { email: 1 } } })", "if (a) { f(email) }", "0.email",
    ],
)  # fmt: skip
def test_the_code_around_does_not_say(text: str) -> None:
    assert meanings("a.ts", text) == [UNKNOWN]


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("a.json", '{"email": "User.email"}', [NO, NO]),
        ("a.css", ".user.email { }", [NO]),
        ("a.html", "<p>{{ user.email }}</p>", [YES]),
        ("a.html", "<p>{{ order.email }} email</p>", [UNKNOWN, NO]),
        ("a.xml", '<resultMap type="app.User"><result column="email"/>', [YES]),
        ("a.xml", '<resultMap type="app.Order"><result column="email"/>', [NO]),
        ("a.xml", '<class table="users"><property column="email"/>', [YES]),
        ("a.xml", '<class table="users"/><class table="orders"><property column="email"/>', [NO]),
        ("a.xml", '<class table="users"><property name="email"/>', [NO]),
        ("a.xml", '<property column="email"/>', [NO]),
        ("A.java", 'Root<User> root; root.get("email")', [YES]),
        ("A.java", 'Root<Order> root; root.get("email")', [NO]),
        ("A.java", 'Join<Order, User> j; j.get("email")', [YES]),
        ("a.py", "User.objects.filter(email__icontains=1)", [YES]),
        ("a.py", "Order.objects.filter(user__email=1)", [YES]),
        ("a.py", "User.objects.filter(order__email=1)", [NO]),
        ("a.py", "class User(Model):\n    email = Text()\n    def f(self):\n        return self.email\n", [YES, YES]),
        ("a.py", "class User(Model):\n    def f(self):\n        return email\n", [UNKNOWN]),
        ("a.py", "class Order(Model):\n    email = Text()\n", [NO]),
        ("a.py", "class Other:\n    email = Text()\n", [UNKNOWN]),
        ("a.py", "class UserForm(ModelForm):\n    fields = ['email']\n    email = 1\n", [YES, UNKNOWN]),
        ("a.py", "class User(Model):\n    label = 'lower email'\n    x = Index('lower email')\n", [UNKNOWN, YES]),
        ("a.rb", "User.where email: 1", [YES]),
        ("a.rb", "Order.where email: 1", [UNKNOWN]),
        ("a.rb", "User.joins(:orders).where(email: 1)", [YES]),
        ("a.rb", "Order.joins(:user).where(email: 1)", [NO]),
        ("a.rb", "@user.email", [YES]),
        ("a.rb", "class User < ApplicationRecord\n  def f\n    email\n  end\nend\n", [YES]),
        ("a.ts", "class User extends Model {\n  f() {\n    return email\n  }\n}\n", [UNKNOWN]),
        ("a.go", "client.User.Query().Where(user.EmailEQ(1))", [YES]),
        ("a.go", "db.First(&user, \"email = ?\", 1)", [YES]),
        ("a.go", "var x models.User\ndb.Where(\"email = ?\", 1).First(&x)", [YES]),
        ("a.go", "var x models.Order\ndb.Where(\"email = ?\", 1).First(&x)", [NO]),
        ("a.rs", "User::find(1).email(2)", [YES]),
        ("a.kt", "Users.select { it[email] }", [YES]),
        ("a.kt", "Users.select {\n  it[email]\n}", [YES]),
        ("a.kt", "Users.update { it[email] = 1 }", [YES]),
        ("a.ts", "res.render('page', { email: 1 })" + "\n" * 400, [NO]),
    ],
)  # fmt: skip
def test_each_kind_of_file_and_each_orm_has_its_ways(path: str, text: str, found: list[Meaning]) -> None:
    assert meanings(path, text) == found


def test_an_alias_of_a_query_is_the_table_in_strings_and_in_elixir() -> None:
    assert meanings("a.ts", "f('u.email')", aliases=("u",)) == [YES]
    assert meanings("a.ts", "f('o.email')", aliases=("u",), others=("o",)) == [NO]
    assert meanings("a.ex", "where(u.email == 1)", aliases=("u",)) == [YES]
    assert meanings("a.ts", "u.email", aliases=("u",)) == [UNKNOWN]
    assert meanings("a.ts", "o.email", others=("o",)) == [NO]


def test_a_call_of_a_distinctive_name_is_looked_at_like_any_other() -> None:
    assert meanings("a.ts", "f(nick_word('x'))", column="nick_word") == [UNKNOWN]
    assert meanings("a.ts", "db.insert(users).values(nick_word('x'))", column="nick_word") == [YES]


def test_brackets_are_looked_through_to_a_depth() -> None:
    assert meanings("a.ts", "db.from('users').f(" + "[" * 30 + "email" + "]" * 30 + ")") == [YES]
    assert meanings("a.ts", "db.from('users').f(\n" + "[" * 50 + "email" + "]" * 50 + ")") == [UNKNOWN]


def test_what_was_found_out_is_a_meaning() -> None:
    assert [Meaning.of(each) for each in (True, False, None)] == [YES, NO, UNKNOWN]
