"""Previews, outcomes and statuses for report tests: three migrations for two environments."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

from ctgitops.core.environment.environment import BackupPolicy, Environment
from ctgitops.core.environment.window import Window
from ctgitops.core.gate.gate import Predecessor, reasons_to_wait
from ctgitops.core.gate.request import Origin
from ctgitops.core.ledger.ledger import Ledger, Mark
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.plan.rollback import last_entries, make_rollback
from ctgitops.core.run.outcome import Done, Outcome, Status
from ctgitops.core.trial.trial import Trial
from ctgitops.core.view.preview import NotPlanned, PlanResult, Preview
from ctgitops.core.workspace.workspace import Workspace
from ctgitops.errors import LedgerError, Place
from tests.fakes import POINT, PRODUCTION, STAGING, chained, entry, migration, receipt, request, seed, workspace

ORIGIN = Origin("anna", "4be1c07d9a51", 42, "https://github.com/constructtrack/database/actions/runs/11829")

ONE = migration("001_initial_schema", "1.0.0", Description="Organisations, people and projects")
TWO = migration("002_route_notes", "1.1.0", Description="Notes on cable routes", Impact="creates a table; nobody waits")
INDEX = migration(
    "003_route_index",
    "1.1.1",
    sql="CREATE INDEX CONCURRENTLY routes_idx ON routes (status);\n",
    Description="Routes by status",
    Estimated_Execution_Time="1 minute",
)
DROP = migration(
    "004_drop_legacy_status",
    "2.0.0",
    sql="ALTER TABLE work_orders DROP COLUMN legacy_status;\n",
    down=None,
    Description="One status for work orders",
    Breaking_Changes="Yes",
    Rollback="Not Available",
    Impact="readers and writers of work_orders wait for milliseconds",
)
SEED = seed("seeds/staging/010_people.sql")
WORK = replace(workspace(ONE, TWO, INDEX, DROP), seeds={"staging": (SEED,)})

PRODUCTION_WITH_ALL = replace(
    PRODUCTION,
    bake=timedelta(hours=24),
    windows=(Window(frozenset({"tue", "wed"}), time(2), time(5), "America/New_York"),),
    backup=BackupPolicy("backups/production", ("public.projects",)),
)


def result(work: Workspace, environment: Environment, ledger: Ledger, predecessor: Predecessor = None) -> Preview:
    """What the verb `plan` gives."""
    plan = make_plan(work, environment, ledger)
    if plan.blocked or plan.empty:
        return Preview(environment, plan)
    tried = Trial("17.6", tried=tuple(step.name for step in plan.steps))
    return Preview(environment, plan, reasons_to_wait(plan, request(work, environment), predecessor), proof=tried)


HAS_TWO = chained(entry(ONE), entry(TWO))
HAS_ONE = chained(entry(ONE))

READY: tuple[PlanResult, ...] = (result(WORK, STAGING, HAS_TWO), result(WORK, PRODUCTION_WITH_ALL, HAS_ONE, HAS_TWO))

EDITED_LEDGER = chained(replace(entry(ONE), sql=ONE.up.sql.replace("bigint", "integer"), checksum="sha256:before"))
BLOCKED: tuple[PlanResult, ...] = (
    result(replace(WORK, seeds=None), STAGING, EDITED_LEDGER),
    NotPlanned(
        PRODUCTION,
        LedgerError(
            "cannot reach the database of production: connection refused",
            place=Place("environments/production.yaml", 3),
            hint="is PRODUCTION_DATABASE_URL still right?",
        ),
    ),
)

NOTHING: tuple[PlanResult, ...] = (result(workspace(ONE), STAGING, HAS_ONE),)

APPLIED = Outcome(
    READY[1].plan if isinstance(READY[1], Preview) else make_plan(WORK, PRODUCTION, HAS_ONE),
    Status.APPLIED,
    (Done("002_route_notes", 12), Done("003_route_index", 61_480), Done("004_drop_legacy_status", 8)),
    receipt=receipt(),
    recovery_point=POINT,
)
WAITING = replace(
    APPLIED,
    status=Status.WAITING,
    done=(),
    receipt=None,
    recovery_point=None,
    reasons=READY[1].reasons if isinstance(READY[1], Preview) else (),
)
REFUSED = Outcome(make_plan(replace(WORK, seeds=None), STAGING, EDITED_LEDGER), Status.BLOCKED)
BACK = Outcome(
    make_rollback(STAGING, HAS_TWO, last_entries(HAS_TWO, 1)), Status.ROLLED_BACK, (Done("002_route_notes", 9),)
)
UP_TO_DATE = Outcome(make_plan(workspace(ONE), STAGING, HAS_ONE), Status.UP_TO_DATE)

MIXED_LEDGER = chained(entry(ONE), entry(TWO), entry(INDEX, Mark.STARTED), entry(DROP, Mark.FAILED, error="no"))
