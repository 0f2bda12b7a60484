"""What the entries of a ledger say together: what is applied, unfinished and seeded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.ledger.ledger import CHANGES_NOTHING, Entry, Ledger, Mark
from tests.fakes import chained, entry, migration, seed_entry

ONE, TWO = migration("001_one", "1.0.0"), migration("002_two", "1.1.0", down=None)


def test_the_entry_of_a_file_has_its_text_version_and_rollback() -> None:
    made = Entry.of_file(Mark.BASELINED, ONE, "why")
    assert ONE.down
    assert made == Entry(Mark.BASELINED, "001_one", 1, "1.0.0", ONE.checksum, ONE.up.sql, ONE.down.sql, error="why")
    bare = Entry.of_file(Mark.APPLIED, migration("003_three", down=None))
    assert (bare.version, bare.rollback_sql, bare.error) == (None, None, None)
    assert bare.schema_version is None
    assert str(made.schema_version) == "1.0.0"


@pytest.mark.parametrize("mark", Mark)
def test_which_entry_leaves_a_migration_applied(mark: Mark) -> None:
    newest = entry(ONE, mark)
    applies = mark in {Mark.APPLIED, Mark.BASELINED, Mark.REPAIRED}
    assert newest.marks_applied is applies
    assert (1 in chained(newest).applied) is applies
    after = chained(entry(ONE), newest)
    assert (1 in after.applied) is (mark is not Mark.ROLLED_BACK)
    assert (1 in after.unfinished) is (mark is Mark.STARTED)
    assert (1 in chained(entry(ONE, Mark.STARTED), newest).unfinished) is (mark in {*CHANGES_NOTHING, Mark.STARTED})
    undone = replace(entry(ONE, Mark.REPAIRED), checksum=None)
    assert not undone.marks_applied
    assert 1 not in chained(entry(ONE), undone).applied


def test_order_version_and_last() -> None:
    ledger = chained(entry(TWO), entry(ONE), entry(TWO, Mark.REPAIRED), seed_entry("a.sql", "a"))
    assert list(ledger.applied) == [1, 2]
    assert [e.number for e in ledger.in_order] == [2, 1]
    assert ledger.applied[2].mark is Mark.REPAIRED
    assert str(ledger.version) == "1.1.0"
    assert ledger.last is ledger.entries[-1]
    assert (Ledger().last, Ledger().version, Ledger().in_order) == (None, None, ())


def test_the_last_completed_run_of_a_seed_file_counts() -> None:
    failed = replace(seed_entry("a.sql", "c"), mark=Mark.FAILED)
    ledger = chained(seed_entry("a.sql", "a"), seed_entry("b.sql", "b"), seed_entry("a.sql", "a2"), failed, entry(ONE))
    assert ledger.seeded == {"a.sql": "a2", "b.sql": "b"}
