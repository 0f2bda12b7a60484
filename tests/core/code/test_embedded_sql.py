"""SQL in code: which pieces it is read in, which tables they name, and whose a column is."""

from __future__ import annotations

import pytest

from ctgitops.core.code.embedded_sql import segments
from ctgitops.core.code.source import source_of
from ctgitops.core.code.spelling import spelling_of
from ctgitops.sql.name_changes import ChangedName


def relations(path: str, text: str) -> list[tuple[str, str]]:
    """Each table with its alias, in the order of the file."""
    found = {
        (each.at, each.name, each.alias)
        for segment in segments(source_of(path, text))
        for query in segment.queries
        for each in query.relations
    }
    return [(name, alias) for _, name, alias in sorted(found)]


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("select 1 from users", [("users", "")]),
        ("select 1 from users u", [("users", "u")]),
        ("select 1 from users as u where true", [("users", "u")]),
        ("select 1 from users where true", [("users", "")]),
        ("select 1 from app.users, only sites s, x", [("users", ""), ("sites", "s"), ("x", "")]),
        ('select 1 from "app"."users" "u"', [("users", "u")]),
        ("select 1 from users u join sites s on s.id = u.site", [("users", "u"), ("sites", "s")]),
        ("insert into users (a) values (1)", [("users", "")]),
        ("select 1 from users join sites on true left join x on true", [("users", ""), ("sites", ""), ("x", "")]),
        ("select 1 from users, sites where true", [("users", ""), ("sites", "")]),
        ("update users set a = 1", [("users", "")]),
        ("update users u set a = 1 from sites", [("users", "u"), ("sites", "")]),
        ("select 1 from a for update of b", [("a", "")]),
        ("delete from users using sites", [("users", ""), ("sites", "")]),
        ("merge into users using sites on true when matched then delete", [("users", ""), ("sites", "")]),
        ("create table if not exists users (a int references sites)", [("users", ""), ("sites", "")]),
        ("comment on table users is 'from nowhere'", [("users", "")]),
        ("select 1 from users -- from nowhere\nwhere true", [("users", "")]),
        ("select 'from nowhere' from users", [("users", "")]),
        ("select 1 from {{ ref('users') }} u", [("users", "u")]),
        ("select 1 from ${tables.users} u", [("users", "u")]),
        ("select 1", []),
    ],
)
def test_the_tables_of_a_statement(sql: str, found: list[tuple[str, str]]) -> None:
    assert relations("a.sql", sql) == found


@pytest.mark.parametrize(
    ("path", "text", "names"),
    [
        ("a.py", "f('select a from users')", ["users"]),
        ("a.py", "f('select a ' 'from users')", ["users"]),
        ("a.ts", "f('select a ' +\n  'from users ' + 'join sites')", ["users", "sites"]),
        ("a.py", "f('select a', 'from users')", ["users"]),
        ("a.py", "f('a message from users')", []),
        ("a.py", "# select a from users", []),
        ("a.py", "log('no', 'select a from users', 'more')", ["users"]),
        ("a.sh", "psql -c select a from users; echo from nowhere", ["users"]),
        ("a.html", "<code>select a\nfrom users</code> from nowhere", ["users"]),
        ("a.rb", "x = <<~SQL\n  select a\n  from users\nSQL\n", ["users"]),
        ("a.ts", "`select a from ${users} u`", ["users"]),
        ("a.yml", "query: 'select a from users'", ["users"]),
    ],
)
def test_which_texts_of_a_file_are_sql(path: str, text: str, names: list[str]) -> None:
    assert [name for name, _ in relations(path, text)] == names


@pytest.mark.parametrize(
    ("sql", "means"),
    [
        ("select email from users", [True]),
        ("select email from sites", [False]),
        ("select u.email from users u", [True]),
        ("select users.email from users", [True]),
        ("select U.EMAIL from users u", [True]),
        ("select s.email from users u join sites s on true", [False]),
        ("select x.email from users u", [False]),
        ("select name as email from users", [False]),
        ("select email as name from users", [True]),
        ("select email() from users", []),
        ("select email.x from users", []),
        ("select my_email, emails from users", []),
        ("select :email from users", []),
        ("select 'email' from users", []),
        ("insert into users (email) values (1) on conflict (email) do update set email = excluded.email", [True] * 4),
        ("select new.email from users", [True]),
        ("select new.email from sites", [False]),
        ("select 1 from users where exists (select 1 from sites where email = 1)", [False]),
        ("select 1 from users u where exists (select 1 from sites where u.email = 1)", [True]),
        ("select 1 from sites where exists (select email from users)", [True]),
        ("select email from sites union select email from users", [False, True]),
        ("select email from users; select email from sites", [True, False]),
        ("select email from (select email from users) x", [None, True]),
        ("select (email) from users", [True]),
        ("select 1 from users where email in (1, 2)", [True]),
        ("select email; select 1 from users", [None]),
    ],
)
def test_whose_a_column_is(sql: str, means: list[bool | None]) -> None:
    spelling = spelling_of(ChangedName("users", "email"))
    found = [each for segment in segments(source_of("a.sql", sql)) for each in segment.columns(spelling)]
    assert [meant for _, meant in sorted(found)] == means
    assert all(sql[at:].lower().startswith("email") for at, _ in found)
