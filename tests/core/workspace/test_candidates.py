"""Which file belongs to a ledger entry, and which names select a migration."""

from __future__ import annotations

from dataclasses import replace

from ctgitops.core.ledger.ledger import Mark
from ctgitops.core.migration.selector import Candidate
from ctgitops.core.workspace.candidates import by_number, file_of, of_all, of_files, of_ledger
from tests.fakes import chained, entry, migration, seed_entry

ONE, TWO = migration("001_one", "1.0.0"), migration("002_two", "1.1.0")
SAME = migration("002_same", "1.2.0")
RENAMED = replace(TWO, name="002_renamed")


def test_the_name_decides_then_the_checksum_then_the_order() -> None:
    assert file_of((), entry(TWO)) is None
    assert file_of((SAME, TWO), None) is SAME
    assert file_of((SAME, TWO), entry(TWO)) is TWO
    assert file_of((SAME, RENAMED), entry(TWO)) is RENAMED
    assert file_of((RENAMED, TWO), entry(TWO)) is TWO
    assert file_of((SAME, ONE), entry(TWO)) is SAME


def test_each_number_has_the_file_of_its_newest_entry() -> None:
    files = (ONE, SAME, TWO)
    assert by_number(files, ()) == {1: ONE, 2: SAME}
    assert by_number(files, (entry(SAME), entry(TWO))) == {1: ONE, 2: TWO}
    assert by_number(files, (entry(TWO), entry(SAME), seed_entry("a.sql", "a"))) == {1: ONE, 2: SAME}


def test_a_migration_is_selected_by_the_name_in_the_ledger_and_by_that_of_its_renamed_file() -> None:
    one, two = (Candidate(m.number, m.name, m.version) for m in (ONE, TWO))
    assert of_files((ONE, TWO)) == (one, two)
    entries = (entry(ONE), seed_entry("a.sql", "a"), entry(TWO))
    assert of_ledger(entries, ()) == (one, two)
    assert of_ledger(entries, (RENAMED,)) == (one, Candidate(2, "002_renamed", TWO.version), two)
    assert of_ledger(entries, (SAME,)) == (one, two)
    assert of_all(chained(entry(TWO, Mark.ROLLED_BACK), seed_entry("a.sql", "a")), (ONE,)) == (one, two)
