"""Only fixes on lines in a pull request's diff become suggested changes."""

from __future__ import annotations

from ctgitops.core.fix import Lines, Rename
from ctgitops.core.forge.forge import ChangedFile
from ctgitops.core.forge.suggest import suggestions
from ctgitops.core.problem import Problem

PATCH = "@@ -0,0 +1,4 @@\n+one\n+two\n+three\n+four\n@@ -9,2 +11,3 @@\n ten\n-gone\n+eleven\n twelve\n\\ No newline"
FILE = ChangedFile("db/migrations/a.sql", added=True, patch=PATCH)


def problem(first: int, last: int, *instead: str, path: str = "migrations/a.sql") -> Problem:
    return Problem("x", f"line {first}", hint="do", fix=Lines(path, first, last, instead))


def found(*problems: Problem, file: ChangedFile = FILE, folder: str = "db/") -> list[tuple[int, int, tuple[str, ...]]]:
    return [(s.first, s.last, s.old) for s in suggestions(problems, (file,), folder)]


def test_lines_that_the_diff_shows() -> None:
    assert found(problem(2, 2, "2")) == [(2, 2, ("two",))]
    assert found(problem(2, 4, "2", "3")) == [(2, 4, ("two", "three", "four"))]
    assert found(problem(12, 12, "11")) == [(12, 12, ("eleven",))]
    assert found(problem(11, 13)) == [(11, 13, ("ten", "eleven", "twelve"))]


def test_lines_that_it_does_not_show() -> None:
    assert found(problem(5, 5, "x")) == []
    assert found(problem(4, 5, "x")) == []
    assert found(problem(4, 11, "x")) == [], "two hunks"
    assert found(problem(2, 2, "x", path="migrations/b.sql")) == []
    assert found(problem(2, 2, "x"), folder="") == []


def test_a_file_that_the_base_has_is_left_alone() -> None:
    assert found(problem(2, 2, "x"), file=ChangedFile(FILE.path, added=False, patch=PATCH)) == []
    assert found(problem(2, 2, "x"), file=ChangedFile(FILE.path, added=True)) == []


def test_what_is_there_already_and_what_overlaps() -> None:
    assert found(problem(2, 2, "two")) == []
    assert found(problem(2, 3, "x"), problem(3, 4, "y"), problem(4, 4, "z")) == [
        (2, 3, ("two", "three")),
        (4, 4, ("four",)),
    ]


def test_what_is_no_fix_of_lines() -> None:
    assert found(Problem("x", "y"), Problem("x", "y", fix=Rename("a", "b"))) == []
