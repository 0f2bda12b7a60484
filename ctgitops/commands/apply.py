"""The command `apply`. Applies a plan to one environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.gate.gate import with_warnings
from ..core.plan.plan import make_plan
from ..core.run.outcome import Outcome, Status
from .applying.prediction import check_open_predictions
from .measuring.load_watch import LoadWatch
from .planning.applied_elsewhere import with_unchangeable_headers
from .planning.other_ledger import with_other_ledger

if TYPE_CHECKING:
    from ..core.gate.request import Request
    from ..core.ledger.ledger import Ledger
    from ..core.plan.plan import Plan
    from ..core.run.progress import Listener
    from ..ports.backups import Backups
    from ..ports.database import Database, Databases
    from ..ports.shadow import Shadows


def apply(
    request: Request, *, databases: Databases, backups: Backups, tell: Listener, shadows: Shadows | None = None
) -> Outcome:
    """Plans again under the run lock, checks the gates, takes a backup, and runs the plan step by step.

    Refuses a blocked plan, and a plan for which a gate gives a reason to wait. Findings of severity error stop the
    apply if the request says so. Otherwise, the outcome repeats them. First checks the open predictions of earlier
    runs. At the end, compares the resulting schema with the prediction of the request or, with `shadows`, with that of
    a trial. Without the run lock, then measures the load as `performance` in the manifest says.
    """
    database = databases.of(request.environment)
    load = LoadWatch(request, databases, shadows, tell)
    with database.exclusively(request, tell) as session:
        ledger, earlier_mismatch = check_open_predictions(request, database, session, tell)
        plan = _planned(request, database, ledger, databases)
        if plan.blocked or (request.refuses_findings and plan.error_findings):
            return Outcome(plan, Status.BLOCKED)
        if plan.empty:
            return Outcome(plan, Status.UP_TO_DATE, mismatch=earlier_mismatch)
        from .applying.execution import Execution, PlanWork

        execution = Execution(request, session, databases, backups, shadows, load, tell)
        outcome = execution.of(PlanWork(plan, ledger, earlier_mismatch))
    return load.reported(outcome)


def _planned(request: Request, database: Database, ledger: Ledger, databases: Databases) -> Plan:
    """Makes the same plan as the command `plan`, without a trial. Read-only."""
    plan = with_warnings(make_plan(request.workspace, request.environment, ledger, request.target), request)
    plan = with_unchangeable_headers(with_other_ledger(plan, request, ledger, database), request, databases)
    if plan.blocked or plan.empty:
        return plan
    from .planning.live_schema import with_findings

    return with_findings(plan, request, database)[0]
