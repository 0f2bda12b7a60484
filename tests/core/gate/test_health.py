"""What a health result means before and after an apply, and the advice how to roll back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ctgitops.core.environment.apply_policy import ApplyPolicy, Health, OnFailure
from ctgitops.core.gate.health import HealthResult, HealthState, reasons_of_health, stopped_watching, unhealthy_error
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import Plan, make_plan
from ctgitops.errors import Place
from ctgitops.sql.script import Script
from tests.fakes import STAGING, migration, seed, workspace

HEALTH = Health(Script("select true", "environments/staging.yaml", 9), within=timedelta(seconds=90))
WELL, UNWELL = HealthResult(HealthState.WELL), HealthResult(HealthState.UNWELL, "returned f instead of true")
UNKNOWN = HealthResult(HealthState.UNKNOWN, "no such table")
FILES = tuple(migration(f"{n:03}_m") for n in range(1, 5))
SEEDS = (seed("seeds/a.sql"),)


def plan_of(count: int, on_failure: OnFailure = OnFailure.STOP, *, seeded: bool = False) -> Plan:
    environment = replace(STAGING, apply_policy=ApplyPolicy(on_failure=on_failure, health=HEALTH))
    return make_plan(workspace(*FILES[:count], seeds=SEEDS if seeded else ()), environment, Ledger())


def test_only_what_is_well_lets_an_apply_begin() -> None:
    assert list(reasons_of_health(WELL, STAGING)) == []
    for result in (UNWELL, UNKNOWN):
        (reason,) = reasons_of_health(result, STAGING)
        assert (reason.gate, reason.expected) == ("health", False)
        assert result.said in reason.what


def test_what_is_well_afterwards_is_not_an_error() -> None:
    assert unhealthy_error(WELL, HEALTH, plan_of(1)) is None


@pytest.mark.parametrize("on_failure", OnFailure)
def test_an_error_names_what_was_applied_and_how_to_roll_it_back_unless_the_run_does(on_failure: OnFailure) -> None:
    command = "`ctgitops rollback --env staging --steps 2`"
    unwell, unknown = (unhealthy_error(each, HEALTH, plan_of(2, on_failure)) for each in (UNWELL, UNKNOWN))
    assert unwell
    assert unknown
    assert "no longer true: it returned f instead of true" in unwell.what
    assert "could not run at the end of the 90 s: no such table" in unknown.what
    assert (command in unwell.hint) is (on_failure is OnFailure.STOP)
    assert command in unknown.hint, "a run rolls back only what it knows to be unhealthy"
    for error in (unwell, unknown):
        assert error.place == Place("environments/staging.yaml", 9)
        assert error.state == "001_m, 002_m applied in staging"
        assert error.applied == ("001_m", "002_m")
    assert (unwell.on_record, unknown.on_record) == (True, False)


def test_only_a_migration_with_rollback_sql_can_be_rolled_back() -> None:
    def hint(plan: Plan) -> str:
        error = unhealthy_error(UNWELL, HEALTH, plan)
        assert error
        return error.hint

    stuck = make_plan(workspace(FILES[0], migration("002_m", down=None)), STAGING, Ledger())
    assert "002_m is irreversible" in hint(stuck)
    passed = migration("002_m", down=None, sql="select record_migration('002_m', rollback_sql => 'drop table t2;');")
    assert "--steps 2" in hint(make_plan(workspace(FILES[0], passed), STAGING, Ledger()))
    assert "only seed files" in hint(plan_of(0, seeded=True))
    assert "--steps 1`" in hint(plan_of(1, seeded=True))


@pytest.mark.parametrize(
    ("count", "seeded", "state"),
    [
        (1, True, "001_m, seeds/a.sql"),
        (3, False, "001_m, 002_m, 003_m"),
        (3, True, "001_m to seeds/a.sql (4 in all)"),
        (4, True, "001_m to seeds/a.sql (5 in all)"),
    ],
)
def test_a_run_that_is_stopped_while_it_watches_has_applied_all(count: int, state: str, *, seeded: bool) -> None:
    plan = plan_of(count, seeded=seeded)
    error = stopped_watching(plan)
    assert error.state.startswith(f"{state} applied in staging; ")
    assert error.applied == (*(step.name for step in plan.steps), *(each.name for each in plan.seeds))
