from __future__ import annotations

import pytest

from ctgitops.sql.setting_scope import Lasting, lasting


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("set local work_mem = '1MB'; set local role x", Lasting(frozenset(["work_mem", "role"]))),
        ("set local work_mem = '1MB'; set work_mem = '2MB'", Lasting(beyond=frozenset(["work_mem"]))),
        ("select set_config('My.X', 'y', true)", Lasting(frozenset(["my.x"]))),
        ("select pg_catalog.set_config('search_path', '', false)", Lasting(beyond=frozenset(["search_path"]))),
        ("select set_config('a', 'b', current_date > 'today')", Lasting()),
        ("reset role; reset all", Lasting()),
        ("set time zone 'UTC'", Lasting(beyond=frozenset(["timezone"]))),
        ("create temp table t () on commit drop; create temp table u ()", Lasting(dropped=frozenset(["t"]))),
        ("create temp table t on commit drop as select 1", Lasting(dropped=frozenset(["t"]))),
        ("select 1 as a into temp t", Lasting()),
        ("listen a; listen b; unlisten a", Lasting(channels=("b",))),
        ("listen a; unlisten *", Lasting()),
    ],
)
def test_what_lasts_beyond_the_commit_is_read_in_the_file(sql: str, found: Lasting) -> None:
    assert lasting(sql) == found
