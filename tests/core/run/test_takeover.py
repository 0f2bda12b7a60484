"""What another tool has applied, compared with the files."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.ledger.foreign_ledger import ForeignLedger, ForeignRow
from ctgitops.core.migration.tool_record import ToolRecord
from ctgitops.core.run.takeover import applied_by
from ctgitops.errors import CtgitopsError, LedgerError, UsageError
from tests.fakes import migration, workspace

WORK = workspace(migration("001_one"), migration("002_two"), migration("003_three"))


def ledger(*rows: ForeignRow, all_before: bool = False) -> ForeignLedger:
    return ForeignLedger("goose", "goose", "public.goose_db_version", rows, all_before)


def row(number: int, *, complete: bool = True) -> ForeignRow:
    return ForeignRow(number, str(number), complete)


def names(*found: ForeignLedger) -> list[str]:
    return [m.name for m, _ in applied_by(found, WORK, "staging").rows]


def refused(kind: type[CtgitopsError], *found: ForeignLedger) -> str:
    with pytest.raises(kind) as error:
        applied_by(found, WORK, "staging")
    return f"{error.value.what} {error.value.hint}"


def test_the_files_that_the_tool_has_applied() -> None:
    assert names(ledger(row(1), row(2))) == ["001_one", "002_two"]
    assert applied_by((ledger(row(1), row(2)),), WORK, "staging").last == 2


def test_a_tool_that_records_only_its_newest_migration_has_applied_the_earlier_ones() -> None:
    assert names(ledger(row(2), all_before=True)) == ["001_one", "002_two"]


def test_names_and_hashes_are_matched_where_the_tool_has_no_numbers() -> None:
    files = [replace(WORK.migrations[0], record=ToolRecord("1704110400000", ("ab", "cd"))), *WORK.migrations[1:]]
    found = applied_by((ledger(ForeignRow(None, "1704110400000", checksum="cd")),), workspace(*files), "staging")
    assert names(ledger(ForeignRow(None, "one"), ForeignRow(None, "two"))) == ["001_one", "002_two"]
    assert [migration.name for migration, _ in found.rows] == ["001_one"]


def test_an_empty_ledger_of_a_second_tool_does_not_count() -> None:
    assert names(ledger(row(1)), ledger()) == ["001_one"]


def test_without_a_ledger_or_with_two_the_user_names_the_last_migration() -> None:
    assert "no ledger of another tool" in refused(UsageError)
    two = refused(UsageError, ledger(row(1)), ledger(row(1)))
    assert "ledgers of several tools: public.goose_db_version (goose), public.goose_db_version (goose)" in two
    assert "`ctgitops baseline --env staging --at NUMBER`" in two


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (ledger(row(1), row(2, complete=False)), "2 is recorded as failed or unfinished"),
        (ledger(row(1), row(9)), "9 is applied, but has no file"),
        (ledger(row(1), row(3)), "002_two is not applied, but later migrations are"),
        (ledger(ForeignRow(None, "1704110400000", checksum="ab")), "1704110400000 is applied, but has no file"),
    ],
)
def test_a_ledger_that_says_more_or_less_than_the_files_is_refused(found: ForeignLedger, said: str) -> None:
    assert said in refused(LedgerError, found)


def test_an_older_checksum_algorithm_is_accepted_and_another_checksum_is_refused() -> None:
    files = workspace(replace(WORK.migrations[0], record=ToolRecord("1", ("new", "old"))))
    for accepted in ("new", "old", ""):
        found = applied_by((ledger(ForeignRow(1, "1", checksum=accepted)),), files, "staging")
        assert found.last == 1
    with pytest.raises(LedgerError, match="001_one was changed after it was applied"):
        applied_by((ledger(ForeignRow(1, "1", checksum="other")),), files, "staging")
