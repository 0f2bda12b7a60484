"""The command `verify`: checks the database against the ledger and the files."""

from __future__ import annotations

from ..core.preview import Unseen
from ..core.request import Request
from ..core.verify import Verified, VerifyLook, findings, queries_of
from ..errors import CtgitopsError
from ..ports import Databases


def verify(requests: tuple[Request, ...], *, databases: Databases) -> tuple[VerifyLook, ...]:
    """Look at each environment; one that could not be looked at is an error, never a sound one. Read-only."""
    return tuple(_look(request, databases) for request in requests)


def _look(request: Request, databases: Databases) -> VerifyLook:
    environment, workspace = request.environment, request.workspace
    try:
        database = databases.of(environment)
        ledger = database.ledger()
        queries = queries_of(workspace, ledger)
        found = findings(workspace, environment, ledger, database.snapshot(), database.refuted(queries))
    except CtgitopsError as error:
        return Unseen(environment, error)
    return Verified(environment, found, len(ledger.applied), len(queries))
