"""What an error in a copy without rows implies for the real database."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.schema.compare import Added
from ctgitops.core.schema.snapshot import SchemaObject
from ctgitops.core.schema.source_database import Membership, Role, SourceDatabase
from ctgitops.core.trial.trial import (
    IdempotenceCheck,
    OrderCheck,
    RollbackTrial,
    Trial,
    other_order,
    proof_problems,
    step_back,
    why_inconclusive,
)
from ctgitops.errors import ApplyError, Cause, Place
from tests.fakes import STAGING, chained, entry, migration, workspace

ORDINARY = SourceDatabase("deploy", roles=(Role("deploy"),))
SUPERUSER = SourceDatabase("postgres", roles=(Role("postgres", superuser=True),))
ONE, TWO, THREE = migration("001_one"), migration("002_two"), migration("003_three", down=None)
MORE = (Added(SchemaObject("table", "public.t")),)


@pytest.mark.parametrize("state", ["42703", "42P07", "42601", "0A000", "2BP01", "XX000", "42704"])
def test_what_the_schema_refuses_is_refused_there_too(state: str) -> None:
    error = ApplyError("x", sqlstate=state)
    assert why_inconclusive(error, ORDINARY, fresh=False, unmatched=False) == ""


@pytest.mark.parametrize("state", ["23503", "22P02", "P0001", "P0002", "21000", ""])
def test_what_rests_on_rows_says_nothing_where_there_are_rows_that_the_copy_lacks(state: str) -> None:
    error = ApplyError("x", sqlstate=state)
    assert why_inconclusive(error, ORDINARY, fresh=False, unmatched=False)
    assert not why_inconclusive(error, ORDINARY, fresh=True, unmatched=False)


def test_a_right_that_is_missing_says_nothing_only_of_a_superuser() -> None:
    error = ApplyError("permission denied", sqlstate="42501")
    assert not why_inconclusive(error, ORDINARY, fresh=False, unmatched=False)
    assert "superuser" in why_inconclusive(error, SUPERUSER, fresh=False, unmatched=False)


APP = SourceDatabase(
    "app",
    roles=(Role("app", creates_databases=True), Role("rdsadmin", superuser=True)),
    predefined=frozenset({"pg_maintain"}),
    withheld=frozenset({"app.key"}),
    settable=frozenset({"app.log"}),
    databases=frozenset({"own", "other"}),
    tablespaces=frozenset({"fast"}),
)


@pytest.mark.parametrize(
    ("said", "state", "why"),
    [
        ("permission denied to create database", "42501", "app can create databases in the real database"),
        ("permission denied to change owner of database", "42501", "app can create databases in the real database"),
        ('role "pg_maintain" does not exist', "42704", "does not have the role pg_maintain"),
        ('unrecognized configuration parameter "app.key"', "42704", "the value of app.key is not copied"),
        ('permission denied to set parameter "app.log"', "42501", "the privilege to set app.log is not copied"),
        ('security label provider "anon" is not loaded', "22023", "no security label provider"),
        ('tablespace "fast" does not exist', "42704", "does not have the tablespace fast"),
        ('database "other" does not exist', "3D000", "does not have the database other"),
        (
            'permission denied to create event trigger "watch"',
            "42501",
            "the service with the role rdsadmin may allow the statement",
        ),
    ],
)
def test_what_a_sandbox_never_has_says_nothing_where_the_real_server_has_it(said: str, state: str, why: str) -> None:
    error = ApplyError(said, sqlstate=state)
    assert why in why_inconclusive(error, APP, fresh=True, unmatched=False)
    assert not why_inconclusive(error, ORDINARY, fresh=True, unmatched=False) or "label" in said


@pytest.mark.parametrize("said", ["permission denied to create role", "must be owner of table t", "permission denied"])
def test_a_right_that_no_service_gives_still_fails(said: str) -> None:
    assert not why_inconclusive(ApplyError(said, sqlstate="42501"), APP, fresh=True, unmatched=False)


def test_a_member_of_a_superuser_can_become_one_where_it_may_set_role() -> None:
    admin, between = Role("admin", superuser=True), Role("between", member_of=(Membership("admin"),))
    member = Role("app", member_of=(Membership("between"),))
    error = ApplyError("must be owner of table t", sqlstate="42501")
    becomes = SourceDatabase("app", roles=(admin, between, member))
    assert why_inconclusive(error, becomes, fresh=True, unmatched=False) == (
        "app can become the superuser admin in the real database, but no role is a superuser in the sandbox"
    )
    inherits_only = replace(member, member_of=(Membership("between", sets=False),))
    assert not why_inconclusive(
        error, replace(becomes, roles=(admin, between, inherits_only)), fresh=True, unmatched=False
    )


def test_what_is_not_there_says_nothing_where_the_copy_is_not_whole() -> None:
    error = ApplyError("x", sqlstate="42883")
    assert why_inconclusive(error, ORDINARY, fresh=False, unmatched=True)
    assert not why_inconclusive(error, ORDINARY, fresh=False, unmatched=False)


def test_limits_say_nothing_of_the_files() -> None:
    assert why_inconclusive(ApplyError("x", sqlstate="57014"), ORDINARY, fresh=True, unmatched=False)
    ended = ApplyError("001_one: any words")
    assert not why_inconclusive(ended, ORDINARY, fresh=True, unmatched=False)
    ended.cause = Cause.SANDBOX_ENDED
    assert why_inconclusive(ended, ORDINARY, fresh=True, unmatched=False)


def test_a_file_called_like_an_extension_is_not_one_that_the_server_lacks() -> None:
    """Seen to fail where the message, which has the file's name in it, was searched for `extension`."""
    error = ApplyError("003_extension_table: cannot use it here", sqlstate="0A000")
    assert not why_inconclusive(error, ORDINARY, fresh=True, unmatched=False)
    error.cause = Cause.EXTENSION_MISSING
    assert why_inconclusive(error, ORDINARY, fresh=True, unmatched=False) == "the shadow does not have that extension"


def test_a_view_that_the_copy_has_without_rows_says_nothing_where_the_real_one_has_rows() -> None:
    error = ApplyError("002_two: materialized view is empty", sqlstate="55000")
    error.cause = Cause.NOT_POPULATED
    assert why_inconclusive(error, ORDINARY, fresh=False, unmatched=False)
    assert not why_inconclusive(error, ORDINARY, fresh=True, unmatched=False)


def test_only_another_order_than_that_of_the_numbers_is_another_order() -> None:
    work = workspace(ONE, TWO, THREE)
    assert not other_order(make_plan(work, STAGING, Ledger()), Ledger())
    late = chained(entry(ONE), entry(THREE))
    assert other_order(make_plan(work, STAGING, late), late)


def test_a_way_back_is_the_rollback_alone() -> None:
    one, three = make_plan(workspace(ONE, THREE), STAGING, Ledger()).steps
    back = step_back(one)
    assert back is not None
    assert (back.script, back.rollback_script, back.verify) == (ONE.down, None, None)
    assert step_back(three) is None


def test_what_does_not_run_blocks_and_what_leaves_something_warns() -> None:
    step = make_plan(workspace(ONE), STAGING, Ledger()).steps[0]
    error = ApplyError("001_one: no such table", sqlstate="42P01")
    found = proof_problems(
        Trial(failed=error, ways=(RollbackTrial(step, left=MORE),), order=OrderCheck(MORE)), "staging"
    )
    assert [(p.code, p.blocks) for p in found] == [
        ("fails", True),
        ("rollback-leaves", False),
        ("order-differs", False),
    ]
    assert (
        proof_problems(
            Trial(ways=(RollbackTrial(step), RollbackTrial(step, untried="rows")), order=OrderCheck()), "staging"
        )
        == ()
    )


def test_a_second_run_that_fails_or_changes_something_is_a_warning() -> None:
    step = make_plan(workspace(ONE), STAGING, Ledger()).steps[0]
    fails = IdempotenceCheck(step, failed=ApplyError("it is there already", place=Place("migrations/001_one.sql", 4)))
    found = proof_problems(
        Trial(again=(fails, IdempotenceCheck(step, differs=MORE), IdempotenceCheck(step))), "staging"
    )
    assert [(p.code, p.blocks, p.place and p.place.line) for p in found] == [
        ("not-idempotent", False, 4),
        ("not-idempotent", False, 1),
    ]
    assert "it is there already" in found[0].what
    assert "table public.t" in found[1].what
