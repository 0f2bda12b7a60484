"""How the effective session settings of a run are described for people."""

from __future__ import annotations

from ctgitops.core.activity.session_settings import RoleDefault, SessionSettings


def test_what_a_role_sets_is_told_with_whether_it_holds() -> None:
    settled = SessionSettings(
        (("lock_timeout", "200ms"), ("statement_timeout", "15min"), ("search_path", "")),
        (
            RoleDefault("role app", "statement_timeout", "5s"),
            RoleDefault("role app", "lock_timeout", "200ms"),
            RoleDefault("database shop", "search_path", ""),
        ),
    )
    assert settled.text == (
        "lock_timeout 200ms, statement_timeout 15min, search_path empty",
        "role app sets statement_timeout 5s, which ctgitops overrides",
        "role app sets lock_timeout 200ms, which applies",
        "database shop sets search_path empty, which applies",
    )
