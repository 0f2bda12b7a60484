"""The command `status`. Shows the migrations and the last run of every environment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from ..core.environment.environment import Environment
from ..core.gate.gate import Unreadable
from ..core.ledger.ledger import Ledger
from ..core.view.status import EnvironmentStatus, status_of
from ..core.workspace.workspace import Workspace
from ..errors import CtgitopsError
from ..ports.database import Databases


def status(
    workspace: Workspace, environments: tuple[Environment, ...], *, databases: Databases
) -> tuple[EnvironmentStatus, ...]:
    """Reads all environments in parallel. For an unreachable environment, the result has the error. Read-only."""

    def read_status(environment: Environment) -> EnvironmentStatus:
        return status_of(workspace, environment, _ledger(environment, databases))

    with ThreadPoolExecutor(max_workers=8) as pool:
        return tuple(pool.map(read_status, environments))


def _ledger(environment: Environment, databases: Databases) -> Ledger | Unreadable:
    try:
        return databases.of(environment).ledger()
    except CtgitopsError as error:
        return Unreadable(error.what, error.exit_status, error.hint)
