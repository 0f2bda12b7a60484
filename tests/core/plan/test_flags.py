"""Migrations that wait for a flag: which ones wait, which do not, and when one may be late."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.ledger.ledger import Ledger, Mark
from ctgitops.core.migration.header import parse_header
from ctgitops.core.migration.migration import Migration
from ctgitops.core.plan.flags import flag_waits, removed_flag_problems
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.view.pull_request_record import MigrationRef, RunEnd, Stage, record_of, with_flags
from ctgitops.core.view.status import State, pending_in, status_of
from ctgitops.core.workspace.flag_names import flag_problems
from ctgitops.sql.script import Script
from tests.fakes import STAGING, chained, entry, migration, workspace

OFF, ON = STAGING, replace(STAGING, flags=frozenset({"billing"}))


def of(name: str, sql: str, flag: str = "") -> Migration:
    text = f"-- ctgitops: flag {flag}\n{sql}\n" if flag else sql
    return replace(migration(name), up=Script(text, f"migrations/{name}.sql"), header=None)


INVOICES = of("002_invoices", "create table invoices (id int); alter table people add column credit int;", "billing")
ONE, OTHER = of("001_one", "create table people (id int);"), of("003_other", "create table other (credit int);")


def waiting(*migrations: Migration, ledger: Ledger | None = None) -> list[str]:
    return [wait.name for wait in flag_waits(migrations, OFF, ledger or Ledger()).values()]


def test_a_migration_waits_for_its_flag_and_others_do_not() -> None:
    plan = make_plan(workspace(ONE, INVOICES, OTHER), OFF, Ledger())
    assert [step.name for step in plan.steps] == ["001_one", "003_other"]
    assert [wait.text for wait in plan.flag_waits] == ["waits for the flag billing"]
    assert [step.name for step in make_plan(workspace(ONE, INVOICES, OTHER), ON, Ledger()).steps][1] == "002_invoices"


def test_what_names_an_object_of_a_waiting_migration_waits_too() -> None:
    for sql in (
        "create view due as select * from invoices;",
        'create view due as select * from "invoices";',
        "update people set credit = 1;",
        "create function f() returns int language plpgsql as $$ begin return (select count(*) from invoices); end $$;",
    ):
        assert waiting(ONE, INVOICES, of("003_due", sql), of("004_x", "select 1;")) == ["002_invoices", "003_due"], sql


def test_comments_strings_and_equal_columns_of_other_tables_are_no_dependency() -> None:
    for sql in ("-- as invoices do\nselect 1;", "select 'invoices';", "alter table other add credit int;"):
        assert waiting(ONE, INVOICES, of("003_x", sql)) == ["002_invoices"], sql


def test_a_dependency_of_a_dependency_waits_and_says_for_what() -> None:
    due, late = of("003_due", "create view due as table invoices;"), of("004_late", "create view late as table due;")
    waits = flag_waits((INVOICES, due, late), OFF, Ledger())
    assert waits[4].text == "waits for the flag billing, as it depends on 003_due"


def test_a_named_dependency_waits() -> None:
    assert waiting(INVOICES, replace(OTHER, requires=(2,))) == ["002_invoices", "003_other"]


def test_an_unfinished_migration_does_not_wait() -> None:
    begun = chained(entry(ONE), entry(INVOICES, Mark.STARTED))
    assert begun.unfinished
    assert waiting(INVOICES, ledger=begun) == []
    (problem,) = removed_flag_problems((INVOICES,), OFF, begun)
    assert "unfinished" in problem.what


def test_a_flag_that_is_taken_away_leaves_the_migration_applied_with_a_warning() -> None:
    plan = make_plan(workspace(ONE, INVOICES), OFF, chained(entry(ONE), entry(INVOICES)))
    assert plan.empty
    assert [problem.code for problem in plan.problems if problem.code.startswith("flag")] == ["flag-removed"]
    assert not plan.blocked


def test_a_flag_that_is_set_later_is_not_out_of_order() -> None:
    """Seen to fail: 002 comes before 003, which this database already has."""
    due = of("004_due", "create view due as table invoices;")
    ledger = chained(entry(ONE), entry(OTHER))
    plan = make_plan(workspace(ONE, INVOICES, OTHER, due), ON, ledger)
    assert "out-of-order" not in {problem.code for problem in plan.problems}
    other = make_plan(workspace(ONE, of("002_x", "select 1;"), OTHER), ON, ledger)
    assert "out-of-order" in {problem.code for problem in other.problems}


def test_status_and_the_queue_leave_it_out_and_say_why() -> None:
    files = workspace(ONE, INVOICES)
    status = status_of(files, OFF, chained(entry(ONE)))
    assert status.pending == 0
    assert pending_in(files, OFF, chained(entry(ONE))) == ()
    assert (status.rows[1].state, status.rows[1].detail) == (State.FLAGGED, "the flag billing")


def test_a_record_shows_the_wait_and_drops_the_end_of_a_run_that_did_not_concern_it() -> None:
    record = record_of([MigrationRef(2, "002_invoices")], (OFF,), {"staging": chained(entry(ONE))})
    record = replace(record, ends={"staging": RunEnd(Stage.WAITING, "outside its window", gates=("window",))})
    waits = {"staging": {w.name: w for w in flag_waits((INVOICES,), OFF, Ledger()).values()}}
    shown = with_flags(record, waits)
    assert (shown.stage(OFF), shown.ends) == (Stage.FLAGGED, {})
    applied = record_of([MigrationRef(2, "002_invoices")], (OFF,), {"staging": chained(entry(ONE), entry(INVOICES))})
    assert with_flags(applied, waits).stage(OFF) is Stage.APPLIED


def test_names_of_flags_are_checked() -> None:
    (wrong,) = flag_problems((of("001_x", "select 1;", "New Billing"),), ())
    (empty,) = flag_problems((replace(ONE, up=Script("-- ctgitops: flag\nselect 1;", "migrations/001_one.sql")),), ())
    assert (wrong.blocks, empty.blocks, wrong.place and wrong.place.line) == (True, True, 1)
    unknown = list(flag_problems((INVOICES,), (replace(STAGING, flags=frozenset({"biling", "billing"})),)))
    assert [(problem.what, problem.hint) for problem in unknown] == [
        ("no migration has the flag `biling`", "did you mean `billing`?")
    ]


HEADER = """\
-- Migration: 002_x
-- Version: 1.0.1
-- Description: x
-- Breaking Changes: No
-- Rollback: Not Available
-- Created: 2026-01-31
-- Author: a
--
-- Dependencies: None
-- Estimated Execution Time: 1 s
-- Impact: None
-- Flag: {}
"""


def test_the_header_has_a_flag() -> None:
    header, problems = parse_header(HEADER.format("new-billing"), "a.sql")
    assert (header and header.flag, problems) == ("new-billing", ())
    header, problems = parse_header(HEADER.format("New Billing"), "a.sql")
    assert header is None
    assert [str(problem.place) for problem in problems] == ["a.sql:12:4"]


@given(st.sets(st.integers(1, 6)), st.sets(st.integers(1, 6)), st.dictionaries(st.integers(2, 6), st.integers(1, 5)))
def test_what_is_pending_is_applied_or_waits_and_nothing_depends_on_what_waits(
    flagged: set[int], applied: set[int], needs: dict[int, int]
) -> None:
    files = [
        replace(
            of(f"{n:03}_m", "select 1;", "billing" if n in flagged else ""),
            requires=(needs[n],) if n in needs and needs[n] < n else (),
        )
        for n in range(1, 7)
    ]
    ledger = chained(*(entry(each) for each in files if each.number in applied))
    plan = make_plan(workspace(*files), OFF, ledger)
    steps, waits = {step.number for step in plan.steps}, {wait.number for wait in plan.flag_waits}
    assert steps | waits == set(range(1, 7)) - applied
    assert not steps & waits
    assert not any(set(each.dependencies) & waits for each in files if each.number in steps)
    assert flagged - applied <= waits
