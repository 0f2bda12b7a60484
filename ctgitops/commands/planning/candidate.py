"""Plans an environment with the files of one branch or tag. Checks the gates, but makes no trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.gate.gate import reasons_to_wait
from ...core.plan.plan import make_plan
from ...core.run.continuation import DeployCandidate, failed_in

if TYPE_CHECKING:
    from ...core.gate.request import Request
    from ...ports.database import Databases


def candidate_of(ref: str, sha: str, request: Request, *, databases: Databases) -> DeployCandidate:
    """Plans the files at the branch or tag `ref`, and adds the reasons to wait. Read-only. Raises CtgitopsError."""
    ledger = databases.of(request.environment).ledger()
    plan = make_plan(request.workspace, request.environment, ledger, request.target)
    if plan.blocked or plan.empty:
        return DeployCandidate(ref, sha, plan)
    reasons = reasons_to_wait(plan, request, databases.predecessor(request))
    return DeployCandidate(ref, sha, plan, reasons, failed_in(plan, ledger))
