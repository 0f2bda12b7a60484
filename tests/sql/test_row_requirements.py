"""What statements require of existing rows, and which conditions are never evaluated in a real database."""

from __future__ import annotations

import pytest

from ctgitops.sql.parse import trees
from ctgitops.sql.row_requirements import Demand, References, demands, writes_rows_of


def of(sql: str) -> list[Demand]:
    return [demand for tree in trees(sql) for demand in demands(tree.kind, tree.node)]


@pytest.mark.parametrize(
    ("sql", "violating"),
    [
        ("alter table t alter a set not null", '"a" is null'),
        ('alter table "T" alter "a ""b" set not null', '"a ""b" is null'),
        ("alter table t add constraint n not null a", '"a" is null'),
        ("alter table t add check (a > 0 and b ~ 'x''y')", "(a > 0 AND b ~ 'x''y') is false"),
        ("alter table t add column a int not null", "true"),
        ("alter table t alter a type varchar(5)", "rtrim(substr(\"a\"::text, 6), ' ') <> ''"),
        ("alter table t alter a type char(2) using a::char(2)", "rtrim(substr(\"a\"::text, 3), ' ') <> ''"),
        ("alter table t add unique (a)", '("a") in (select "a" from "t" group by "a" having count(*) > 1)'),
        (
            "create unique index on s.t (a, lower(b)) where a > 3",
            '(a > 3) and ("a", (lower(b))) in '
            '(select "a", (lower(b)) from "s"."t" where a > 3 group by "a", (lower(b)) having count(*) > 1)',
        ),
        (
            "alter table t add unique nulls not distinct (a)",
            'row("a")::text in (select row("a")::text from "t" group by row("a")::text having count(*) > 1)',
        ),
    ],
)
def test_the_rows_that_make_a_statement_fail(sql: str, violating: str) -> None:
    (demand,) = of(sql)
    assert demand.violating == violating


def test_what_the_catalogue_or_a_trial_has_to_tell() -> None:
    fk, converts, validate = of(
        "alter table t add foreign key (a, b) references s.p (x, y); alter table t alter a type int using a::int;"
        "alter table t validate constraint c"
    )
    assert fk.references == References('"s"."p"', ('"a"', '"b"'), ('"x"', '"y"'))
    assert converts.converts == ('"a"', "int")
    assert validate.constraint == "c"


def test_a_primary_key_demands_two_things() -> None:
    assert [each.says for each in of("alter table t add primary key (a, b)")] == [
        '"a" must not be NULL',
        '"b" must not be NULL',
        'no two rows may have the same "a", "b"',
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "alter table t add column a int",
        "alter table t add column a int not null default 1",
        "alter table t add column a serial not null",
        "alter table t add column a int not null generated always as identity",
        "alter table t add unique using index i",
        "create index on t (a)",
        "alter domain d add check (value > 0) not valid",
        "alter table t drop column a",
    ],
)
def test_what_no_row_can_make_fail(sql: str) -> None:
    assert of(sql) == []


@pytest.mark.parametrize(
    "condition",
    [
        "pg_sleep(10) is null",
        "a = (select max(b) from u)",
        "exists (select from pg_authid)",
        "length(public.lower(b)) > 0",
        "other.length(b) > 0",
        "dblink('x', 'y') is null",
        "nextval('s') > 0",
        "set_config('a', 'b', false) = ''",
        "current_user = 'x'",
    ],
)
def test_what_nobody_reviewed_computes_from_the_row_alone_or_is_not_run(condition: str) -> None:
    for sql in (f"alter table t add check ({condition})", f"create unique index on t (a) where {condition}"):
        (demand,) = of(sql)
        assert demand.violating == ""
        assert "unreviewed code never runs on a real database" in demand.unseen


def test_a_constraint_that_is_not_valid_demands_nothing_until_it_is_validated() -> None:
    (demand,) = of("alter table t add constraint c check (a > 0) not valid")
    assert demand.deferred == "c"
    assert of("alter table t add check (a > 0) not valid") == []


def test_an_expression_that_is_nested_too_deeply_is_not_looked_at() -> None:
    (demand,) = of(f"alter table t add check ({' || '.join(['a'] * 150)} <> '')")
    assert demand.violating == "" or "||" in demand.violating
    assert bool(demand.violating) != bool(demand.unseen)


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("insert into t values (1)", ['"t"']),
        ("update s.t set a = 1", ['"s"."t"']),
        ("do $$ begin end $$", ["*"]),
        ("truncate a, b", ['"a"', '"b"']),
        ("create table t (a int)", []),
    ],
)
def test_whose_rows_a_statement_writes(sql: str, tables: list[str]) -> None:
    assert [table for tree in trees(sql) for table in writes_rows_of(tree.kind, tree.node)] == tables
