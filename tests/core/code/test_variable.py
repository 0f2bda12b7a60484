"""What the declaration of a variable says: whether it holds the table, its rows or something else."""

from __future__ import annotations

import pytest

from ctgitops.core.code.call_chain import handles_of
from ctgitops.core.code.source import source_of
from ctgitops.core.code.spelling import spelling_of
from ctgitops.core.code.variable import Variables
from ctgitops.sql.name_changes import ChangedName

SPELLING = spelling_of(ChangedName("users", "email"))


def is_row(text: str, name: str = "x", path: str = "a.ts") -> bool | None:
    """Of the variable where it is used: `x.email`, or at the mark `«`."""
    used = text.index("«") if "«" in text else text.index(f"{name}.email")
    source = source_of(path, text.replace("«", ""))
    return Variables(source, SPELLING, handles_of(SPELLING)).is_row(name, used)


@pytest.mark.parametrize(
    "declared",
    [
        "const x = await db.select().from(users);", "let x: User = f();", "const x: app.User = f();",
        "const [x] = await db.select().from(users);", "const { x } = await prisma.user.findFirst({});",
        "const x: List<User> = f();", "User x = f();", "List<User> x = f();", "for (const x of users) {}",
        "for x in users:", "for _, x := range users {", "for (User x : users) {", "users.map((x) => x.a);",
        "users.forEach(x => 1)", "users.each { |x| 1 }", "users.each { |i, x| 1 }", "users.forEach { x -> 1 }",
        "users.sort(key=lambda x: 1)", "def f(x: User):", "func f(x *User)", "func f(x *models.User)",
        "func f(x []User)", "fn f(x: &User)", "x := models.User{}", "var x User",
        "const x = await\n  prisma.user.findFirst({});", "const x = (\n  User.find(1));", "x = User.first",
        "fun f(x: User?) {}", "const x =\n  users.find(1);", "x = self.users.get(1)",
    ],
)  # fmt: skip
def test_a_declaration_that_names_the_table_or_its_class(declared: str) -> None:
    assert is_row(f"{declared}\nx.email") is True


@pytest.mark.parametrize(
    "declared",
    [
        "const x = await db.select().from(orders);", "let x: Order = f();", "Order x = f();", "List<Order> x = f();",
        "const x = prisma.order.findFirst({});", "x = Order.first", "func f(x *Order)", "x := models.Order{}",
        "for (Order x : y) {",
    ],
)  # fmt: skip
def test_a_declaration_that_names_another_table_or_class(declared: str) -> None:
    assert is_row(f"{declared}\nx.email") is False


@pytest.mark.parametrize(
    "declared",
    [
        "",
        "x = f(1)",
        "const x = y;",
        "String x = f();",
        "let x: Promise = f();",
        "if (x == User) {}",
        "const xx = User.find(1)",
    ],
)
def test_a_declaration_that_shows_nothing(declared: str) -> None:
    assert is_row(f"{declared}\nx.email") is None


def test_a_variable_named_after_the_table_is_not_another_s() -> None:
    assert is_row("user = Order.first\nuser.email", "user") is None
    assert is_row("owner = Order.first\nowner.email", "owner") is False


@pytest.mark.parametrize(("name", "known"), [("User", True), ("USERS", True), ("Order", False), ("X1", False)])
def test_a_class_or_constant_has_no_declaration(name: str, known: bool) -> None:
    assert is_row(f"{name} = Order.first\n{name}.email", name) is known


def test_the_last_declaration_before_the_use_counts() -> None:
    text = "x = Order.first\nx.email\nx = User.first\n«x.email\nx = Order.first\n"
    assert is_row(text) is True
    assert is_row(text.replace("«", "")) is False


def test_a_declaration_in_the_line_of_the_use_counts() -> None:
    assert is_row("x = Order.first\nusers.map(x => x.email)") is True
    assert is_row("x = Order.first\nusers.map(x => x.email)\nx = Order.first") is True


def test_what_changes_a_query_does_not_declare_it() -> None:
    assert is_row("x = User.all\nx = x.where(Order)\nx = await x.limit(Order)\nx.email") is True
    assert is_row("x = User.all\nx = xx.where(1)\nx.email") is None


def test_a_declaration_far_away_does_not_count() -> None:
    assert is_row("x = User.first" + "\n" * 5_900 + "x.email") is True
    assert is_row("x = User.first" + "\n" * 6_100 + "x.email") is None


def test_a_comprehension_declares_behind_the_use() -> None:
    assert is_row("[x.email for x in users]", path="a.py") is True
    assert is_row("[x.email for x in Order.all]", path="a.py") is False
    assert is_row("[x.email" + "\n" * 280 + "for x in users]", path="a.py") is True
    assert is_row("[x.email" + "\n" * 310 + "for x in users]", path="a.py") is None


@pytest.mark.parametrize("line", ["y.x = User.first", '"x: User"', "x == User.first", "new User x(1)"])
def test_what_looks_like_a_declaration_but_is_none(line: str) -> None:
    assert is_row(f"{line}\nx.email") is None
