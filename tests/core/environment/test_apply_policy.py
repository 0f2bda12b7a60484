"""The apply policy is part of a plan's identity."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.environment.apply_policy import ApplyPolicy, Health, OnFailure, TransactionScope
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import Plan, make_plan
from ctgitops.core.plan.rollback import last_entries, make_rollback
from ctgitops.sql.script import Script
from tests.fakes import STAGING, chained, entry, migration, seed, workspace

ONE, TWO = migration("001_one"), migration("002_two")
ALL = ApplyPolicy(TransactionScope.ALL)
INDEX = migration("003_index", sql="-- it\nCREATE INDEX CONCURRENTLY i ON t1 (id);\n")

seconds = st.integers(1, 600).map(lambda number: timedelta(seconds=number))
healths = st.builds(
    Health, st.sampled_from(["select true", "select false"]).map(lambda q: Script(q, "e")), seconds, seconds
)
policies = st.builds(ApplyPolicy, st.sampled_from(TransactionScope), st.sampled_from(OnFailure), st.none() | healths)


def planned(apply_policy: ApplyPolicy, *migrations: object, ledger: Ledger | None = None) -> Plan:
    work = workspace(*(migrations or (ONE, TWO)))  # type: ignore[arg-type]
    return make_plan(work, replace(STAGING, apply_policy=apply_policy), ledger or Ledger())


@given(policies, policies)
def test_another_policy_is_another_plan_and_the_same_is_the_same(one: ApplyPolicy, other: ApplyPolicy) -> None:
    """Seen to fail with the times of a health query left out of the identity."""
    assert (planned(one).fingerprint == planned(other).fingerprint) is (one == other)


def test_plans_that_say_nothing_keep_the_fingerprint_that_they_always_had() -> None:
    assert planned(ApplyPolicy()).fingerprint == replace(planned(ALL), apply_policy=ApplyPolicy()).fingerprint
    assert ApplyPolicy().identity == ()


@pytest.mark.parametrize(
    ("sql", "line"),
    [
        ("-- it\nCREATE INDEX CONCURRENTLY i ON t1 (id);\n", 2),
        ("CREATE TABLE x ();\n-- ctgitops: no transaction\n", 2),
        ("-- ctgitops: batch size=10\nDELETE FROM t1 WHERE id IN (SELECT id FROM t1 WHERE id > 5 LIMIT $1);\n", 1),
        ("\n\nSET LOCAL TRANSACTION READ ONLY;\n", 3),
    ],
)
def test_what_cannot_be_in_it_blocks_with_its_place(sql: str, line: int) -> None:
    bad = migration("002_bad", sql=sql)
    assert not planned(ApplyPolicy(), ONE, bad).blocked
    (problem,) = (p for p in planned(ALL, ONE, bad).problems if p.blocks)
    assert problem.code == "not-together"
    assert problem.place
    assert (problem.place.path, problem.place.line) == ("migrations/002_bad.sql", line)
    assert "set `transaction: each` in environments/staging.yaml while 002_bad is pending" in problem.hint


def test_an_enum_value_of_one_file_is_not_used_by_another() -> None:
    adds = migration("003_adds", sql="SELECT 1;\nALTER TYPE mood ADD VALUE 'glad';\n")
    uses = migration("004_uses", sql="SELECT 1;\n\nSELECT 'glad'::mood;\n")
    assert not planned(ApplyPolicy(), adds, uses).blocked
    (problem,) = (p for p in planned(ALL, adds, uses).problems if p.blocks)
    assert problem.place
    assert (problem.code, problem.place.path, problem.place.line) == ("enum-value", "migrations/004_uses.sql", 3)
    within = replace(seed("s.sql"), script=Script("SELECT 'glad'::mood;", "s.sql"))
    work = workspace(adds, seeds=(within,))
    assert make_plan(work, replace(STAGING, apply_policy=ALL), Ledger()).blocked


def test_going_back_is_together_only_where_all_of_it_can_be() -> None:
    back = migration("002_two", down="DROP INDEX CONCURRENTLY i;\n")
    for last, together in ((TWO, True), (back, False)):
        ledger = chained(entry(ONE), entry(last))
        plan = make_rollback(replace(STAGING, apply_policy=ALL), ledger, last_entries(ledger, 2))
        assert not plan.blocked
        assert plan.apply_policy.single_transaction is together
