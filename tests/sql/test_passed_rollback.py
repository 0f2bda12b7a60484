"""Rollback SQL can be passed to record_migration."""

from __future__ import annotations

import pytest

from ctgitops.sql.passed_rollback import passed_rollback


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select record_migration('009_photos.sql', rollback_sql => 'DROP TABLE photos')", "DROP TABLE photos"),
        ("select ctgitops.record_migration('a', rollback_sql := 'x')", "x"),
        ("select record_migration('a', null, 5, true, null, 'drop table a')", "drop table a"),
        ("do $$ begin perform record_migration('a', rollback_sql => 'x'); end $$", "x"),
        ("select record_migration('a', rollback_sql => 'x' || 'y')", "xy"),
        ("select record_migration('a', rollback_sql => ('x' || E'\\n')::text || $$y$$)", "x\ny"),
        ("select record_migration('a', rollback_sql => 'x' || current_user)", ""),
        ("select record_migration('a', rollback_sql => format('x'))", ""),
        ("select record_migration('a')", None),
        ("select record_migration('a', rollback_sql => null)", None),
        ("select record_migration('a', rollback_sql => '')", None),
        ("select 'record_migration'", None),
    ],
)
def test_what_is_passed(sql: str, expected: str | None) -> None:
    assert passed_rollback(sql) == expected
