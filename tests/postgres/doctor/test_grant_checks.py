"""Checks of grants: what a role lacks is exactly what the fix grants."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from ctgitops.core.doctor.diagnosis import CheckVerdict
from ctgitops.postgres.doctor.grant_checks import GrantChecks
from tests.postgres.doctor.scene import as_user, doctor, verdicts
from tests.servers import fetch, run
from tests.stories.house import House

pytestmark = pytest.mark.slow
numbers = itertools.count(1)


@pytest.fixture
def roles(database_url: str) -> Iterator[tuple[str, str]]:
    """A role that applies, and the owner of a table."""
    made = tuple(f"doctor_{kind}_{next(numbers)}" for kind in ("mig", "owner"))
    for name in made:
        run(database_url, f"create role {name} login")
    yield made[0], made[1]
    run(database_url, f"reassign owned by {', '.join(made)} to postgres; drop owned by {', '.join(made)}")
    run(database_url, f"drop role {', '.join(made)}")


def test_each_missing_grant_is_named_and_the_fix_grants_them(database_url: str, roles: tuple[str, str]) -> None:
    role, owner = roles
    run(database_url, "revoke create on schema public from public")  # as since PostgreSQL 15
    run(database_url, f"create table theirs (id int); alter table theirs owner to {owner}")
    with doctor(as_user(database_url, role)) as opened:
        (found,) = GrantChecks(opened, "staging").apply()
        assert found.verdict is CheckVerdict.PROBLEM
        for part in ("create on database", "create on schema public", "pg_read_all_stats", f'grant "{owner}"'):
            assert part in found.fix
        for statement in found.fix.split("\n"):
            run(database_url, statement)
        assert verdicts(GrantChecks(opened, "staging").apply()) == [CheckVerdict.OK]


def test_a_ledger_of_another_role_needs_the_grants_on_it(
    house: House, database_url: str, roles: tuple[str, str]
) -> None:
    role, _ = roles
    house.migration("001_t", "create table t (id int);")
    house.applied()
    with doctor(as_user(database_url, role)) as opened:
        checks = GrantChecks(opened, "staging", role)
        (found,) = [each for each in checks.apply() if each.verdict is CheckVerdict.PROBLEM]
        assert f'grant insert, update on ctgitops.lease to "{role}";' in found.fix
        for statement in found.fix.split("\n"):
            run(database_url, statement)
        assert CheckVerdict.PROBLEM not in verdicts(checks.apply())
    house.environment("staging", as_user(database_url, role))
    house.migration("002_t", "create table u (id int);")
    assert house.apply().status == 0, "the role applies after the fix"


def test_a_superuser_and_a_role_that_does_not_exist_are_told_apart(database_url: str) -> None:
    with doctor(database_url) as opened:
        assert verdicts(GrantChecks(opened, "staging").apply()) == [CheckVerdict.NOTE]
        (missing,) = GrantChecks(opened, "staging", "no_such_role").apply()
        assert (missing.verdict, "ctgitops roles --env staging" in missing.fix) == (CheckVerdict.PROBLEM, True)


def test_the_tables_of_another_owner_are_found_and_given_to_the_role_by_the_fix(
    database_url: str, roles: tuple[str, str]
) -> None:
    role, _ = roles
    run(database_url, "create table of_another (id int)")
    with doctor(as_user(database_url, role)) as opened:
        notes = [each for each in GrantChecks(opened, "staging", role).apply() if each.verdict is CheckVerdict.NOTE]
        (found,) = [each for each in notes if "owns objects" in each.what]
        query, alter = found.fix.split("\n")
        assert ("of_another",) in fetch(database_url, query.replace("oid::regclass", "oid::regclass::text"))
        run(database_url, alter.replace("…", "of_another"))
        assert not [each for each in GrantChecks(opened, "staging", role).apply() if "owns objects" in each.what]


def test_a_role_that_plans_must_read_every_table(database_url: str, roles: tuple[str, str]) -> None:
    reader, _ = roles
    run(database_url, f"create table hidden (id int); alter role {reader} set default_transaction_read_only = on")
    with doctor(as_user(database_url, reader)) as opened:
        (found,) = GrantChecks(opened, "staging").plan()
        assert (found.verdict, "cannot read public.hidden" in found.what) == (CheckVerdict.PROBLEM, True)
        run(database_url, found.fix)
        assert verdicts(GrantChecks(opened, "staging").plan()) == [CheckVerdict.OK]
    run(database_url, f"revoke pg_read_all_data from {reader}")


def test_the_default_role_that_plans_is_looked_for(database_url: str) -> None:
    with doctor(database_url) as opened:
        (absent,) = GrantChecks(opened, "staging").plan()
        assert (absent.verdict, "--only plan" in absent.fix) == (CheckVerdict.NOTE, True)
