"""The advice for a failed migration: whether its file may change, and what to do where it may not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.plan.remedy import (
    FailedStep,
    OtherEnvironments,
    begin_before,
    caused_by_rows,
    remedy,
    rights_remedy,
)
from tests.fakes import STAGING, migration, workspace

STEP = make_plan(workspace(migration("001_one"), migration("002_two")), STAGING, Ledger()).steps[1]
FAILED = FailedStep(STEP, "production")
ELSEWHERE = OtherEnvironments(has=("staging", "qa"))
HINT = "correct the file"


@pytest.mark.parametrize(
    ("sqlstate", "by_rows"),
    [
        ("21000", True),
        ("22012", True),
        ("23505", True),
        ("P0001", True),
        ("42P01", False),
        ("55P03", False),
        ("", False),
    ],
)
def test_rows_cause_errors_of_cardinality_data_integrity_and_raise(sqlstate: str, *, by_rows: bool) -> None:
    assert caused_by_rows(sqlstate) is by_rows


def test_a_missing_privilege_is_granted_and_not_worked_around_in_the_file() -> None:
    assert "grant the missing privilege" in rights_remedy("42501", "permission denied for table t")
    assert "GRANT USAGE, CREATE" in rights_remedy("3F000", "no schema has been selected to create in")
    assert rights_remedy("3F000", 'schema "s" does not exist') == ""
    assert rights_remedy("42P01", "selected") == ""


def test_without_another_environment_the_file_is_corrected() -> None:
    assert remedy(FAILED, OtherEnvironments(), HINT) == HINT


def test_a_file_that_another_environment_has_must_not_change() -> None:
    advice = remedy(replace(FAILED, there_already=True), ELSEWHERE, HINT)
    assert advice.startswith("migrations/002_two.sql must not change, because it is applied in staging and qa: ")
    assert HINT not in advice
    assert 'ctgitops repair 002 --env production --applied --reason "…"' in advice


def test_rows_are_corrected_in_the_database_or_by_a_migration_before_it() -> None:
    one, two = "select * from a", "select * from b"
    for queries, words in (
        ((), "correct the rows of production that cause the error, then"),
        ((one,), f"correct the rows of production that `{one}` finds, then"),
        ((one, two), f"correct the rows of production that `{one}` and `{two}` finds, then"),
    ):
        advice = remedy(replace(FAILED, by_rows=True, queries=queries), ELSEWHERE, HINT)
        assert words in advice
        assert begin_before("002_two") in advice
        assert "ctgitops repair" not in advice
    assert begin_before("002_two") == '`ctgitops new "correct rows for 002" --fix --before 002`'


def test_an_environment_that_could_not_be_read_leaves_both_ways() -> None:
    unread = OtherEnvironments(unread=("staging",))
    advice = remedy(FAILED, unread, HINT)
    assert advice.startswith(
        f"if staging, which could not be read, has not applied that file: {HINT}; otherwise remove"
    )
    assert remedy(FAILED, replace(unread, has=("qa",)), HINT) == remedy(FAILED, OtherEnvironments(("qa",)), HINT)


def test_what_exists_already_is_recorded_or_in_an_older_database_baselined() -> None:
    there = replace(FAILED, there_already=True)
    assert remedy(there, OtherEnvironments(), HINT) == (
        f"{HINT}; or, if the database already has the objects that the file creates, record this: "
        '`ctgitops repair 002 --env production --applied --reason "…"`'
    )
    first = remedy(replace(there, first=True), OtherEnvironments(), HINT)
    assert first.startswith(f"{HINT}; or, if the database is older than ctgitops, `ctgitops plan --env production`")
    assert "ctgitops repair" not in first
