from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.commands.repair import Correction, Fact, accept_again, repair
from ctgitops.core.gate.request import Origin
from ctgitops.core.ledger.identity import Identity, LedgerHome, Site
from ctgitops.core.ledger.ledger import Ledger, Mark
from ctgitops.core.ledger.resumption import Kind, ProgressRow, ProgressState
from ctgitops.core.plan.plan import make_plan
from ctgitops.errors import LedgerError, UsageError
from tests.fakes import STAGING, Diary, chained, entry, migration, request, workspace

ONE = migration("001_one", "1.0.0")
EDITED = migration("001_one", "1.0.0", sql="SELECT 1;\n")
TWO = migration("002_two", "1.1.0")


def repaired(ledger: Ledger, correction: Correction) -> tuple[Ledger, list[str]]:
    diary = Diary({"staging": ledger})
    asked = request(workspace(EDITED, TWO), origin=Origin(actor="anna", run_url="https://ci.example/1"))
    repair(asked, correction, databases=diary, tell=diary.tell)
    return diary.ledgers["staging"], diary.lines


def test_an_unfinished_migration_that_is_there_becomes_applied() -> None:
    unfinished = chained(entry(EDITED), entry(TWO, Mark.STARTED))
    ledger, lines = repaired(unfinished, Correction(2, Fact.APPLIED, "the index is valid"))
    assert lines == ["lock", "read ledger", "record repaired 002", "unlock"]
    assert ledger.unfinished == {}
    entry_of_two = ledger.applied[2]
    assert (entry_of_two.checksum, entry_of_two.error) == (TWO.checksum, "the index is valid")
    assert (entry_of_two.actor, entry_of_two.plan) == ("anna", None)
    assert TWO.down is not None
    assert entry_of_two.rollback_sql == TWO.down.sql


def test_an_unfinished_migration_that_is_not_there_becomes_pending() -> None:
    ledger, _ = repaired(chained(entry(TWO, Mark.STARTED)), Correction(2, Fact.NOT_APPLIED, "dropped it by hand"))
    assert (ledger.unfinished, ledger.applied) == ({}, {})


def test_an_edited_file_is_accepted() -> None:
    ledger, _ = repaired(chained(entry(ONE)), Correction(1, Fact.APPLIED, "only a comment changed"))
    assert ledger.applied[1].checksum == EDITED.checksum
    assert ledger.broken_at() is None


def test_a_repair_does_not_change_the_order_in_which_rollback_goes() -> None:
    ledger, _ = repaired(chained(entry(ONE), entry(TWO)), Correction(1, Fact.APPLIED, "only a comment changed"))
    assert [e.number for e in ledger.in_order] == [1, 2]


@pytest.mark.parametrize(
    ("correction", "words"),
    [
        (Correction(1, Fact.APPLIED, "  "), "needs a reason"),
        (Correction(9, Fact.APPLIED, "it is there"), "neither applied nor unfinished"),
        (Correction(9, Fact.NOT_APPLIED, "it is not"), "neither applied nor unfinished"),
        (Correction(2, Fact.APPLIED, "it is there"), "is already recorded in the ledger with the text of its file"),
        (Correction(3, Fact.APPLIED, "it is there"), "migration 003 has no file"),
    ],
)
def test_what_is_no_repair_is_refused_and_nothing_is_written(correction: Correction, words: str) -> None:
    three = migration("003_three", "1.2.0")
    diary = Diary({"staging": chained(entry(ONE), entry(TWO), entry(three))})
    with pytest.raises(UsageError, match=words):
        repair(request(workspace(EDITED, TWO)), correction, databases=diary, tell=diary.tell)
    assert not any(line.startswith("record") for line in diary.lines)


def test_a_failed_migration_that_somebody_did_by_hand_becomes_applied() -> None:
    failed = chained(entry(EDITED), entry(TWO, Mark.FAILED, error="42P01"))
    ledger, _ = repaired(failed, Correction(2, Fact.APPLIED, "ran it in psql"))
    assert (ledger.applied[2].checksum, ledger.applied[2].error) == (TWO.checksum, "ran it in psql")


def test_a_failed_migration_left_no_trace_so_there_is_nothing_to_undo() -> None:
    failed = chained(entry(EDITED), entry(TWO, Mark.FAILED, error="42P01"))
    with pytest.raises(UsageError, match="neither applied nor unfinished"):
        repaired(failed, Correction(2, Fact.NOT_APPLIED, "looked"))


STEPWISE = migration("002_two", "1.1.0", sql="VACUUM;\nANALYZE;\nVACUUM;\n")


def half_done(*reached: tuple[ProgressState, int]) -> Ledger:
    """002 unfinished, with those traces."""
    ledger = chained(entry(ONE), entry(STEPWISE, Mark.STARTED))
    script = STEPWISE.up
    hashes = [script.hash_of(statement) for statement in script.statements]
    traces = tuple(ProgressRow(2, 2, Kind.STATEMENT, mark, at, hashes[at - 1]) for mark, at in reached)
    return replace(ledger, progress=traces)


def corrected(ledger: Ledger, fact: Fact, statement: int) -> list[str]:
    diary = Diary({"staging": ledger})
    asked = request(workspace(ONE, STEPWISE), origin=Origin(actor="anna"))
    repair(asked, Correction(2, fact, "looked", statement), databases=diary, tell=diary.tell)
    said = diary.ledgers["staging"].entries[-1]
    assert (said.mark, said.number, said.actor) == (Mark.REPAIRED, None, "anna")
    assert said.error in {"done: looked", "not done: looked"}
    return diary.lines


BEGUN, DONE = ProgressState.BEGUN, ProgressState.DONE


def test_one_statement_of_an_unfinished_migration_is_done_or_is_not() -> None:
    done = corrected(half_done((DONE, 1), (BEGUN, 2)), Fact.APPLIED, 2)
    assert "statement 2 of 002_two is done" in done
    undone = corrected(half_done((DONE, 1), (BEGUN, 2)), Fact.NOT_APPLIED, 2)
    assert "statement 2 of 002_two is undone" in undone
    assert "statement 1 of 002_two is undone" in corrected(half_done((DONE, 1)), Fact.NOT_APPLIED, 1)


@pytest.mark.parametrize(
    ("ledger", "fact", "statement", "words"),
    [
        (half_done((DONE, 1)), Fact.APPLIED, 3, "is not the next one: 1 are done"),
        (half_done((DONE, 1)), Fact.APPLIED, 4, "has 3 statements"),
        (half_done((DONE, 1), (DONE, 2)), Fact.NOT_APPLIED, 1, "is not the last completed statement"),
        (half_done((DONE, 1)), Fact.NOT_APPLIED, 2, "is not the last completed statement"),
        (chained(entry(ONE)), Fact.APPLIED, 1, "is complete or not started in staging"),
    ],
)
def test_what_cannot_be_said_of_a_statement_is_refused(ledger: Ledger, fact: Fact, statement: int, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        corrected(ledger, fact, statement)


def test_a_repair_in_a_database_that_is_anothers_is_refused() -> None:
    home = LedgerHome("production", Site(1, 1, "app"))
    ledger = replace(chained(entry(ONE)), identity=Identity(Site(1, 1, "app"), "x", home))
    with pytest.raises(LedgerError, match="connects to the database of production"):
        repaired(ledger, Correction(1, Fact.APPLIED, "only a comment changed"))


def accepted(diary: Diary, *numbers: int) -> Ledger:
    asked = request(workspace(EDITED, TWO), origin=Origin(actor="anna", run_url="https://ci.example/1"))
    meant = tuple(Correction(number, Fact.AGAIN, "the cause is corrected") for number in numbers)
    accept_again(asked, meant, databases=diary, tell=diary.tell)
    return diary.ledgers["staging"]


def test_what_was_rolled_back_is_accepted_again_on_the_record() -> None:
    back = chained(entry(EDITED), entry(TWO), entry(TWO, Mark.ROLLED_BACK))
    before = make_plan(workspace(EDITED, TWO), STAGING, back)
    assert before.blocked
    diary = Diary({"staging": back})
    ledger = accepted(diary, 2)
    assert diary.lines == ["lock", "read ledger", "record repaired 002", "unlock"]
    said = ledger.entries[-1]
    assert (said.error, said.actor, said.marks_applied) == (
        "to be applied again: the cause is corrected",
        "anna",
        False,
    )
    after = make_plan(workspace(EDITED, TWO), STAGING, ledger)
    assert not after.blocked
    assert after.fingerprint != before.fingerprint


def test_what_no_rollback_holds_back_needs_no_consent() -> None:
    diary = Diary({"staging": chained(entry(EDITED), entry(TWO), entry(TWO, Mark.ROLLED_BACK))})
    with pytest.raises(UsageError, match="003 was not rolled back in staging") as caught:
        accepted(diary, 2, 3)
    assert caught.value.hint == "held back: 002"
    assert diary.lines == ["lock", "read ledger", "unlock"], "all of them, or none"
