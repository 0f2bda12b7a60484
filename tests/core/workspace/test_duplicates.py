"""Of two files with one number or version, the one that neither a ledger nor the base branch has is told to change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.commands.plan import plan
from ctgitops.core.environment.environment import Environment
from ctgitops.core.environment.policy import Band, HeaderRule, Numbering, Policy
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.migration.migration import Migration
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.problem import Problem
from ctgitops.core.view.preview import Preview
from ctgitops.core.view.status import State, status_of
from ctgitops.core.workspace.duplicates import Applied
from ctgitops.core.workspace.numbering import BaseBranch, Seniority
from ctgitops.core.workspace.workspace import Workspace, problems_of
from tests.fakes import PRODUCTION, STAGING, Diary, chained, entry, migration, request, workspace

USERS = migration("001_users", "1.0.0")
ORDERS = migration("002_orders", "1.1.0", sql="create table orders ();\n")
CUSTOMERS = migration("002_customers", "1.1.0", sql="create table customers ();\n")
ANIMALS = migration("002_animals", "1.1.0", sql="create table animals ();\n")
BOTH = workspace(USERS, ORDERS, CUSTOMERS)


def twice(problems: tuple[Problem, ...]) -> list[tuple[str, str, str]]:
    found = [p for p in problems if p.code == "duplicate-number"]
    return [(p.place.path.removeprefix("migrations/") if p.place else "", p.what, p.hint) for p in found]


def of_plan(work: Workspace, ledger: Ledger, environment: Environment = STAGING) -> list[tuple[str, str, str]]:
    return twice(make_plan(work, environment, ledger).problems)


@pytest.mark.parametrize(("applied", "new"), [(ORDERS, CUSTOMERS), (CUSTOMERS, ORDERS)])
def test_the_one_that_is_not_applied_is_named_with_its_next_number_and_version(
    applied: Migration, new: Migration
) -> None:
    assert of_plan(BOTH, chained(entry(USERS), entry(applied))) == [
        (
            f"{new.name}.sql",
            f"number 002 is already used by `{applied.path}`, which is applied in staging",
            f"`ctgitops new --renumber {new.name}` renames it to the next free number, "
            f"now 003{new.name[3:]}, version 1.2.0",
        )
    ]


def test_an_applied_file_that_was_renamed_is_known_by_its_text() -> None:
    renamed = replace(ORDERS, name="002_all_orders", up=replace(ORDERS.up, path="migrations/002_all_orders.sql"))
    found = of_plan(workspace(USERS, renamed, CUSTOMERS), chained(entry(USERS), entry(ORDERS)))
    assert [path for path, *_ in found] == ["002_customers.sql"]


def test_each_of_several_new_files_is_named() -> None:
    work = workspace(USERS, ORDERS, CUSTOMERS, ANIMALS)
    found = of_plan(work, chained(entry(USERS), entry(CUSTOMERS)))
    assert [path for path, *_ in found] == ["002_animals.sql", "002_orders.sql"]


def test_the_advice_for_each_of_several_files_is_still_true_after_the_advice_before_it() -> None:
    """Seen to fail when every file of the branch was told that it becomes 003."""
    work = workspace(USERS, ORDERS, CUSTOMERS, ANIMALS)
    first, second = (hint for *_, hint in of_plan(work, chained(entry(USERS), entry(CUSTOMERS))))
    renames = "renames it to the next free number, now"
    assert first == f"`ctgitops new --renumber 002_animals` {renames} 003_animals, version 1.2.0"
    assert second == (
        f"after the command for 002_animals, `ctgitops new --renumber 002_orders` {renames} 004_orders, version 1.3.0"
    )


def test_a_file_that_the_first_command_moves_too_needs_no_command_of_its_own() -> None:
    """Seen to fail with a second command, whose file the first command has renamed."""
    names = ("001_users", "002_customers")
    work = replace(workspace(USERS, CUSTOMERS, migration("001_zoo", "1.0.0"), ANIMALS), git=known(*names))
    first, second = (hint for *_, hint in twice(problems_of(work)))
    assert first.startswith("`ctgitops new --renumber 001_zoo` renames it to the next free number, now 003_zoo")
    assert second == "`ctgitops new --renumber 001_zoo` renumbers this file too"
    versions = [problem for problem in problems_of(work) if problem.code == "version-duplicate"]
    assert {problem.hint for problem in versions} == {
        "the command that renumbers this file also gives it the next version"
    }
    assert [problem.fix for problem in versions] == [None, None]


def known(*names: str, added: dict[str, int] | None = None) -> Seniority:
    base = BaseBranch("origin/main", frozenset(int(n[:3]) for n in names), frozenset(names))
    return Seniority(base if names else BaseBranch(""), added or {})


def test_without_a_database_the_one_that_the_base_branch_lacks_is_named() -> None:
    found = twice(problems_of(replace(BOTH, git=known("001_users", "002_orders"))))
    assert [(path, what) for path, what, _ in found] == [
        ("002_customers.sql", "number 002 is already used by `migrations/002_orders.sql`, which is on origin/main")
    ]


def test_what_the_branch_adds_after_it_moves_too_so_the_number_is_the_one_that_the_command_gives() -> None:
    later = migration("003_later", "1.2.0")
    work = replace(workspace(USERS, ORDERS, CUSTOMERS, later), git=known("001_users", "002_customers"))
    ((path, _, hint),) = twice(problems_of(work))
    assert path == "002_orders.sql"
    assert "renames it to the next free number, now 003_orders" in hint
    work = replace(work, git=known("001_users", "002_customers", "003_later"))
    assert "renames it to the next free number, now 004_orders" in twice(problems_of(work))[0][2]


def test_where_both_are_on_the_base_branch_the_older_one_keeps_it() -> None:
    git = known("001_users", "002_orders", "002_customers", added={"002_orders": 100, "002_customers": 200})
    ((path, what, _),) = twice(problems_of(replace(BOTH, git=git)))
    assert path == "002_customers.sql"
    assert what.endswith("which was committed first")


def test_a_file_that_no_commit_has_is_the_newest() -> None:
    ((path, *_),) = twice(problems_of(replace(BOTH, git=known(added={"002_customers": 100}))))
    assert path == "002_orders.sql"


def test_where_nothing_tells_them_apart_that_is_said() -> None:
    ((_, what, hint),) = twice(problems_of(replace(BOTH, git=Seniority(unknown="git is not installed"))))
    assert "`migrations/002_orders.sql` and `migrations/002_customers.sql`" in what
    assert hint.startswith("neither a ledger nor git shows which file is older (git is not installed)")


def test_an_applied_file_that_the_base_branch_lacks_is_undone_first() -> None:
    work = replace(BOTH, git=known("001_users", "002_orders"))
    ((path, _, hint),) = of_plan(work, chained(entry(USERS), entry(CUSTOMERS)))
    assert path == "002_customers.sql"
    assert hint == (
        "the file is applied in staging: first roll it back there with `ctgitops rollback --env staging --steps 1`, "
        "then `ctgitops new --renumber 002_customers` renames it to the next free number, now 003_customers, "
        "version 1.2.0"
    )


def results(staging: Ledger, production: Ledger) -> list[list[tuple[str, str, str]]]:
    requests = (request(BOTH), request(BOTH, PRODUCTION))
    diary = Diary(ledgers={"staging": staging, "production": production})
    found = plan(requests, databases=diary, code=diary)
    return [twice(result.plan.problems) for result in found if isinstance(result, Preview)]


def test_what_another_environment_has_counts_too() -> None:
    staging, production = results(chained(entry(USERS), entry(ORDERS)), chained(entry(USERS)))
    assert staging == production
    assert [path for path, *_ in staging] == ["002_customers.sql"]


def test_two_that_are_applied_in_two_environments_are_both_named_with_where() -> None:
    staging, production = results(chained(entry(USERS), entry(ORDERS)), chained(entry(USERS), entry(CUSTOMERS)))
    assert staging == production
    ((_, _, hint),) = staging
    assert "002_orders is applied in staging and 002_customers is applied in production" in hint
    assert "`ctgitops rollback --env production --steps 1`, then run `ctgitops new --renumber 002_customers`" in hint


def test_timestamps_and_a_full_band() -> None:
    one, other = migration("20260101120000_a"), migration("20260101120000_b")
    work = workspace(one, other, policy=Policy(numbering=Numbering.INCREASING, header=HeaderRule.OPTIONAL))
    ((_, _, hint),) = of_plan(work, chained(entry(other)))
    assert "renames it to the next free number, now 20260101120001_a" in hint
    full = workspace(USERS, ORDERS, CUSTOMERS, policy=Policy(bands=(Band("core", 1, 2),)))
    ((_, _, hint),) = of_plan(full, chained(entry(USERS), entry(ORDERS)))
    assert hint.startswith("band core (001-002) has no number left: widen the band in migrations/policy.yaml")


@pytest.mark.parametrize(("applied", "new"), [("201_forms", "010_late"), ("010_late", "201_forms")])
def test_of_two_with_one_version_the_one_that_is_not_applied_is_named(applied: str, new: str) -> None:
    policy = Policy(numbering=Numbering.INCREASING, bands=(Band("core", 1, 99), Band("forms", 200, 299)))
    work = workspace(USERS, migration("010_late", "1.1.0"), migration("201_forms", "1.1.0"), policy=policy)
    has = next(m for m in work.migrations if m.name == applied)
    problems = make_plan(work, STAGING, chained(entry(USERS), entry(has))).problems
    (found,) = [p for p in problems if p.code == "version-duplicate"]
    assert found.place
    assert found.place.path == f"migrations/{new}.sql"
    assert found.what == f"version 1.1.0 is already used by `migrations/{applied}.sql`"
    assert found.hint == "use the next version: `-- Version: 1.2.0`"
    assert found.fix


@pytest.mark.parametrize(("applied", "new"), [(ORDERS, CUSTOMERS), (CUSTOMERS, ORDERS)])
def test_status_calls_the_applied_file_applied_and_the_other_pending(applied: Migration, new: Migration) -> None:
    rows = status_of(BOTH, STAGING, chained(entry(USERS), entry(applied))).rows
    assert {row.name: row.state for row in rows} == {
        "001_users": State.APPLIED,
        applied.name: State.APPLIED,
        new.name: State.PENDING,
    }


def test_a_file_counts_as_applied_by_its_name_or_its_checksum_and_by_nothing_else() -> None:
    one = migration("001_one")

    def applied(of: Migration) -> set[str]:
        return set(Applied.of("staging", chained(entry(of)), [one]).where)

    renamed = replace(one, name="001_former")
    assert applied(one) == {"001_one"}
    assert applied(renamed) == {"001_one"}
    assert applied(replace(one, checksum="sha256:edited")) == {"001_one"}
    assert applied(replace(renamed, checksum="sha256:another")) == set()
