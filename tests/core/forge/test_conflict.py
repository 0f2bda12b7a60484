"""Conflicts with other open pull requests."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from ctgitops.core.environment.layout import Layout
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
