from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from ctgitops.commands.drift import read_while_idle
from ctgitops.core.activity.lock_holder import Holder
from ctgitops.core.ledger.ledger import Mark
from ctgitops.core.schema.snapshot import Snapshot
from ctgitops.errors import LedgerError, MustWaitError
from tests.fakes import NOW, Diary, DiaryDatabase, chained, entry, migration

ONE, TWO = migration("001_one"), migration("002_two")
SOMEBODY = Holder(7, NOW, "deployer", "ctgitops/lock", "10.0.0.1", actor="anna")


@dataclass
class Busy(DiaryDatabase):
    """A database to which a run adds an entry after each of the first looks at its schema."""

    reads: int = 0

    def snapshot(self) -> Snapshot:
        seen = super().snapshot()
        if self.reads:
            self.reads -= 1
            self._add(replace(entry(TWO), error=str(self.reads)))
        return seen


def busy(reads: int, *marks: Mark, holder: Holder | None = SOMEBODY) -> Busy:
    ledger = chained(entry(ONE), *(entry(TWO, mark) for mark in marks))
    return Busy(Diary({"staging": ledger}, holder=holder), "staging", reads=reads)


def test_p36_a_schema_that_changed_while_it_was_looked_at_is_looked_at_again() -> None:
    """Seen to fail without the second look at the ledger: the schema was that of another moment."""
    database = busy(2)
    ledger, _ = read_while_idle(database, "staging")
    assert len(ledger.entries) == 3
    assert database.diary.lines.count("snapshot staging") == 3


@pytest.mark.parametrize(("reads", "marks"), [(9, ()), (0, (Mark.STARTED,))])
def test_p36_while_a_run_is_at_work_no_drift_is_told(reads: int, marks: tuple[Mark, ...]) -> None:
    with pytest.raises(MustWaitError, match="a run is changing staging, so") as told:
        read_while_idle(busy(reads, *marks), "staging")
    assert "run by anna" in told.value.what


def test_what_a_run_left_unfinished_is_no_drift_either() -> None:
    with pytest.raises(LedgerError, match="002_two is unfinished in staging"):
        read_while_idle(busy(0, Mark.STARTED, holder=None), "staging")
