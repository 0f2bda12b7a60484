"""The command `status`. Shows the migrations, the last run and the current run of every environment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from ..core.environment.environment_order import in_order_of_after
from ..core.gate.gate import Predecessor, Unreadable
from ..core.view.queue import QueuedApply, in_order, queued
from ..core.view.status import EnvironmentStatus, pending_in, status_of
from ..errors import CtgitopsError
from ..lazy import dataclass
from .applying.in_step import current_ledger
from .watch import measuring

if TYPE_CHECKING:
    from ..core.activity.run_activity import RunActivity
    from ..core.gate.request import Request
    from ..core.ledger.ledger import Ledger
    from ..core.performance.record import Measuring
    from ..ports.database import Databases


@dataclass(frozen=True)
class _Read:
    ledger: Ledger | Unreadable
    run: RunActivity | None = None
    measuring: Measuring | None = None


def status(requests: tuple[Request, ...], *, databases: Databases) -> tuple[EnvironmentStatus, ...]:
    """Reads all environments in parallel. The row of an unreachable environment has the error. Read-only."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        reads = dict(
            zip((r.environment.name for r in requests), pool.map(lambda r: _read(r, databases), requests), strict=True)
        )
    waiting = {
        request.environment.name: place
        for request in requests
        if (place := _queued(request, reads, databases)) is not None
    }
    order = [each.name for each in in_order_of_after(tuple(request.environment for request in requests))]
    queue = in_order(waiting, order)
    return tuple(_status(request, reads[request.environment.name], queue) for request in requests)


def _status(request: Request, read: _Read, queue: dict[str, QueuedApply]) -> EnvironmentStatus:
    found = status_of(request.workspace, request.environment, read.ledger)
    return replace(found, run=read.run, measuring=read.measuring, queued=queue.get(request.environment.name))


def _read(request: Request, databases: Databases) -> _Read:
    try:
        database = databases.of(request.environment)
        with database.observed() as look:
            ledger, run = current_ledger(request, database), look()
        return _Read(ledger, run, None if run else measuring(request.environment, databases=databases))
    except CtgitopsError as error:
        return _Read(Unreadable(error.what, error.exit_status, error.hint))


def _queued(request: Request, reads: dict[str, _Read], databases: Databases) -> QueuedApply | None:
    """The environment's place in the queue. None if nothing is pending, or if its ledger could not be read."""
    ledger = reads[request.environment.name].ledger
    if isinstance(ledger, Unreadable):
        return None
    pending = pending_in(request.workspace, request.environment, ledger)
    changed = [s for s in request.workspace.seeds_of(request.environment) if ledger.seeded.get(s.name) != s.checksum]
    if not pending and not changed:
        return None
    return queued(request, pending, ledger, _predecessor(request, reads, databases))


def _predecessor(request: Request, reads: dict[str, _Read], databases: Databases) -> Predecessor:
    name = request.environment.after
    return reads[name].ledger if name in reads else databases.predecessor(request)
