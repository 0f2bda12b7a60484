"""Applying a fix removes its problem and causes no other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.environment.policy import Band, Policy
from ctgitops.core.fix import Lines
from ctgitops.core.migration.header import FIELDS, parse_header
from ctgitops.core.migration.migration import Migration
from ctgitops.core.problem import Problem
from ctgitops.core.workspace.workspace import Workspace, problems_of
from tests.fakes import migration, workspace

PATH = "migrations/002_users.sql"
GOOD = """\
-- Migration: 002_users
-- Version: 1.1.0
-- Description: Adds users
--   and their names
-- Breaking Changes: No
-- Rollback: Available
-- Created: 2026-01-12
-- Author: Anna
--
-- Dependencies: 001
-- Estimated Execution Time: 1 s
-- Impact: nobody waits

create table users ();
"""


def applied(text: str, fix: object) -> str:
    assert isinstance(fix, Lines)
    lines = text.split("\n")
    lines[fix.first - 1 : fix.last] = fix.instead
    return "\n".join(lines)


def problems(text: str) -> tuple[Problem, ...]:
    return parse_header(text, PATH)[1]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("Version: 1.1.0", "Version: v1.1.0"),
        ("Version: 1.1.0", "Version: 1.1"),
        ("Breaking Changes: No", "Breaking Changes: false"),
        ("Breaking Changes: No", "Breaking Changes: None."),
        ("Created: 2026-01-12", "Created: 12.01.2026"),
        ("Created: 2026-01-12", "Created: 2026/01/12"),
        ("Created: 2026-01-12", "Created: January 12, 2026"),
        ("Created: 2026-01-12", "Created: 12 Jan 2026"),
        ("Dependencies: 001", "Dependencies: [001]"),
        ("Dependencies: 001", "Dependencies: (001)"),
        ("Breaking Changes: No", "Breaking Change: No"),
        ("-- Migration: 002_users\n", ""),
        ("-- Author: Anna\n", "-- Author: Anna\n-- Author: Anna\n"),
    ],
)
def test_what_can_only_mean_one_thing_is_written_so(right: str, wrong: str) -> None:
    assert right in GOOD
    text = GOOD.replace(right, wrong)
    found = [problem for problem in problems(text) if problem.fix]
    assert found, problems(text)
    fixed = applied(text, found[0].fix)
    assert problems(fixed) == ()
    assert fixed == GOOD


@pytest.mark.parametrize(
    "wrong",
    [
        "Created: 01/02/2026",
        "Created: soon",
        "Version: next",
        "Breaking Changes: maybe",
        "Dependencies: users",
        "Rollback: Yes",
    ],
)
def test_what_could_mean_several_things_has_no_fix(wrong: str) -> None:
    name = wrong.split(":", maxsplit=1)[0]
    line = next(line for line in GOOD.splitlines() if line.startswith(f"-- {name}:"))
    (problem,) = problems(GOOD.replace(line, f"-- {wrong}"))
    assert problem.fix is None


def test_two_that_differ_are_for_a_person_to_choose() -> None:
    (problem,) = problems(GOOD.replace("-- Author: Anna\n", "-- Author: Anna\n-- Author: Ben\n"))
    assert problem.fix is None


@given(st.permutations(range(len(FIELDS))))
def test_any_order_is_put_in_order_with_its_long_values(order: list[int]) -> None:
    blocks = [block for block in GOOD.split("\n\n", maxsplit=1)[0].replace("--\n", "").split("\n-- ") if block]
    first = blocks[0].removeprefix("-- ")
    values = [first, *blocks[1:]]
    assert len(values) == len(FIELDS) + 1, "one value has two lines"
    whole = [value for value in values if not value.startswith("  ")]
    whole[2] += "\n--   and their names"
    text = "\n".join(f"-- {whole[index]}" for index in order) + "\n\ncreate table users ();\n"
    found = problems(text)
    if order == sorted(order):
        assert found == ()
        return
    (problem,) = found
    assert problem.code == "header-order"
    fixed = applied(text, problem.fix)
    assert problems(fixed) == ()
    assert sorted(fixed.split("\n")) == sorted(text.split("\n"))


def test_a_header_with_a_sentence_in_it_is_not_reordered() -> None:
    text = GOOD.replace("-- Author: Anna\n", "").replace("-- Created", "-- Author: Anna\n-- Created")
    text = text.replace("-- Rollback", "--\n-- Note: see the wiki\n-- Rollback")
    assert [p.fix for p in problems(text) if p.code == "header-order"] == [None]


def again(work: Workspace, fix: object) -> Workspace:
    """The workspace after a fix."""

    def fixed(old: Migration) -> Migration:
        if old.path != getattr(fix, "path", ""):
            return old
        text = applied(old.up.sql, fix)
        return replace(old, header=parse_header(text, old.path)[0])

    return replace(work, migrations=tuple(fixed(old) for old in work.migrations))


ONE = migration("001_one", "1.0.0")


@pytest.mark.parametrize(
    ("code", "two", "says"),
    [
        ("version-duplicate", migration("002_two", "1.0.0"), "-- Version: 1.1.0"),
        ("version-step", migration("002_two", "1.5.0"), "-- Version: 1.1.0"),
        ("version-step", migration("002_two", "1.0.7"), "-- Version: 1.0.1"),
        ("version-breaking", migration("002_two", "1.1.0", Breaking_Changes="Yes"), "-- Version: 2.0.0"),
        ("version-breaking", migration("002_two", "2.0.0"), "-- Version: 1.1.0"),
        ("header-name", migration("002_two", "1.1.0", Migration="002_too"), "-- Migration: 002_two"),
        ("rollback-unsaid", migration("002_two", "1.1.0", Rollback="Not Available"), "-- Rollback: Available"),
    ],
)
def test_what_a_file_should_say_follows_from_the_others(code: str, two: Migration, says: str) -> None:
    work = workspace(ONE, two)
    (problem,) = problems_of(work)
    assert problem.code == code
    assert isinstance(problem.fix, Lines)
    assert problem.fix.instead == (says,)
    assert problems_of(again(work, problem.fix)) == ()


def test_a_version_that_others_come_after_has_no_one_answer() -> None:
    work = workspace(ONE, migration("002_two", "1.0.0"), migration("003_three", "1.1.0"))
    assert [p.fix for p in problems_of(work)] == [None]


def test_the_last_of_another_band_goes_above_all() -> None:
    policy = Policy(bands=(Band("core", 1, 99), Band("forms", 100, 199)))
    work = workspace(ONE, migration("002_two", "1.0.0"), migration("100_x", "1.1.0"), policy=policy)
    (problem,) = problems_of(work)
    assert isinstance(problem.fix, Lines)
    assert problem.fix.instead == ("-- Version: 1.2.0",)
