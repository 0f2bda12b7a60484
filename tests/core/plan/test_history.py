"""What a ledger has and the files do not: newer than the checkout, or removed, and who brought it."""

from __future__ import annotations

from dataclasses import replace

from ctgitops.core.environment.policy import Band, Policy
from ctgitops.core.ledger.ledger import Entry
from ctgitops.core.plan.history import history_problems
from ctgitops.core.problem import Problem
from tests.fakes import chained, entry, migration, workspace

ONE, TWO, THREE = migration("001_one"), migration("002_two"), migration("003_three")
FORMS = migration("201_forms")
BANDS = Policy(bands=(Band("core", 1, 99), Band("forms", 200, 299)))


def brought(of: Entry) -> Entry:
    return replace(of, commit_sha="0123456789abcdef0123456789abcdef01234567", pull_request=12)


def missing(work: object, *entries: Entry) -> list[Problem]:
    found = history_problems(work, "staging", chained(*entries), ())  # type: ignore[arg-type]
    return [p for p in found if p.code == "missing"]


def test_an_older_checkout_names_what_is_newer_and_who_brought_it_and_points_at_no_file() -> None:
    (found,) = missing(workspace(ONE), entry(ONE), brought(entry(TWO)))
    assert found.what == (
        "the database is newer than this checkout: it has 002_two, applied on 2026-11-21 by anna "
        "from commit 0123456789ab (pull request #12)"
    )
    assert found.hint == (
        "update this checkout, for example with `git pull`, or use one that contains commit 0123456789ab; if no branch "
        "has the file, `git checkout 0123456789ab -- 'migrations/002_two.*'` restores the file; the "
        "SQL in the ledger is shown below"
    )
    assert found.on_github.startswith("re-run the newest run of this workflow, because this run is for an older commit")
    assert found.place is None


def test_the_newest_run_of_the_ledger_is_named() -> None:
    url = "https://github.com/o/r/actions/runs/9"
    four = replace(entry(migration("004_four")), run_url=url)
    found = missing(workspace(ONE), entry(ONE), entry(TWO), four)
    assert [f"re-run the newest run, `{url}` or a later one" in problem.on_github for problem in found] == [True, True]


def test_newer_is_what_came_later_and_not_what_has_a_higher_number() -> None:
    (found,) = missing(workspace(ONE, FORMS, policy=BANDS), entry(ONE), entry(FORMS), entry(TWO))
    assert found.what.startswith("the database is newer than this checkout: it has 002_two")


def test_a_file_that_was_removed_is_told_apart_from_what_is_newer() -> None:
    removed, newer = missing(workspace(ONE, THREE), entry(ONE), brought(entry(TWO)), entry(THREE), entry(FORMS))
    assert removed.what == (
        "002_two was applied on 2026-11-21 by anna from commit 0123456789ab (pull request #12), "
        "but its file has been removed"
    )
    assert removed.hint.startswith("`git checkout 0123456789ab -- 'migrations/002_two.*'` restores the file")
    assert removed.place is None
    assert newer.what.startswith("the database is newer than this checkout: it has 201_forms")
    assert newer.hint == (
        "update this checkout, for example with `git pull`; if no branch has the file, "
        "restore migrations/201_forms.sql; the SQL in the ledger is shown below"
    )


def test_a_dependency_that_is_neither_applied_nor_planned_is_a_problem() -> None:
    needing = migration("003_three", "1.0.0", Dependencies="001, 002")
    work = workspace(ONE, TWO, needing)

    def unmet(*pending: object) -> list[str]:
        found = history_problems(work, "staging", chained(entry(ONE)), pending)  # type: ignore[arg-type]
        return [p.what for p in found if p.code == "dependency"]

    (what,) = unmet(needing)
    assert "003_three depends on 002" in what
    assert unmet(TWO, needing) == []
    assert unmet(TWO) == []
