"""SQL that is shown or stored contains no password, and is otherwise unchanged."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ctgitops.sql.parse import SqlSyntaxError, statements
from ctgitops.sql.redact import holds_secret, is_redacted, redact, redact_message, secrets_in
from ctgitops.sql.tokens import Kind, tokens

SECRET = "hunter2"
HIDDEN = {
    "role": ("CREATE ROLE a LOGIN PASSWORD 'hunter2';", "CREATE ROLE a LOGIN PASSWORD '***';"),
    "lower": ("create role a password'hunter2'", "create role a password'***'"),
    "encrypted": (
        "ALTER USER a WITH ENCRYPTED PASSWORD 'hunter2' VALID UNTIL '2030-01-01';",
        "ALTER USER a WITH ENCRYPTED PASSWORD '***' VALID UNTIL '2030-01-01';",
    ),
    "escaped": (r"ALTER USER a PASSWORD E'hunter2\'x';", "ALTER USER a PASSWORD E'***';"),
    "unicode": ("ALTER ROLE a PASSWORD U&'hunter2' UESCAPE '!';", "ALTER ROLE a PASSWORD U&'***' UESCAPE '!';"),
    "dollars": ("ALTER ROLE a PASSWORD $x$hunter2$x$;", "ALTER ROLE a PASSWORD $x$***$x$;"),
    "comment between": ("ALTER ROLE a PASSWORD /* ! */ 'hunter2'", "ALTER ROLE a PASSWORD /* ! */ '***'"),
    "two lines": ("ALTER ROLE a PASSWORD 'hunter2\n';", "ALTER ROLE a PASSWORD '***\n';"),
    "continued": ("ALTER ROLE a PASSWORD 'one'\n 'hunter2';", "ALTER ROLE a PASSWORD '***'\n '***';"),
    "mapping": (
        "CREATE USER MAPPING FOR a SERVER s OPTIONS (user 'u', password 'hunter2', password_required 'false');",
        "CREATE USER MAPPING FOR a SERVER s OPTIONS (user 'u', password '***', password_required 'false');",
    ),
    "first option": (
        "CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (password 'hunter2');",
        "CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (password '***');",
    ),
    "backslashes": (
        r"SELECT dblink(E'host=h password=\'hunter2 x\' user=u');",
        "SELECT dblink(E'host=h password=''***'' user=u');",
    ),
    "server": (
        "ALTER SERVER s OPTIONS (SET host 'h', ADD \"api_key\" 'hunter2');",
        "ALTER SERVER s OPTIONS (SET host 'h', ADD \"api_key\" '***');",
    ),
    "subscription": (
        "CREATE SUBSCRIPTION s CONNECTION 'host=h password=hunter2 user=u' PUBLICATION p;",
        "CREATE SUBSCRIPTION s CONNECTION 'host=h password=*** user=u' PUBLICATION p;",
    ),
    "quoted in it": (
        "ALTER SUBSCRIPTION s CONNECTION 'host=h password=''hunter2 x'' user=u';",
        "ALTER SUBSCRIPTION s CONNECTION 'host=h password=''***'' user=u';",
    ),
    "dblink": (
        "SELECT dblink_connect('host=h password = hunter2');",
        "SELECT dblink_connect('host=h password = ***');",
    ),
    "dblink in dollars": ("SELECT dblink($$host=h password=hunter2$$)", "SELECT dblink($$host=h password=***$$)"),
    "url": (
        "INSERT INTO s VALUES ('postgres://u:hunter2@h/db?sslpassword=hunter2');",
        "INSERT INTO s VALUES ('postgres://u:***@h/db?sslpassword=***');",
    ),
    "an @ in it": ("SELECT 'postgresql://u:p@hunter2@h/db';", "SELECT 'postgresql://u:***@h/db';"),
    "DO": (
        "DO $$ BEGIN IF a = 'x' THEN CREATE ROLE app PASSWORD 'hunter2'; END IF; END $$;",
        "DO $$ BEGIN IF a = 'x' THEN CREATE ROLE app PASSWORD '***'; END IF; END $$;",
    ),
    "EXECUTE": (
        "DO $$ BEGIN EXECUTE 'ALTER ROLE a PASSWORD ''hunter2'''; END $$;",
        "DO $$ BEGIN EXECUTE 'ALTER ROLE a PASSWORD ''***'''; END $$;",
    ),
    "format": (
        "DO $$ BEGIN EXECUTE format('ALTER ROLE app PASSWORD %L', 'hunter2'); END $$;",
        "DO $$ BEGIN EXECUTE format('ALTER ROLE app PASSWORD %L', '***'); END $$;",
    ),
    "put together": ("SELECT dblink('host=h password=' || 'hunter2')", "SELECT dblink('host=h password=' || '***')"),
}
BROKEN = {
    "misspelt": ("CREATE ROLE x PASWORD 'hunter2';", "CREATE ROLE x PASWORD '***';"),
    "wrong quotes": ('ALTER ROLE x PASSWORD "hunter2";', 'ALTER ROLE x PASSWORD "***";'),
    "no quotes": ("ALTER ROLE x PASSWORD hunter2;", "ALTER ROLE x PASSWORD ***;"),
    "a sign": ("ALTER ROLE x PASSWORD = 'hunter2';", "ALTER ROLE x PASSWORD = '***';"),
    "endless": ("ALTER ROLE x PASSWORD 'hunter2", "ALTER ROLE x PASSWORD '***"),
    "endless dollars": ("ALTER ROLE x PASSWORD $a$hunter2", "ALTER ROLE x PASSWORD $a$***"),
    "a quote too many": (
        "INSERT INTO t VALUES ('it's');\nALTER ROLE x PASSWORD 'hunter2';\n",
        "INSERT INTO t VALUES ('it's');\nALTER ROLE x PASSWORD '***';\n",
    ),
}
UNTOUCHED = [
    "SET password_encryption = 'scram-sha-256';",
    "ALTER ROLE a PASSWORD NULL;",
    "ALTER ROLE a SET search_path = 'app';",
    "CREATE ROLE a VALID UNTIL '2030-01-01';",
    "CREATE ROLE password LOGIN;",
    "ALTER SERVER s OPTIONS (DROP password, SET user 'u');",
    "CREATE TABLE users (password text DEFAULT '', token text);",
    "UPDATE users SET password = crypt('x', gen_salt('bf')) WHERE password = '';",
    "COMMENT ON COLUMN users.password IS 'the password ''hashed'' by us';",
    "SELECT 'https://example.com:443/path?of=it', 'mailto:a@b.c';",
    "DO $$ BEGIN EXECUTE format('ALTER ROLE a PASSWORD %L', current_setting('app.password')); END $$;",
    "-- the password is set by hand\nSELECT 1;",
]


@pytest.mark.parametrize(("sql", "shown"), [*HIDDEN.values(), *BROKEN.values()], ids=[*HIDDEN, *BROKEN])
def test_a_password_is_hidden_and_nothing_else(sql: str, shown: str) -> None:
    assert redact(sql) == shown
    assert any(SECRET in secret for secret in secrets_in(sql))
    assert holds_secret(sql)
    assert not is_redacted(sql)


@pytest.mark.parametrize("sql", [sql for sql, _ in HIDDEN.values()], ids=HIDDEN)
def test_what_is_hidden_can_be_told_from_what_was_never_there(sql: str) -> None:
    shown = redact(sql)
    assert is_redacted(shown)
    assert redact(shown) == shown
    assert not secrets_in(shown)


@pytest.mark.parametrize("sql", UNTOUCHED)
def test_what_is_no_password_stays(sql: str) -> None:
    statements(sql)
    assert redact(sql) == sql
    assert not holds_secret(sql)
    assert not is_redacted(sql)


@pytest.mark.parametrize("sql", ["-- psql postgres://u:hunter2@h/db\nSELECT 1;", "/* password 'hunter2' */ SELECT 1;"])
def test_a_password_in_a_comment_is_hidden_and_keeps_nothing_from_being_run(sql: str) -> None:
    assert SECRET not in redact(sql)
    assert not holds_secret(sql)
    assert not is_redacted(redact(sql))


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("SQL statement \"ALTER ROLE x PASSWORD 'hunter2'\"", "SQL statement \"ALTER ROLE x PASSWORD '***'\""),
        ("could not connect: host=h password=hunter2 port=1", "could not connect: host=h password=*** port=1"),
        ('password authentication failed for user "bob"', 'password authentication failed for user "bob"'),
        ("invalid value for postgres://u:hunter2@h", "invalid value for postgres://u:***@h"),
    ],
)
def test_what_the_server_says_quotes_no_password(said: str, shown: str) -> None:
    assert redact_message(said) == shown


def test_what_a_message_is_about_is_hidden_wherever_it_stands() -> None:
    known = secrets_in("CREATE ROLE x PASWORD 'hunter2';")
    assert redact_message("syntax error at or near \"'hunter2'\"", known) == "syntax error at or near \"'***'\""


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="*"), min_size=4, max_size=20)
SQL = st.lists(
    st.sampled_from(
        [
            *(sql for sql, _ in (*HIDDEN.values(), *BROKEN.values())), *UNTOUCHED,
            "'", "''", '"', "$$", "$a$", "/*", "*/",
            "--", "\n", ";", "\\", "password", "password=", "PASSWORD", "CREATE ROLE", "OPTIONS (", "://", "a:b@", "E'",
            "U&'", " ", "***", "x", "é",
        ]
    ),
    max_size=12,
).map(" ".join)  # fmt: skip


@settings(deadline=None)
@given(SQL)
@example("ALTER ROLE a PASSWORD '***' '")
def test_it_is_the_same_twice_on_the_same_lines(sql: str) -> None:
    shown = redact(sql)
    assert redact(shown) == shown
    assert shown.count("\n") == sql.count("\n")


@settings(deadline=None)
@given(SQL)
def test_what_was_sql_is_the_same_statements_still(sql: str) -> None:
    try:
        before = statements(sql)
    except SqlSyntaxError:
        return
    assert [s.kind for s in statements(redact(sql))] == [s.kind for s in before]


@settings(deadline=None)
@given(WORDS, st.sampled_from(["CREATE ROLE a PASSWORD {};", "DO $do$ BEGIN ALTER USER a PASSWORD {}; END $do$;"]))
def test_whatever_the_password_is_it_does_not_come_through(password: str, around: str) -> None:
    for literal in (
        "'" + password.replace("'", "''") + "'",
        "E'" + password.replace("\\", "\\\\").replace("'", "\\'") + "'",
        f"$pw${password}$pw$",
    ):
        shown = redact(around.format(literal))
        assert (
            re.fullmatch(re.escape(around).replace(r"\{\}", r"(E?'|\$pw\$)\*\*\*('|\$pw\$)"), shown)
            or not password.strip()
        )


@settings(deadline=None)
@given(SQL)
def test_tokens_are_the_whole_text(sql: str) -> None:
    found = list(tokens(sql))
    assert "".join(sql[t.start : t.end] for t in found) == sql
    assert all(t.end > t.start for t in found)


def test_comments_nest_and_dollars_match() -> None:
    sql = "/* a /* b */ c */ $a$ $b$ '$a$ x"
    kinds = [(t.kind, sql[t.start : t.end]) for t in tokens(sql) if t.kind is not Kind.BLANK]
    assert kinds == [(Kind.COMMENT, "/* a /* b */ c */"), (Kind.STRING, "$a$ $b$ '$a$"), (Kind.WORD, "x")]
