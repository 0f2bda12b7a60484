"""What the variables of a PL/pgSQL block hold, and which are known only at run time."""

from __future__ import annotations

import pytest

from ctgitops.sql.plpgsql import inside


@pytest.mark.parametrize(
    "statement",
    [
        "get diagnostics s = pg_context;",
        "get diagnostics n = row_count, s = pg_context;",
        "get stacked diagnostics s = message_text;",
        "fetch c into s;",
        "execute 'select 1' into s;",
    ],
)
def test_what_a_statement_sets_at_run_time_is_not_known(statement: str) -> None:
    declared = "declare n bigint; c refcursor; s text := 'drop table orders';"
    body = f"{declared} begin begin {statement} end; execute s; end"
    assert "s" not in inside(body).values


def test_get_diagnostics_leaves_what_other_variables_hold() -> None:
    body = "declare n bigint; s text := 'x'; begin get diagnostics n = row_count; end"
    assert inside(body).values == {"s": ("'x'",)}


def test_a_query_and_get_diagnostics_are_two_values() -> None:
    once = "declare n bigint; begin select count(*) into n from orders; {} end"
    assert set(inside(once.format("")).values) == {"n"}
    assert inside(once.format("get diagnostics n = row_count;")).values == {}
