"""Supabase's pooler in session mode: settings by SQL, and advice on URLs."""

from __future__ import annotations

import pytest

from ctgitops.postgres.connection.pooler import direct
from ctgitops.postgres.connection.session_pooler import drops_options, no_ipv6_advice, without_settings


def test_settings_are_taken_from_the_options_and_the_rest_stays() -> None:
    assert without_settings(r"reference=abc -c lock_timeout=2s -crole=a\ b") == (
        "reference=abc",
        {"lock_timeout": "2s", "role": "a b"},
    )
    assert without_settings("") == ("", {})


@pytest.mark.parametrize(
    ("host", "port", "drops"),
    [
        ("aws-0-eu-west-1.pooler.supabase.com", "5432", True),
        ("aws-0-eu-west-1.pooler.supabase.com", "6543", False),
        ("db.abc.supabase.co", "5432", False),
        ("localhost", "5432", False),
    ],
)
def test_only_the_pooler_in_session_mode_gets_settings_by_sql(host: str, port: str, drops: bool) -> None:
    assert drops_options({"host": host, "port": port}) is drops


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("aws-0-eu-west-1.pooler.supabase.com", "the same URL with port 5432"),
        ("db.abc.supabase.co", "postgresql://postgres.abc:PASSWORD@aws-0-REGION.pooler.supabase.com:5432/postgres"),
    ],
)
def test_advice_for_supabase_names_the_session_pooler_and_ipv4(host: str, said: str) -> None:
    advice = direct(host)
    assert said in advice
    assert "GitHub-hosted runners have only IPv4" in advice


@pytest.mark.parametrize(
    ("host", "said", "advised"),
    [
        ("db.abc.supabase.co", "connection to server at 2001:db8::1 failed: Network is unreachable", True),
        ("db.abc.supabase.co", "failed to resolve host 'db.abc.supabase.co': No address associated", True),
        ("db.abc.supabase.co", "password authentication failed", False),
        ("db.example.org", "Network is unreachable", False),
    ],
)
def test_a_direct_host_that_cannot_be_reached_has_that_advice(host: str, said: str, *, advised: bool) -> None:
    assert ("postgresql://postgres.abc:PASSWORD@" in no_ipv6_advice(host, said)) is advised
