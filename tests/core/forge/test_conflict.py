"""Conflicts with other open pull requests."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from ctgitops.core.environment.layout import Layout
from ctgitops.core.environment.policy import Band, Policy
from ctgitops.core.forge.conflict import clashes
from ctgitops.core.forge.forge import ChangedFile, OpenPullRequest
from ctgitops.core.migration.migration_name import MigrationName
from ctgitops.core.problem import Problem
from ctgitops.core.view.preview import Preview, with_problems
from ctgitops.files.layout_reader import migrations_among
from tests.fakes import migration
from tests.report.cases import BLOCKED, READY

OURS = migration("005_add_email", "1.5.0")
FILES = (ChangedFile("db/migrations/005_add_email.sql", added=True),)


def other(name: str, version: str = "", *, added: bool = True) -> OpenPullRequest:
    patch = f"@@ -0,0 +1,2 @@\n+-- Migration: x\n+-- Version: {version}\n" if version else ""
    return OpenPullRequest(12, (ChangedFile(f"db/migrations/{name}", added, patch),))


def named(paths: Iterable[str]) -> dict[str, MigrationName]:
    inside = migrations_among(Layout(), [path.removeprefix("db/") for path in paths])
    return {f"db/{path}": name for path, name in inside.items()}


def found(pull: OpenPullRequest) -> list[str]:
    return [problem.what for problem in clashes((migration("004_old", "1.4.0"), OURS), FILES, (pull,), named)]


@pytest.mark.parametrize(
    ("name", "version", "said"),
    [
        ("005_x.sql", "1.9.0", "which also has number 005"),
        ("5_x.up.sql", "", "which also has number 005"),
        ("006_x.sql", "1.5.0", "which also has version 1.5.0"),
        ("005_x.sql", "1.5.0", "which also has number 005 and version 1.5.0"),
        ("006_add_email.sql", "", "which has the same name"),
    ],
)
def test_p16_one_that_wants_the_same_is_named(name: str, version: str, said: str) -> None:
    (what,) = found(other(name, version))
    assert what == f"open pull request #12 adds `{name.removesuffix('.sql').removesuffix('.up')}`, {said}"


@pytest.mark.parametrize(
    "pull",
    [
        other("006_x.sql", "1.6.0"),
        other("005_x.down.sql"),
        other("005_x.verify.sql"),
        other("005_x.sql", added=False),
        other("readme.md"),
        other("004_old.sql", "1.4.0"),
    ],
    ids=["another number", "a rollback", "a verify file", "not added", "no migration", "not one that we add"],
)
def test_what_is_no_clash(pull: OpenPullRequest) -> None:
    assert found(pull) == []


def test_it_warns_and_tells_the_way_out() -> None:
    (problem,) = clashes((OURS,), FILES, (other("005_x.sql"),), named)
    assert not problem.blocks
    assert "ctgitops new --renumber 005_add_email" in problem.hint


def test_one_command_renumbers_all_clashing_files_of_a_band() -> None:
    """Seen to fail with a command for the second file, which the first command has renamed."""
    later = migration("006_add_phone", "1.6.0")
    files = (*FILES, ChangedFile("db/migrations/006_add_phone.sql", added=True))
    theirs = OpenPullRequest(12, (*other("005_x.sql").files, *other("006_y.sql").files))
    first, second = (problem.hint for problem in clashes((OURS, later), files, (theirs,), named))
    assert first == (
        "if this pull request is merged second, run `ctgitops new --renumber 005_add_email` after the merge of #12"
    )
    assert second == (
        "if this pull request is merged second, `ctgitops new --renumber 005_add_email` after the merge of #12 "
        "renumbers this file too"
    )
    bands = Policy(bands=(Band("core", 1, 5), Band("forms", 6, 99)))
    apart = [problem.hint for problem in clashes((OURS, later), files, (theirs,), named, bands)]
    assert "run `ctgitops new --renumber 006_add_phone`" in apart[1]


def test_where_the_base_branch_took_the_number_of_both_the_second_one_waits() -> None:
    """Seen to fail when both pull requests were told only that they become 006."""
    merged = migration("005_taken", "1.5.0")
    (problem,) = clashes((merged, OURS), FILES, (other("005_x.sql"),), named)
    assert problem.hint == (
        "if this pull request is merged second, run `ctgitops new --renumber 005_add_email` after the merge of #12 "
        "and not before, because both files would now get the same number"
    )


def test_a_problem_from_outside_changes_no_fingerprint() -> None:
    problem = Problem("clash", "x", blocks=False)
    results = with_problems((*READY, *BLOCKED), (problem,))
    for before, after in zip((*READY, *BLOCKED), results, strict=True):
        if isinstance(after, Preview) and isinstance(before, Preview):
            assert problem in after.plan.problems
            assert after.plan.fingerprint == before.plan.fingerprint
            assert sorted(after.plan.problems, key=lambda p: not p.blocks) == list(after.plan.problems)
        else:
            assert after == before
