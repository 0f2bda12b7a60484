"""A merge that was not finished is seen in every file that is read, at the line of its first marker."""

from __future__ import annotations

import pytest

from tests.files.checkout import Checkout

CONFLICT = "<<<<<<< HEAD\n{ours}\n||||||| 3f2a\n{base}\n=======\n{theirs}\n>>>>>>> feature/a\n"
SAID = "`<<<<<<< HEAD` is a git conflict marker: a merge or rebase was not completed (resolve the conflict, and "


def conflict(ours: str, base: str, theirs: str) -> str:
    return CONFLICT.format(ours=ours, base=base, theirs=theirs)


@pytest.mark.parametrize(
    ("path", "before"),
    [
        ("migrations/001_a.sql", "select 1;\n"),
        ("migrations/001_a.down.sql", "select 1;\n"),
        ("migrations/001_a.verify.sql", "do $$ begin\n"),
        ("migrations/policy.yaml", "header: optional\n"),
        ("environments/staging.yaml", "environment: staging\n"),
        ("seeds/staging/001_a.sql", "select 1;\n"),
    ],
)
def test_in_every_file_that_is_read(repo: Checkout, path: str, before: str) -> None:
    repo.manifest("seeds: [seeds/staging]\n")
    repo.write("migrations/policy.yaml", "header: optional\n")
    repo.write("migrations/001_a.sql")
    repo.write(path, before + conflict("a: 1", "b: 1", "c: 1"))
    found = [said for said in repo.lines() if "conflict" in said]
    assert len(found) == 1
    assert found[0].startswith(f"{path}:2:1: {SAID}")


def test_a_header_in_conflict_is_told_once(repo: Checkout) -> None:
    repo.write("migrations/policy.yaml", "header: required\n")
    repo.write("migrations/001_a.sql", conflict("-- Migration: 001_a", "-- Migration: 001", "-- Migration: 001_b"))
    assert len(repo.lines()) == 1
    assert repo.lines()[0].startswith(f"migrations/001_a.sql:1:1: {SAID}")


@pytest.mark.parametrize("line", [">>>>>>> feature/a", "<<<<<<< HEAD"])
def test_one_marker_that_was_left_in_yaml_is_told_too(repo: Checkout, line: str) -> None:
    repo.write("migrations/policy.yaml", f"header: optional\n{line}\n")
    assert [said for said in repo.lines() if "conflict marker" in said] != []


@pytest.mark.parametrize(
    "sql",
    [
        "select '\n<<<<<<< HEAD\n';",
        "-- <<<<<<< HEAD\nselect 1;\n-- =======\n-- >>>>>>> a\n",
        "select '\n=======\n';",
        "select '\n <<<<<<< HEAD\n=======\n>>>>>>> a\n';",
        "select 1 <<<<<<<< 2;",
    ],
)
def test_what_only_resembles_a_conflict_is_read(repo: Checkout, sql: str) -> None:
    repo.write("migrations/policy.yaml", "header: optional\n")
    repo.write("migrations/001_a.sql", sql)
    assert repo.lines() == []
