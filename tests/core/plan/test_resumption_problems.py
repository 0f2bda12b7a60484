"""The problem of a migration outside a transaction that did not finish: who resumes it, or what a person decides."""

from __future__ import annotations

from dataclasses import replace

from ctgitops.core.ledger.ledger import Ledger, Mark
from ctgitops.core.ledger.resumption import Kind, ProgressRow, ProgressState
from ctgitops.core.migration.migration import Migration
from ctgitops.core.plan.resumption_problems import unfinished_problems
from ctgitops.core.problem import Concern, Problem
from ctgitops.errors import Place
from tests.fakes import NOW, chained, entry, migration

ONE = migration("001_one")
TWO = migration("002_two", sql="VACUUM;\nANALYZE;\n")
WHY = "the connection was lost"
BEGAN = (
    entry(ONE),
    replace(entry(TWO, Mark.STARTED, at=NOW), actor="anna"),
    entry(TWO, Mark.INTERRUPTED, error=WHY),
    entry(ONE, Mark.FAILED, error="of another migration"),
)
WHEN = " on 2026-11-24 09:30:00 UTC by anna"


def problem_of(ledger: Ledger, *files: Migration) -> Problem:
    (problem,) = unfinished_problems(files, "staging", ledger)
    assert (problem.code, problem.concern) == ("unfinished", Concern.LEDGER)
    return problem


def with_done(*positions: int, of: Migration = TWO) -> Ledger:
    statements = of.up.statements
    rows = tuple(
        ProgressRow(2, 2, Kind.STATEMENT, ProgressState.DONE, n, of.up.hash_of(statements[n - 1])) for n in positions
    )
    return replace(chained(*BEGAN), progress=rows)


def test_a_ledger_in_which_all_is_finished_has_no_problem() -> None:
    assert list(unfinished_problems((ONE, TWO), "staging", chained(entry(ONE), entry(TWO)))) == []


def test_apply_resumes_an_unchanged_file_where_it_stopped() -> None:
    problem = problem_of(with_done(1), ONE, TWO)
    assert not problem.blocks
    assert problem.what.startswith(f"002_two was started{WHEN}: 1 of 2 statements is done")
    assert (problem.place, problem.detail) == (Place("migrations/002_two.sql"), WHY)


def test_a_statement_that_is_done_and_was_edited_blocks_at_its_place_with_the_difference() -> None:
    edited = migration("002_two", sql="VACUUM;\nREINDEX DATABASE a;\n")
    problem = problem_of(with_done(1, 2), ONE, edited)
    assert problem.blocks
    assert problem.what.startswith("statement 2 of 002_two is done, but the file now has a different statement there")
    assert problem.place
    assert (problem.place.path, problem.place.line) == ("migrations/002_two.sql", 2)
    assert "-ANALYZE;\n+REINDEX DATABASE a;" in problem.detail
    assert "--- ledger, entry 2" in problem.detail
    for mark in ("--not-applied", "--applied"):
        assert f'`ctgitops repair 002 --env staging {mark} --reason "…"`' in problem.hint


def test_a_statement_that_is_done_and_was_removed_has_the_place_of_the_file() -> None:
    problem = problem_of(with_done(1, 2), ONE, migration("002_two", sql="VACUUM;\n"))
    assert problem.blocks
    assert problem.place == Place("migrations/002_two.sql")
    assert "-ANALYZE;" in problem.detail


def test_a_file_that_is_not_valid_sql_is_another_problem() -> None:
    assert list(unfinished_problems((migration("002_two", sql="VACUM;"),), "staging", with_done(1))) == []


def test_a_missing_file_blocks() -> None:
    problem = problem_of(with_done(1), ONE)
    assert problem.blocks
    assert problem.what == f"002_two was started{WHEN} and did not finish, and its file is missing"
    assert "restore the file of 002_two" in problem.hint
    assert (problem.place, problem.detail) == (None, WHY)


def test_what_ran_without_progress_rows_blocks_until_a_person_says_what_is_done() -> None:
    problem = problem_of(replace(with_done(1), unrecorded=frozenset({2})), ONE, TWO)
    assert problem.blocks
    assert problem.what == f"002_two was started outside a transaction{WHEN} and did not finish"
    assert "--not-applied" in problem.hint
    assert "--applied" in problem.hint
    assert problem.detail == WHY


def test_an_unfinished_rollback_blocks_an_apply() -> None:
    began = replace(entry(TWO, Mark.STARTED, at=NOW), actor=None)
    problem = problem_of(chained(entry(ONE), entry(TWO), began), ONE, TWO)
    assert problem.blocks
    assert problem.what == "the rollback of 002_two was started on 2026-11-24 09:30:00 UTC and did not finish"
    assert "`ctgitops rollback --env staging --steps 1` resumes it" in problem.hint
    assert problem.detail == ""


def test_a_start_without_a_time_names_its_actor_alone() -> None:
    began = replace(entry(TWO, Mark.STARTED), started_at=None, actor="anna")
    assert problem_of(chained(entry(ONE), began), ONE).what.startswith("002_two was started by anna and did")
