"""What a run takes back of itself: what it applied, and a migration whose verify query is not true."""

from __future__ import annotations

from dataclasses import replace

from ctgitops.core.ledger.ledger import Mark
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.run.auto_rollback import (
    Checkpoint,
    applied_since,
    as_applied,
    make_auto_rollback,
    seeded_since,
)
from tests.fakes import STAGING, chained, entry, migration, seed_entry, workspace

ONE, TWO, THREE = (migration(name) for name in ("001_one", "002_two", "003_three"))
BEFORE = Checkpoint(1, 0)


def test_only_what_this_run_applied_is_taken_back_newest_first() -> None:
    ledger = chained(entry(ONE), entry(TWO), entry(THREE))
    assert [each.name for each in applied_since(BEFORE, ledger)] == ["003_three", "002_two"]
    plan = make_auto_rollback(STAGING, ledger, BEFORE, "its health is bad")
    assert [step.name for step in plan.steps] == ["003_three", "002_two"]
    assert plan.why == "rolled back automatically: its health is bad"


def test_only_seed_files_of_this_run_are_named() -> None:
    ledger = chained(seed_entry("seeds/a.sql", "a"), seed_entry("seeds/b.sql", "b"), entry(ONE))
    assert seeded_since(BEFORE, ledger) == ("seeds/b.sql",)


def test_a_migration_whose_verify_query_is_not_true_is_recorded_so_that_it_can_be_taken_back() -> None:
    step = make_plan(workspace(ONE), STAGING, chained()).steps[0]
    recorded = as_applied(step, "its verify query is not true")
    assert (recorded.mark, recorded.name, recorded.number) == (Mark.REPAIRED, "001_one", 1)
    assert (recorded.checksum, recorded.sql) == (ONE.checksum, ONE.up.sql)
    assert ONE.down is not None
    assert recorded.rollback_sql == ONE.down.sql
    assert "its verify query is not true" in (recorded.error or "")


def test_an_entry_that_is_appended_continues_the_chain() -> None:
    ledger = chained().with_entries(entry(ONE)).with_entries(replace(entry(TWO), error="why"))
    assert [each.id for each in ledger.entries] == [1, 2]
    assert ledger.entries[1].previous_hash == ledger.entries[0].hash
    assert ledger.broken_at() is None
    assert ledger == chained(entry(ONE), replace(entry(TWO), error="why"))
