"""What another tool did since the last run, for a ledger that is kept in step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.environment.layout import Layout, LayoutName
from ctgitops.core.environment.policy import Policy
from ctgitops.core.ledger.foreign_ledger import ForeignLedger, ForeignRow
from ctgitops.core.ledger.in_step import begin_in_step, end_in_step, table_in_step
from ctgitops.core.ledger.ledger import Ledger, Mark
from ctgitops.core.migration.tool_record import ToolRecord
from ctgitops.core.run.in_step import entries_of_tool, ledger_in_step
from ctgitops.errors import LedgerError
from tests.fakes import chained, entry, migration, request, workspace

GOOSE = Policy(layout=Layout(LayoutName.GOOSE, "db"))
FILES = tuple(
    replace(migration(name), record=ToolRecord(name[2], ("sum",))) for name in ("001_one", "002_two", "003_x")
)
REQUEST = request(workspace(*FILES, policy=GOOSE))


def rows(*numbers: int, all_before: bool = False, **fields: object) -> ForeignLedger:
    found = tuple(replace(ForeignRow(number, str(number)), **fields) for number in numbers)  # type: ignore[arg-type]
    return ForeignLedger("goose", "goose", "public.goose_db_version", found, all_before)


def did(ledger: Ledger, foreign: ForeignLedger) -> list[str]:
    return [f"{each.name} {each.mark}" for each in entries_of_tool(ledger, foreign, REQUEST)]


def test_what_the_tool_applied_is_baselined_and_what_it_reverted_is_rolled_back() -> None:
    ledger = chained(entry(FILES[0]), entry(FILES[1]))
    assert did(ledger, rows(1, 2)) == []
    assert did(ledger, rows(1, 2, 3)) == ["003_x baselined"]
    assert did(ledger, rows(1, 3)) == ["003_x baselined", "002_two rolled-back"]
    assert did(ledger, rows()) == ["002_two rolled-back", "001_one rolled-back"]
    after = ledger.with_entries(*entries_of_tool(ledger, rows(1, 3), REQUEST))
    assert list(after.applied) == [1, 3]
    assert after.broken_at() is None
    assert did(after, rows(1, 3)) == []


def test_a_tool_with_one_row_has_not_applied_a_late_migration() -> None:
    ledger = chained(entry(FILES[0]), entry(FILES[2]))
    assert did(ledger, rows(3, all_before=True)) == []
    assert did(ledger, rows(1, all_before=True)) == ["003_x rolled-back"]


@pytest.mark.parametrize(
    ("foreign", "said"),
    [
        (rows(1, 9), "9 is applied, but has no file"),
        (rows(1, complete=False), "1 is recorded as failed or unfinished"),
        (rows(1, 2, checksum="other"), "002_two was changed after it was applied"),
    ],
)
def test_a_contradiction_is_refused(foreign: ForeignLedger, said: str) -> None:
    with pytest.raises(LedgerError, match=said):
        entries_of_tool(chained(entry(FILES[0])), foreign, REQUEST)


def test_a_migration_that_ctgitops_has_begun_is_not_taken_over() -> None:
    with pytest.raises(LedgerError, match="002_two is recorded as applied, but ctgitops has begun it"):
        entries_of_tool(chained(entry(FILES[0]), entry(FILES[1], Mark.STARTED)), rows(1, 2), REQUEST)


def test_the_newest_entry_says_which_table_is_kept_in_step() -> None:
    begun = chained(begin_in_step(rows(1)))
    assert table_in_step(Ledger()) == ""
    assert table_in_step(begun) == "public.goose_db_version"
    assert table_in_step(begun.with_entries(end_in_step("public.goose_db_version"))) == ""
    assert ledger_in_step(begun, (rows(1),), REQUEST) == rows(1)
    with pytest.raises(LedgerError, match="has no ledger of a migration tool with this name") as missing:
        ledger_in_step(begun, (), REQUEST)
    assert "ctgitops baseline --env staging --no-keep-in-step" in missing.value.hint
    with pytest.raises(LedgerError, match="the policy's layout is ctgitops"):
        ledger_in_step(begun, (rows(1),), request(workspace(*FILES)))
