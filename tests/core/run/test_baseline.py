"""A baseline: which migrations it records, which ledger refuses it, and the entries that it writes."""

from __future__ import annotations

import pytest

from ctgitops.core.ledger.drift_acceptance import NAME, accepted_in
from ctgitops.core.ledger.ledger import CHANGES_NOTHING, Ledger, Mark
from ctgitops.core.migration.selector import Selector
from ctgitops.core.run.baseline import Baseline, TakeOver, baseline_blocker, entries, refuse_history, taken_over
from ctgitops.core.schema.compare import Added
from ctgitops.core.schema.snapshot import SchemaObject
from ctgitops.errors import LedgerError, UsageError
from tests.fakes import NOW, chained, entry, migration, request, seed_entry, workspace

ONE, TWO, FOUR = migration("001_one", "1.0.0"), migration("002_two", "1.1.0"), migration("004_four", "1.2.0")
WORK = workspace(ONE, TWO, FOUR)
CHANGES = (Added(SchemaObject("table", "public.t")),)


def test_all_migrations_up_to_a_number_are_taken_over() -> None:
    assert [m.name for m in taken_over(WORK, 2)] == ["001_one", "002_two"]
    assert taken_over(WORK, 4) == (ONE, TWO, FOUR)
    for missing in (0, 3, 5):
        with pytest.raises(UsageError, match=f"migration {missing:03} does not exist") as refused:
            taken_over(WORK, missing)
        assert refused.value.hint == "the files have: 001, 002, 004"
    with pytest.raises(UsageError) as refused:
        taken_over(workspace(), 1)
    assert refused.value.hint.endswith("none")


def test_a_number_is_taken_as_it_is_and_a_selector_is_looked_up_in_the_files() -> None:
    def number(text: str) -> int:
        selector = Selector.parse(text)
        assert selector
        return TakeOver(selector).among(WORK.migrations)

    assert TakeOver(3).among(WORK.migrations) == 3
    assert {text: number(text) for text in ("2", "002_two", "1.1.0", "latest")} == {
        "2": 2,
        "002_two": 2,
        "1.1.0": 2,
        "latest": 4,
    }
    with pytest.raises(UsageError, match="among the files"):
        number("3")


@pytest.mark.parametrize("mark", Mark)
def test_only_an_entry_that_records_a_change_refuses_a_baseline(mark: Mark) -> None:
    ledger = chained(entry(ONE, Mark.BASELINED), entry(ONE, Mark.FAILED), entry(TWO, mark), entry(FOUR))
    harmless = mark in {*CHANGES_NOTHING, Mark.BASELINED}
    assert baseline_blocker(ledger) == ledger.entries[3 if harmless else 2]
    name = "004_four applied" if harmless else f"002_two {mark.replace('-', ' ')}"
    with pytest.raises(LedgerError, match=name) as refused:
        refuse_history(ledger, "staging")
    assert refused.value.state == "nothing was changed"
    assert "ctgitops status --env staging" in refused.value.hint


def test_a_baseline_may_be_repeated_and_a_seed_file_refuses_it() -> None:
    for ledger in (Ledger(), chained(entry(ONE, Mark.BASELINED), entry(TWO, Mark.FAILED))):
        refuse_history(ledger, "staging")
    assert baseline_blocker(chained(seed_entry("a.sql", "a"))) is not None


def test_the_first_entry_has_the_accepted_differences_and_one_follows_for_each_migration() -> None:
    baseline = Baseline("staging", ("001_one", "002_two"), CHANGES, reason="it is older")
    written = entries(request(WORK), (ONE, TWO), baseline, "f1")
    assert [(e.name, e.number, e.checksum) for e in written] == [
        (NAME, None, "f1"),
        ("001_one", 1, ONE.checksum),
        ("002_two", 2, TWO.checksum),
    ]
    assert {(e.mark, e.error, e.started_at, e.finished_at) for e in written} == {
        (Mark.BASELINED, "it is older", NOW, NOW)
    }
    ledger = chained(*written)
    assert accepted_in(ledger) == CHANGES
    assert list(ledger.applied) == [1, 2]


def test_a_baseline_without_migrations_failed() -> None:
    assert Baseline("staging", ("001_one",), CHANGES).exit_status == 0
    assert Baseline("staging", (), CHANGES).exit_status == 1
