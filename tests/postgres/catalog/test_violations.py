"""The row check predicts for each statement whether it would fail on existing rows, and PostgreSQL agrees."""

from __future__ import annotations

import psycopg
import pytest

from ctgitops.core.trial.violation import Risk, Violation
from ctgitops.errors import Place
from ctgitops.postgres.catalog.violations import ViolationCounter, ViolationsUnreadable, _demands_of
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.sql.parse import trees
from ctgitops.sql.row_requirements import demands
from tests.servers import base_for_servers, fresh_database, programs_of, run, session

SCHEMA = """
create table p (id int primary key, code text unique);
insert into p values (1, 'a'), (2, 'b');
create type mood as enum ('sad', 'ok');
create table t (id int primary key, a int, b text, pid int, code text, n numeric(10, 2), s smallint, d text);
insert into t values (1, 1, 'one', 1, 'a', 12.34, 1, 'ok'), (2, null, 'three three', 3, 'z', 99999.5, 2, 'glad'),
    (3, 1, '12', null, null, 0, 3, 'sad'), (4, -5, 'pad     ', 2, 'b', 1, 4, null);
create table "My T" ("A b" int);
insert into "My T" values (1), (1), (null), (null);
create table empty (a int);
alter table t add constraint t_nv check (a > 0) not valid;
alter table t add constraint t_fk foreign key (pid) references p not valid;
"""
CASES = {
    "alter table t alter a set not null": 1,
    "alter table t alter b set not null": 0,
    "alter table t add check (a > 0)": 1,
    "alter table t add check (a > -10 or b like 'x%')": 0,
    "alter table t validate constraint t_nv": 1,
    "alter table t add foreign key (pid) references p": 1,
    "alter table t add foreign key (code) references p (code)": 1,
    "alter table t add foreign key (s) references p (id)": 2,
    "alter table t add foreign key (pid) references t": 0,
    "alter table t validate constraint t_fk": 1,
    "alter table t add unique (a)": 2,
    "alter table t add unique (pid)": 0,
    "alter table t add unique (a, b)": 0,
    "create unique index on t (left(b, 0))": 4,
    "create unique index on t (a) where b like '1%'": 0,
    'alter table "My T" add unique ("A b")': 2,
    'alter table "My T" add primary key ("A b")': 4,
    "alter table t alter b type varchar(5)": 1,
    "alter table t alter b type char(3)": 1,
    "alter table t alter b type varchar(11)": 0,
    "alter table t alter b type int using b::int": 1,
    "alter table t alter n type numeric(4, 2)": 1,
    "alter table t alter n type int": 0,
    "alter table t alter a type smallint": 0,
    "alter table t alter d type mood using d::mood": 1,
    "alter table t add column x int not null": 4,
    "alter table empty add column x int not null": 0,
}
"""Of rows; of a cast only whether there is one."""
AT_LEAST = 15
NULLS = {'alter table "My T" add unique nulls not distinct ("A b")': 4}


def result(url: str, sql: str, *, keys: bool = False) -> list[Violation]:
    found = [each for tree in trees(sql) for each in demands(tree.kind, tree.node)]
    risks = [Risk("001_m", Place("migrations/001_m.sql", 1), demand) for demand in found]
    with session(url) as connection:
        connection.execute("set default_transaction_read_only = on; set statement_timeout = '5s'")
        return list(ViolationCounter(connection, keys).count(risks))


def fails(url: str, sql: str) -> bool:
    with session(url) as connection:
        connection.execute("begin")
        try:
            connection.execute(sql.encode())
        except psycopg.Error:
            return True
        finally:
            connection.execute("rollback")
    return False


def wrong(url: str, cases: dict[str, int]) -> list[str]:
    """Where the rows that were found, or what PostgreSQL does, are not what the table says."""
    found = []
    for sql, expected in cases.items():
        looked = result(url, sql)
        rows = [each.rows for each in looked]
        if None in rows or sum(filter(None, rows)) != expected or fails(url, sql) != (expected > 0):
            found.append(f"{sql}: {[(each.rows, each.why) for each in looked]}, fails: {fails(url, sql)}")
    return found


def test_a_statement_fails_where_rows_were_found_and_nowhere_else(database_url: str) -> None:
    run(database_url, SCHEMA)
    assert wrong(database_url, CASES) == []


@pytest.mark.majors
@pytest.mark.parametrize("major", [14, 15, 16, 17, 18])
def test_they_agree_on_every_major(major: int) -> None:
    with LocalServer(programs_of(major), base=base_for_servers()) as server:
        url = fresh_database(server)
        run(url, SCHEMA)
        assert wrong(url, CASES | (NULLS if major >= AT_LEAST else {})) == []


def test_keys_of_a_few_rows_are_told_where_that_is_allowed_and_no_value_of_them(database_url: str) -> None:
    run(database_url, SCHEMA)
    sql = "alter table t add unique (a)"
    assert [each.keys for each in result(database_url, sql)] == [()]
    assert [each.keys for each in result(database_url, sql, keys=True)] == [("1", "3")]
    assert [each.keys for each in result(database_url, 'alter table "My T" add unique ("A b")', keys=True)] == [()]


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("alter table nowhere alter a set not null", "the table does not exist yet"),
        ("alter table t alter later set not null", "the column does not exist yet"),
        ("alter table t alter d type later using d::later", "the type does not exist yet"),
        ("alter table t validate constraint later", "the NOT VALID constraint does not exist yet"),
        ("alter table t add foreign key (a) references empty", "the referenced table does not have the key yet"),
        ("alter table t alter b type int using length(b)", "the results of its USING expression are not checked"),
        ("alter table t add exclude (a with =)", "only the exclusion constraint itself checks that"),
    ],
)
def test_what_cannot_be_looked_at_says_why(database_url: str, sql: str, why: str) -> None:
    run(database_url, SCHEMA)
    assert [(each.rows, each.why) for each in result(database_url, sql)] == [(None, why)]


def test_a_look_waits_for_nobody_and_goes_on_behind_what_it_could_not_see(database_url: str) -> None:
    run(database_url, SCHEMA)
    sql = "alter table t alter a set not null; alter table p alter code set not null"
    risks = [Risk("001_m", Place("x", 1), demand) for tree in trees(sql) for demand in demands(tree.kind, tree.node)]
    with session(database_url) as other, session(database_url) as connection:
        other.execute("begin; lock table t")
        connection.execute("set lock_timeout = '50ms'")
        found = list(ViolationCounter(connection).count(risks))
    assert [(each.rows, each.why) for each in found] == [
        (None, "lock timeout: another session locks the table"),
        (0, ""),
    ]


def test_a_constraint_that_only_a_newer_server_knows_was_not_looked_at() -> None:
    assert [each.says for each in _demands_of("alter table t add check (a > 0)")] == ["CHECK (a > 0) must hold"]
    with pytest.raises(ViolationsUnreadable, match="its definition cannot be read: syntax error"):
        _demands_of("alter table t add assertion of the future (a)")
