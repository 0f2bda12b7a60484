"""Reports a dropped unique constraint or index that a known INSERT … ON CONFLICT needs."""

from __future__ import annotations

from ..arbiters import dropped_uniques, users_of
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called


def check(case: Case) -> Hits:
    """Searches the functions in SQL and PL/pgSQL. Does not read functions in other languages."""
    for dropped in dropped_uniques(case):
        for function in users_of(case, dropped):
            insert = f"INSERT … ON CONFLICT ({dropped.columns}) into `{called(dropped.table)}`"
            what = f"breaks {insert} in the function `{function}`: no unique constraint matches it any more"
            yield Hit(what, part=dropped.part)


RULE = Rule(
    id="drop-conflict-target",
    group=Group.COMPATIBILITY,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt", "DropStmt"),
    why="INSERT … ON CONFLICT fails if no unique index or constraint matches its conflict target. PostgreSQL checks "
    "the SQL in a function only when the function runs, so the DROP succeeds, but the next call fails.",
    instead="first change the function, or first create a unique index on the same columns CONCURRENTLY",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    given="alter table orders add constraint orders_number unique (number);\n"
    "create function put(n bigint) returns void language sql as "
    "'insert into orders (id, number) values (n, n) on conflict (number) do nothing';",
    bad="alter table orders drop constraint orders_number;",
    good="drop function put(bigint);\nalter table orders drop constraint orders_number;",
)
