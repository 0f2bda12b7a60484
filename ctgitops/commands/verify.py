"""The command `verify`. Checks the database against the ledger and the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.plan.plan import worst_first
from ..core.view.constraint_check import deep_problems
from ..core.view.preview import NotPlanned
from ..core.view.verify import Verified, VerifyResult, findings, queries_of
from ..errors import CtgitopsError
from .applying.in_step import current_ledger

if TYPE_CHECKING:
    from ..core.gate.request import Request
    from ..ports.database import Databases


def verify(requests: tuple[Request, ...], *, databases: Databases, deep: bool = False) -> tuple[VerifyResult, ...]:
    """Verifies each environment. For an unreadable environment, the result is the error. Read-only.

    `deep` also reads whole tables, and finds rows that violate a constraint.
    """
    return tuple(_result(request, databases, deep=deep) for request in requests)


def _result(request: Request, databases: Databases, *, deep: bool) -> VerifyResult:
    environment, workspace = request.environment, request.workspace
    try:
        database = databases.of(environment)
        ledger = current_ledger(request, database)
        queries = queries_of(workspace, ledger)
        found = findings(workspace, environment, ledger, database.snapshot(), database.refuted(queries))
        checked = database.checked() if deep else ()
        found = worst_first((*found, *deep_problems(checked)))
    except CtgitopsError as error:
        return NotPlanned(environment, error)
    return Verified(environment, found, len(ledger.applied), len(queries), len(checked) if deep else None)
