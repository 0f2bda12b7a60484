from __future__ import annotations

import pytest

from ctgitops.sql.setting_scope import SettingScopes, settings_by_scope


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("set local work_mem = '1MB'; set local role x", SettingScopes(frozenset(["work_mem", "role"]))),
        ("set local work_mem = '1MB'; set work_mem = '2MB'", SettingScopes(beyond=frozenset(["work_mem"]))),
        ("select set_config('My.X', 'y', true)", SettingScopes(frozenset(["my.x"]))),
        ("select pg_catalog.set_config('search_path', '', false)", SettingScopes(beyond=frozenset(["search_path"]))),
        ("select set_config('a', 'b', current_date > 'today')", SettingScopes()),
        ("reset role; reset all", SettingScopes()),
        ("set time zone 'UTC'", SettingScopes(beyond=frozenset(["timezone"]))),
        ("create temp table t () on commit drop; create temp table u ()", SettingScopes(dropped=frozenset(["t"]))),
        ("create temp table t on commit drop as select 1", SettingScopes(dropped=frozenset(["t"]))),
        ("select 1 as a into temp t", SettingScopes()),
        ("listen a; listen b; unlisten a", SettingScopes(channels=("b",))),
        ("listen a; unlisten *", SettingScopes()),
    ],
)
def test_what_lasts_beyond_the_commit_is_read_in_the_file(sql: str, found: SettingScopes) -> None:
    assert settings_by_scope(sql) == found
