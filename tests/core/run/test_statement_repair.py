"""Which statement of an unfinished migration a person may mark as done, or as not done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.ledger.ledger import Mark
from ctgitops.core.ledger.resumption import Resumption
from ctgitops.core.plan.plan import Direction, Step
from ctgitops.core.run.statement_repair import refuse_statement, unfinished_step
from ctgitops.errors import UsageError
from ctgitops.sql.script import Script
from tests.fakes import STAGING, chained, entry, migration, workspace

SQL = "-- ctgitops: no transaction\n" + "".join(f"insert into t values ({n});\n" for n in (1, 2, 3))
ONE = migration("001_one", sql=SQL)
STEP = Step(Direction.APPLY, 1, "001_one", None, "", Script(SQL, "migrations/001_one.sql"))


def at(done: int) -> Step:
    return replace(STEP, resumption=Resumption(done=done))


def test_the_unfinished_step_is_that_of_the_file() -> None:
    ledger = chained(entry(ONE, Mark.STARTED))
    assert unfinished_step(workspace(ONE), STAGING, ledger, 1).name == "001_one"


def test_a_migration_that_is_not_unfinished_has_no_statement_to_ask_about() -> None:
    with pytest.raises(UsageError, match="migration 001 is complete or not started"):
        unfinished_step(workspace(ONE), STAGING, chained(entry(ONE)), 1)


def test_without_the_file_its_statements_are_not_known() -> None:
    with pytest.raises(UsageError, match="001") as refused:
        unfinished_step(workspace(migration("002_two")), STAGING, chained(entry(ONE, Mark.STARTED)), 1)
    assert "the file of 001_one" in refused.value.hint


def test_only_the_next_statement_can_be_marked_as_done() -> None:
    refuse_statement(at(1), 2, done=True)
    for position in (1, 3):
        with pytest.raises(UsageError, match="--statement 2"):
            try:
                refuse_statement(at(1), position, done=True)
            except UsageError as error:
                raise UsageError(error.hint) from None


def test_only_the_last_statement_that_was_done_can_be_marked_as_not_done() -> None:
    refuse_statement(at(2), 2, done=False)
    for position in (1, 3):
        with pytest.raises(UsageError):
            refuse_statement(at(2), position, done=False)
    with pytest.raises(UsageError):
        refuse_statement(at(0), 1, done=False)


def test_a_statement_that_the_file_does_not_have_is_refused() -> None:
    refuse_statement(at(2), 3, done=True)
    with pytest.raises(UsageError, match="has 3 statements"):
        refuse_statement(at(3), 4, done=True)


def test_a_migration_in_a_transaction_has_no_half_done_statement() -> None:
    with pytest.raises(UsageError, match="in a transaction"):
        refuse_statement(replace(STEP, script=Script("select 1;", "migrations/001_one.sql")), 1, done=True)
