"""The record of a pull request: the state of its migrations according to the ledgers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.gate.gate import Unreadable
from ctgitops.core.ledger.ledger import Entry, Ledger, Mark
from ctgitops.core.view.pull_request_record import (
    Cell,
    Ledgers,
    MigrationRef,
    Stage,
    brought_by,
    pull_requests_of,
    record_of,
)
from tests.fakes import NOW, PRODUCTION, STAGING, chained, entry, migration

ONE, TWO = migration("001_one", "1.0.0"), migration("002_two", "1.1.0")
BOTH = (STAGING, PRODUCTION)


def of(which: Entry, number: int | None, **more: str) -> Entry:
    return replace(which, pull_request=number, **more)  # type: ignore[arg-type]


def cells(staging: Ledger | Unreadable | None, name: str = "002_two") -> tuple[Cell, ...]:
    ledgers = {"staging": staging} if staging else {}
    (row,) = record_of([MigrationRef(2, name)], BOTH, ledgers).rows
    return row.cells


def test_what_is_applied_has_its_time_its_run_and_its_backup() -> None:
    brought = of(entry(TWO), 7, run_url="https://x.example/1", receipt='{"id": "b"}')
    staging, production = cells(chained(entry(ONE), brought))
    assert (staging.stage, staging.at) == (Stage.APPLIED, NOW - timedelta(days=3))
    assert (staging.run_url, staging.receipt) == ("https://x.example/1", '{"id": "b"}')
    assert production == Cell(Stage.WAITING)


def test_each_end_has_its_stage() -> None:
    failed = entry(TWO, Mark.FAILED, error="column exists")
    assert [c.stage for c in cells(chained(failed))] == [Stage.FAILED, Stage.WAITING]
    assert cells(chained(failed))[0].error == "column exists"
    assert cells(chained(failed, entry(TWO)))[0].stage is Stage.APPLIED
    assert cells(chained(entry(TWO, Mark.STARTED)))[0].stage is Stage.UNFINISHED
    assert cells(chained(entry(TWO, Mark.STARTED), failed))[0].error == "column exists"
    assert cells(chained(entry(TWO), entry(TWO, Mark.ROLLED_BACK)))[0].stage is Stage.ROLLED_BACK
    why = entry(TWO, Mark.ROLLED_BACK, error="rolled back automatically: 003_three failed")
    assert cells(chained(entry(TWO), why))[0].error == "rolled back automatically: 003_three failed"
    assert cells(chained(entry(TWO, Mark.INTERRUPTED)))[0] == Cell(
        Stage.CANCELLED, NOW - timedelta(days=3), error="the run was interrupted"
    )
    attempt = entry(TWO, Mark.ROLLED_BACK, error="rolled back automatically: 003_three failed")
    three = entry(migration("003_three", "1.2.0"), Mark.FAILED, error="no")
    assert cells(chained(entry(ONE), entry(TWO), three, attempt))[0].stage is Stage.TAKEN_BACK
    late = cells(chained(entry(TWO, Mark.STARTED), entry(TWO, Mark.DEFERRED)))[0]
    assert (late.stage, late.error) == (Stage.UNFINISHED, "the next run resumes the migration")
    assert cells(chained(entry(ONE)))[0].stage is Stage.WAITING
    assert cells(chained(entry(TWO)), name="002_other")[0].stage is Stage.WAITING


def test_a_database_that_cannot_be_read_says_so_and_one_that_was_not_asked_waits() -> None:
    assert cells(Unreadable("connection refused"))[0] == Cell(Stage.UNREADABLE, error="connection refused")
    assert cells(Unreadable("STAGING_DATABASE_URL is not set", 2))[0] == Cell(Stage.WAITING)
    assert cells(None)[0] == Cell(Stage.WAITING)


def test_the_ledger_of_staging_tells_whose_migrations_production_got() -> None:
    ledgers: Ledgers = {
        "staging": chained(of(entry(ONE), 7), of(entry(TWO), 9)),
        "production": chained(of(entry(ONE), None), of(entry(TWO), None)),
        "other": Unreadable("no"),
    }
    assert pull_requests_of(["001_one", "002_two"], ledgers) == (9, 7)
    assert pull_requests_of(["002_two", "009_x"], ledgers) == (9,)
    assert [n.name for n in brought_by(7, ledgers)] == ["001_one"]
    assert brought_by(8, ledgers) == ()


@given(st.lists(st.sampled_from([Mark.APPLIED, Mark.FAILED, Mark.STARTED, Mark.ROLLED_BACK]), max_size=6))
def test_the_record_says_applied_where_the_ledger_does(marks: list[Mark]) -> None:
    ledger = chained(*(entry(TWO, mark, error="no" if mark is Mark.FAILED else None) for mark in marks))
    stage = cells(ledger)[0].stage
    assert (stage is Stage.APPLIED) == (2 in ledger.applied)
    assert (stage is Stage.UNFINISHED) == (2 in ledger.unfinished and 2 not in ledger.applied)
