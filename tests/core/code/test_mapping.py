"""The class around a name in code, and whether it maps the table or queries it."""

from __future__ import annotations

import pytest

from ctgitops.core.code.mapping import Block, MappingRole, block_at
from ctgitops.core.code.source import source_of
from ctgitops.core.code.spelling import spelling_of
from ctgitops.sql.name_changes import ChangedName

SPELLING = spelling_of(ChangedName("users", "email"))
ROWS, QUERIES, ANOTHER, NONE = MappingRole
MEMBER = True


def block(path: str, text: str) -> Block:
    return block_at(source_of(path, text), text.index("email"), SPELLING)


@pytest.mark.parametrize(
    ("path", "text", "role", "member"),
    [
        # Python
        ("a.py", "class User(models.Model):\n    email = models.EmailField()\n", ROWS, MEMBER),
        ("a.py", "class Order(models.Model):\n    email = models.EmailField()\n", ANOTHER, MEMBER),
        ("a.py", "class Person(Base):\n    __tablename__ = 'users'\n    email = Column(Text)\n", ROWS, MEMBER),
        ("a.py", "class User(Base):\n    __tablename__ = 'app_users'\n    email = Column(Text)\n", ANOTHER, MEMBER),
        ("a.py", "class Person(Base):\n    __tablename__ = 'auth.users'\n    email = Column(Text)\n", ROWS, MEMBER),
        ("a.py", "class User(Base):\n    def f(self):\n        return email\n", ROWS, not MEMBER),
        ("a.py", "class User(Base):\n    for x in y:\n        email = 1\n", ROWS, not MEMBER),
        ("a.py", "class User(models.Model):\n    class Meta:\n        fields = ['email']\n", ROWS, MEMBER),
        ("a.py", "class S(Serializer):\n  class Meta:\n    model = app.User\n    fields = email\n", QUERIES, MEMBER),
        ("a.py", "class S(Serializer):\n  class Meta:\n    model = Order\n    fields = email\n", ANOTHER, MEMBER),
        ("a.py", "@admin.register(User)\nclass A(ModelAdmin):\n    list_display = ['email']\n", QUERIES, MEMBER),
        ("a.py", "@admin.register(Order)\nclass A(ModelAdmin):\n    list_display = ['email']\n", ANOTHER, MEMBER),
        ("a.py", "class User:\n    email = 1\n", NONE, MEMBER),
        ("a.py", "class User(Base):\n    id = 1\n\nemail = 1\n", NONE, not MEMBER),
        ("a.py", "email = 1\n", NONE, not MEMBER),
        ("a.py", "if True:\n    email = 1\n", NONE, not MEMBER),
        ("a.py", "class User(Base):\n    x = Column(\n        1,\n    )\n    email = Column()\n", ROWS, MEMBER),
        # Ruby
        ("a.rb", "class User < ApplicationRecord\n  validates :email\nend\n", ROWS, MEMBER),
        ("a.rb", "module Shop\n  class User < ApplicationRecord\n    validates :email\n  end\nend\n", ROWS, MEMBER),
        ("a.rb", "factory :user do\n  email { 1 }\nend\n", ROWS, MEMBER),
        ("a.rb", "factory :order do\n  email { 1 }\nend\n", ANOTHER, MEMBER),
        ("a.rb", "create_table :users do |t|\n  t.text :email\nend\n", ROWS, MEMBER),
        ("a.rb", "create_table 'orders' do |t|\n  t.text :email\nend\n", ANOTHER, MEMBER),
        # TypeScript, Prisma
        ("a.ts", "@Entity('users')\nexport class Person {\n  email: string;\n}\n", ROWS, MEMBER),
        ("a.ts", "@Entity()\n@Index(['a'])\nexport class User {\n  email: string;\n}\n", ROWS, MEMBER),
        ("a.ts", "@Entity({ name: 'people' })\nexport class User {\n  email: string;\n}\n", ANOTHER, MEMBER),
        ("a.ts", "interface UserTable {\n  email: string;\n}\n", ROWS, MEMBER),
        ("a.ts", "interface OrderTable {\n  email: string;\n}\n", ANOTHER, MEMBER),
        ("a.ts", "interface User {\n  email: string;\n}\n", NONE, MEMBER),
        ("a.ts", "class UserRepository {\n  find(id: number): User {\n    return email\n  }\n}\n", QUERIES, not MEMBER),
        ("a.ts", "class UserRepository {\n  find = () => {\n    return email\n  }\n}\n", QUERIES, not MEMBER),
        ("a.ts", "class Store extends Repository<User> {\n  key = 'email'\n}\n", QUERIES, MEMBER),
        ("a.ts", "class Store extends Repository<Order> {\n  key = 'email'\n}\n", ANOTHER, MEMBER),
        ("a.prisma", "model User {\n  email String\n}\n", ROWS, MEMBER),
        ("a.prisma", "model Person {\n  email String\n  @@map(\"users\")\n}\n", ROWS, MEMBER),
        ("a.prisma", "model Order {\n  email String\n}\n", ANOTHER, MEMBER),
        # Java, Go, Rust
        ("A.java", "@Entity\n@Table(name = \"users\")\npublic class Person {\n    String email;\n}\n", ROWS, MEMBER),
        ("A.java", "class UserDao {\n  void f() throws IOException {\n    email\n  }\n}\n", QUERIES, not MEMBER),
        ("A.java", "@Entity\nclass UserEntity\n{\n    String email;\n}\n", ROWS, MEMBER),
        ("a.go", "type User struct {\n\temail string `gorm:\"x\"`\n}\n", ROWS, MEMBER),
        ("a.go", "type UserRow struct {\n\temail string\n}\n", ROWS, MEMBER),
        ("a.go", "type Person struct {\n\tbun.BaseModel `bun:\"table:users\"`\n\temail string\n}\n", ROWS, MEMBER),
        ("a.go", "func (r *UserRepo) Find() {\n\temail\n}\n", QUERIES, MEMBER),
        ("a.go", "func (r *OrderRepo) Find() {\n\temail\n}\n", ANOTHER, MEMBER),
        ("a.go", "func (User) Fields() []ent.Field {\n\treturn email\n}\n", QUERIES, MEMBER),
        ("a.rs", "#[diesel(table_name = users)]\nstruct Person {\n  email: String,\n}\n", ROWS, MEMBER),
        ("a.rs", "#[derive(FromRow)]\npub struct User {\n    email: String,\n}\n", ROWS, MEMBER),
        ("a.rs", "table! {\n    users (id) {\n        email -> Text,\n    }\n}\n", ROWS, MEMBER),
        ("a.rs", "table! {\n    orders (id) {\n        email -> Text,\n    }\n}\n", ANOTHER, MEMBER),
        ("a.rs", "impl User {\n    fn f(&self) {\n        email\n    }\n}\n", ROWS, not MEMBER),
    ],
)  # fmt: skip
def test_the_innermost_class_says_whose_members_these_are(
    path: str, text: str, role: MappingRole, member: bool
) -> None:
    assert block(path, text) == Block(role, member)


def test_a_class_is_looked_for_in_some_hundred_lines() -> None:
    head, line = "class User(models.Model):\n", "    a = 1\n"
    assert block("a.py", head + line * 390 + "    email = 1\n").role is ROWS
    assert block("a.py", head + line * 400 + "    email = 1\n").role is NONE
