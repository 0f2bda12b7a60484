from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.view.offline_plan import preview_of_files, preview_of_new
from ctgitops.core.view.verdict import exit_status
from tests.fakes import STAGING, migration, seed, workspace

NAMES = ("001_one", "002_two", "003_three", "004_four")
WORK = workspace(
    *(migration(name, f"1.{number}.0") for number, name in enumerate(NAMES)), seeds=(seed("seeds/staging/1.sql"),)
)
PATHS = [*(f"migrations/{name}.sql" for name in NAMES), "seeds/staging/1.sql"]


@settings(deadline=None)
@given(st.sets(st.sampled_from(PATHS)))
def test_exactly_what_changes_is_pending(changed: set[str]) -> None:
    plan = preview_of_files(WORK, STAGING, changed, "why").plan
    pending = {step.script.path for step in plan.steps} | {s.name for s in plan.seeds}
    assert pending == changed
    assert "ledger-tampered" not in {p.code for p in plan.problems}
    (told,) = [p for p in plan.problems if p.code == "not-looked"]
    assert "no database was read: why" in told.what
    assert not told.blocks


def test_a_changed_rollback_makes_its_migration_pending() -> None:
    plan = preview_of_files(WORK, STAGING, {"migrations/004_four.down.sql"}, "why").plan
    assert [step.name for step in plan.steps] == ["004_four"]


def test_what_comes_before_a_merged_one_is_out_of_order() -> None:
    plan = preview_of_files(WORK, STAGING, {"migrations/002_two.sql"}, "why").plan
    assert "out-of-order" in {p.code for p in plan.problems if p.blocks}


def test_a_new_environment_is_an_empty_database_and_says_so() -> None:
    preview = preview_of_new(WORK, STAGING)
    assert preview.plan.steps == make_plan(WORK, STAGING, Ledger()).steps
    assert [p.what for p in preview.plan.problems if p.code == "not-looked"] == [
        "`staging` is a new environment, so its database was not read: the plan is for an empty database"
    ]
    assert exit_status((preview,)) == 0
