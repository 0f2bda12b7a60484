"""Preflight: which conditions count, and whether the run waits, refuses or ignores them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.activity.blocker import Blocker
from ctgitops.core.environment.environment import Limits, PreflightAction, PreflightPolicy
from ctgitops.core.gate.preflight import ServerCheck, concerns, unchecked

POLICY = PreflightPolicy()


def who(**fields: object) -> Blocker:
    made = Blocker(7, "psql", "ana", 60.0, "active", "select 1", "public.t", "AccessShareLock", granted=True)
    return replace(made, **fields)  # type: ignore[arg-type]


def found(seen: ServerCheck, policy: PreflightPolicy = POLICY) -> list[tuple[str, PreflightAction]]:
    return [(concern.what, concern.then) for concern in concerns(policy, seen, "deploy")]


@pytest.mark.parametrize(
    ("session", "what"),
    [
        (who(), "long_transactions"),
        (who(state="idle in transaction"), "long_transactions"),
        (who(pid=None, application="", seconds=None), "long_transactions"),
        (who(application="pg_dump", seconds=0.1), "backups"),
        (who(application="ctgitops backup", seconds=None), "backups"),
        (who(application="", seconds=1.0, query="autovacuum: VACUUM public.t (to prevent wraparound)"), "wraparound"),
        (who(query="select 'autovacuum: to prevent wraparound'"), "long_transactions"),
    ],
)
def test_each_kind_of_session_has_its_key(session: Blocker, what: str) -> None:
    assert found(ServerCheck(sessions=(session,))) == [(what, PreflightAction.WAIT)]


@given(seconds=st.floats(0, 100), limit=st.integers(0, 100))
def test_a_transaction_is_long_when_it_is_older_than_its_limit(seconds: float, limit: int) -> None:
    policy = PreflightPolicy(limits=Limits(transaction=timedelta(seconds=limit)))
    assert bool(found(ServerCheck(sessions=(who(seconds=seconds),)), policy)) == (seconds > limit)


@given(lag=st.floats(0, 100), free=st.integers(0, 9))
def test_lag_and_connections_count_from_their_limits_on(lag: float, free: int) -> None:
    wanted = [("replica_lag", PreflightAction.WAIT)] * (lag > 30) + [("connections", PreflightAction.REFUSE)] * (
        free < 3
    )
    assert found(ServerCheck(lag=lag, free=free)) == wanted


@given(st.sampled_from(["long_transactions", "backups", "wraparound", "replica_lag", "connections"]))
def test_what_is_ignored_is_no_concern(what: str) -> None:
    autovacuum = who(query="autovacuum: VACUUM public.t (to prevent wraparound)")
    everything = ServerCheck((who(), autovacuum), base_backups=(9,), lag=99, free=0)
    policy = replace(POLICY, asked=frozenset({what}), **{what: PreflightAction.IGNORE})  # type: ignore[arg-type]
    before, after = found(everything), found(everything, policy)
    assert {w for w, _ in before} - {w for w, _ in after} == {what}
    assert what not in {w for w, _ in found(replace(everything, lag=None), policy)}


def test_what_cannot_be_seen_is_said_and_where_the_manifest_names_it_refused() -> None:
    """Seen to fail with lag 0 where it is not shown."""
    hidden = ServerCheck(lag=None)
    said = "role deploy is not allowed to read the replication lag: GRANT pg_read_all_stats TO deploy"
    assert (found(hidden), unchecked(POLICY, hidden, "deploy")) == ([], (said,))
    asked = replace(POLICY, asked=frozenset({"replica_lag"}))
    assert (found(hidden, asked), unchecked(asked, hidden, "deploy")) == ([("replica_lag", PreflightAction.REFUSE)], ())
    nothing = ServerCheck(unseen="permission denied for view pg_stat_activity")
    assert (found(nothing), len(unchecked(POLICY, nothing))) == ([], 1)
    assert (found(nothing, asked), unchecked(asked, nothing)) == ([("preflight", PreflightAction.REFUSE)], ())


def test_a_reason_says_who_and_what_to_do() -> None:
    (concern,) = concerns(POLICY, ServerCheck(sessions=(who(application="pg_dump"),)))
    assert concern.reason.what.startswith("backups: backend 7, pg_dump, user ana (this is pg_dump: a backup), holds ")
    assert concern.reason.hint == "wait for the backup, or schedule it at another time"
