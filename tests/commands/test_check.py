from __future__ import annotations

from dataclasses import replace

from ctgitops.commands.check import check, exit_status
from ctgitops.core.problem import Problem
from ctgitops.errors import Place
from tests.fakes import migration, workspace


def test_sound_files_have_no_problems() -> None:
    found = check(workspace(migration("001_one", "1.0.0"), migration("002_two", "1.1.0")))
    assert found == ()
    assert exit_status(found) == 0


def test_problems_of_files_and_of_sql_come_by_file_and_line() -> None:
    first = migration("001_one", "1.0.0", sql="SELECT 1;\nCOMMIT;\nSELEC 1;\n")
    second = migration("002_two", "1.0.0", sql="BEGIN;\nSELECT 1;\n")
    found = check(workspace(first, second))
    places = [(p.place.path, p.place.line or 0) for p in found if p.place]
    assert places == sorted(places)
    assert {"syntax-error", "version-duplicate", "transaction-control"} <= {p.code for p in found}
    assert exit_status(found) == 3


def test_each_problem_is_told_once_and_those_without_a_place_come_last() -> None:
    nowhere = Problem("a", "no place")
    somewhere = Problem("b", "a place", Place("x", 1))
    work = replace(workspace(migration("001_one", "1.0.0")), read_problems=(nowhere, somewhere, nowhere))
    assert check(work) == (somewhere, nowhere)


def test_what_only_warns_does_not_fail() -> None:
    work = replace(workspace(migration("001_one", "1.0.0")), read_problems=(Problem("a", "b", blocks=False),))
    assert exit_status(check(work)) == 0
