"""A database while this run holds the run lock. A migration and its ledger entry commit or roll back together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ...core.environment.given import NOTIFICATIONS
from ...core.ledger.safeguards import Safeguards
from ...core.run.auto_rollback import Checkpoint
from ..ledger.in_step import InStep
from ..ledger.recovery_point import take_recovery_point
from ..nontransactional.run_context import Run
from ..nontransactional.stepwise import Stepwise
from ..transaction.execute import part_of
from ..transaction.row_guard import RowGuard, oldest_transaction
from .data_loss import count_losses
from .failure_report import FailureReport
from .health import probe, watch
from .ledger_writer import LedgerWriter
from .lock_retry import Attempt, Attempts
from .migration_connection import MigrationConnection, RunState
from .owned_objects import OwnedObjects
from .plan_run import PlanRun
from .preflight import Preflight

if TYPE_CHECKING:
    from ...core.activity.session_leak import SessionLeak
    from ...core.environment.apply_policy import Health
    from ...core.gate.data_loss import CountedLoss, Loss
    from ...core.gate.gate import Reason
    from ...core.gate.health import HealthResult
    from ...core.gate.request import Request
    from ...core.ledger.foreign_ledger import ForeignLedger
    from ...core.ledger.ledger import Entry, Ledger
    from ...core.ledger.resumption import ProgressState
    from ...core.migration.migration import Migration, Seed
    from ...core.plan.plan import Plan, Step
    from ...core.recovery_point import RecoveryPoint
    from ...core.run.progress import Listener
    from ...errors import ApplyError
    from ..connection.connect import Address, Connection
    from ..lock.run_lock import Lease


class WorkSession:
    """Implements `ports.database.Session`. `open_connection` opens a connection for migrations."""

    def __init__(  # noqa: PLR0913 - a session has these parts
        self,
        address: Address,
        request: Request,
        *,
        open_connection: Callable[[], Connection],
        lease: Lease,
        tell: Listener,
        first_ledger: Ledger | None = None,
    ) -> None:
        self._address, self._request, self._lease, self._tell = address, request, lease, tell
        name, patience = request.environment.name, request.environment.timeouts.retry_for.total_seconds()
        run_state = RunState(name)
        self._work = work = MigrationConnection(address, open_connection, run_state)
        self._assert_lock_held = held = work.reporting(lease.assert_held)
        self._writer = LedgerWriter(address, request, work, held)
        self._preflight = Preflight(request, held, tell)
        self._attempts = Attempts(
            work, FailureReport(address, work, run_state, self._writer.record), held, tell, patience
        )
        self._stepwise = Stepwise(Run(work.connected, open_connection, held, work.ledger, tell, name, patience))
        self._guard: RowGuard | None = None
        self._leaks: list[SessionLeak] = []
        self._plan_run: PlanRun | None = None
        self._in_step = InStep(address, lease.connection, request)
        self._first_ledger = first_ledger

    def ledger(self) -> Ledger:
        """Reads all ledger entries. The first time, returns what was read with the run lock, if nothing was written."""
        first, self._first_ledger = self._first_ledger, None
        return first or self._work.ledger()

    def set_activity(self, what: str, /) -> None:
        """Sets the current activity in the lease row, which waiting runs read. Writes."""
        self._lease.set_activity(what)

    def begin(self, plan: Plan) -> None:
        """Writes the plan to the lease row. A later run reads there that this run was interrupted. Writes."""
        self._first_ledger = None
        self._lease.begin(plan.fingerprint)

    def preflight(self, plan: Plan) -> tuple[Reason, ...]:
        """Waits for conditions that may improve. Then returns the reasons why `plan` cannot start. Read-only."""
        return self._preflight.reasons(self._work.connected(), plan)

    def drop_invalid_indexes(self, plan: Plan) -> tuple[str, ...]:
        """Drops INVALID indexes that interrupted builds of the plan's indexes left. Returns a line for each. Writes."""
        self._first_ledger = None
        dropped: list[str] = []
        for step in plan.steps:
            if step.resumption and step.resumption.all_begun:
                attempt = Attempt((part_of(step, plan, Safeguards(), self._request.origin),))
                dropped += self._attempts.retrying(attempt, partial(self._stepwise.drop_invalid_index, step))
        return tuple(dropped)

    def recovery_point(self, plan: Plan) -> RecoveryPoint:
        """The current end of the WAL. Creates a restore point if this role may. Raises LedgerError."""
        self._assert_lock_held()
        return take_recovery_point(self._work.connected(), self._address, plan.fingerprint)

    def run(self, step: Step, plan: Plan, safeguards: Safeguards) -> int:
        """Runs one step with its ledger entry. Returns its milliseconds. Raises ApplyError."""
        return self._run_of(plan).run(step, safeguards)

    def single_transaction(self, plan: Plan, safeguards: Safeguards) -> tuple[int, ...]:
        """Runs a whole plan with its seed files in one transaction. Raises ApplyError.

        Returns the milliseconds that each migration and each seed file took.
        """
        return self._run_of(plan).single_transaction(safeguards)

    def seed(self, seed: Seed, plan: Plan, safeguards: Safeguards) -> int:
        """Runs one seed file with its ledger entry in one transaction. Returns its milliseconds. Raises ApplyError."""
        return self._run_of(plan).seed(seed, safeguards)

    def _run_of(self, plan: Plan) -> PlanRun:
        """The `PlanRun` of `plan`. Reuses the current one if it belongs to `plan`."""
        self._first_ledger = None
        if self._plan_run is None or self._plan_run.plan is not plan:
            origin, activity = self._request.origin, self._lease.set_activity
            self._plan_run = PlanRun(
                plan,
                origin,
                self._attempts,
                self._stepwise,
                self._guard,
                activity,
                self._leaks,
                self._in_step.statements_of(plan),
            )
        return self._plan_run

    def record(self, entry: Entry) -> None:
        """Adds one entry to the ledger. If a tool is kept in step, adds or removes the row in its ledger."""
        self._first_ledger = None
        self._writer.record(entry, self._in_step.statements_for(entry))

    def record_of_tool(self, entry: Entry) -> None:
        """Adds one entry to the ledger, for what another tool did."""
        self._first_ledger = None
        self._writer.record(entry)

    def foreign_ledgers(self) -> tuple[ForeignLedger, ...]:
        """The ledgers of other tools. Read-only."""
        return self._in_step.foreign_ledgers()

    def keep_in_step(self, foreign: ForeignLedger) -> None:
        """Takes the lock of a tool. From then on, steps and repairs also write to the tool's ledger."""
        self._first_ledger = None
        self._assert_lock_held()
        self._in_step.begin(foreign)

    def record_in_tool(
        self, foreign: ForeignLedger, applied: tuple[Migration, ...], new: tuple[int, ...], entry: Entry
    ) -> None:
        """Adds rows to a tool's ledger, and `entry` to the ledger, in one transaction. Creates a new ledger first."""
        self._first_ledger = None
        self._assert_lock_held()
        self._writer.record(entry, self._in_step.statements_of_export(foreign, applied, new))

    def correct(self, step: Step, position: int, reached: ProgressState, entry: Entry) -> None:
        """Records whether one statement of an unfinished step is done. Adds `entry` to the ledger."""
        self._first_ledger = None
        self._writer.correct(step, position, reached, entry)

    def adopt(self, entry: Entry, ledger_id: str) -> None:
        """Records that this database now belongs to the environment. Gives the ledger an ID, and adds `entry`."""
        self._first_ledger = None
        self._writer.adopt(entry, ledger_id)

    def start_over(self, kept: tuple[str, ...], roles: tuple[str, ...]) -> int:
        """Drops all objects of this role and `roles`, except the extensions `kept`. Empties the ledger. Writes."""
        self._first_ledger = None
        self.set_activity("it drops all objects")
        owned = OwnedObjects(self._work.connected(), self._address, kept, roles, self._assert_lock_held, self._tell)
        return owned.drop(self._attempts.patience)

    def session_leaks(self) -> tuple[SessionLeak, ...]:
        """Session state that migrations leaked and that ctgitops reset."""
        return tuple(self._leaks)

    def probe(self, health: Health) -> HealthResult:
        """Runs a health query once. Read-only."""
        return probe(self._address, health)

    def watch(self, health: Health) -> HealthResult:
        """Repeats a health query until its result is not true, or until a time limit. Returns the last. Read-only."""

        def report() -> None:
            self._assert_lock_held()
            self.set_activity("all is applied; watching the health query")

        return watch(self._address, health, before_each=report, tell=self._tell)

    def checkpoint(self, ledger: Ledger) -> Checkpoint:
        """Returns the database's state before the first step. Queries it only if an automatic rollback is possible."""
        wanted = self._request.environment.apply_policy.rolls_back_on_failure
        entry = ledger.last.id if ledger.last else 0
        return Checkpoint(entry, oldest_transaction(self._work.connected()) if wanted else 0)

    def protect(self, losses: tuple[Loss, ...], since: Checkpoint) -> tuple[CountedLoss, ...]:
        """For each loss, counts the rows that are destroyed. Excludes rows that this run wrote after `since`.

        In all later plans of this run, a step fails if it would destroy such rows.
        """
        self._guard = RowGuard(losses, since)
        self._assert_lock_held()
        return count_losses(self._address, losses, since)

    def stopped(self) -> ApplyError | None:
        """Records an interruption outside a step. Returns the error, or None if no plan has begun. Writes."""
        return self._plan_run.stopped() if self._plan_run else None

    def close(self) -> None:
        """Waits until all commits are on disk, tells the platform's API about them, then closes the connection."""
        for notification in NOTIFICATIONS[self._request.environment.given.platform]:
            self._work.notify(notification)
        self._work.close()
