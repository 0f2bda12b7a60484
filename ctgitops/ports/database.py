"""Ports to the databases of environments, with and without the run lock."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..core.activity.lock_holder import Holder
    from ..core.activity.run_activity import RunActivity
    from ..core.activity.session_leak import SessionLeak
    from ..core.environment.apply_policy import Health
    from ..core.environment.environment import Environment
    from ..core.gate.data_loss import CountedLoss, Loss
    from ..core.gate.gate import Predecessor, Reason
    from ..core.gate.health import HealthResult
    from ..core.gate.request import Request
    from ..core.impact.size import Size
    from ..core.ledger.foreign_ledger import ForeignLedger
    from ..core.ledger.ledger import Entry, Ledger
    from ..core.ledger.resumption import ProgressState
    from ..core.ledger.safeguards import Safeguards
    from ..core.migration.migration import Migration, Seed
    from ..core.plan.plan import Plan, Step
    from ..core.recovery_point import RecoveryPoint
    from ..core.run.auto_rollback import Checkpoint
    from ..core.run.progress import Listener
    from ..core.schema.database_roles import DatabaseRoles
    from ..core.schema.snapshot import Snapshot
    from ..core.schema.source_database import SourceDatabase
    from ..core.trial.violation import Risk, Violation
    from ..core.view.constraint_check import Checked
    from ..core.view.verify import Refuted
    from ..errors import UsageError
    from ..sql.script import Script
    from .statistics import Statistics


class Session(Protocol):
    """A database whose run lock this run holds."""

    def ledger(self) -> Ledger:
        """The ledger with all entries at the time of the call."""

    def set_activity(self, what: str, /) -> None:
        """Publishes the current activity of this run, for sessions that wait for its lock. Adds no ledger entry."""

    def begin(self, plan: Plan) -> None:
        """Publishes the plan that this run begins. Adds no ledger entry. Until then, the run has changed nothing."""

    def preflight(self, plan: Plan) -> tuple[Reason, ...]:
        """Waits for the preflight conditions that can end. Returns the reasons why `plan` must not begin. Read-only."""

    def drop_invalid_indexes(self, plan: Plan) -> tuple[str, ...]:
        """Drops the INVALID indexes that interrupted builds of the plan's indexes left. Returns one line per index.

        Raises ApplyError. Writes to the database.
        """

    def recovery_point(self, plan: Plan) -> RecoveryPoint:
        """The current position of the WAL's end, and a restore point if this role may create one. Changes no data."""

    def run(self, step: Step, plan: Plan, safeguards: Safeguards) -> int:
        """Applies one step and adds its ledger entry. Returns the duration in milliseconds.

        Raises ApplyError, whose state says which part of the step is in the database. Writes to the database.
        """

    def single_transaction(self, plan: Plan, safeguards: Safeguards) -> tuple[int, ...]:
        """Applies a whole plan in one transaction, the seed files last. Returns the milliseconds of each part.

        If it raises ApplyError, everything was rolled back, unless the error says otherwise. Writes to the database.
        """

    def seed(self, seed: Seed, plan: Plan, safeguards: Safeguards) -> int:
        """Runs one seed file and adds its ledger entry, in one transaction. Returns milliseconds."""

    def record(self, entry: Entry) -> None:
        """Adds an entry that belongs to no step, such as a repair. Writes to the ledger.

        If a tool is kept in step, also adds or removes the migration's row in that tool's ledger.
        """

    def record_of_tool(self, entry: Entry) -> None:
        """Adds an entry for what another tool did. Leaves that tool's ledger unchanged. Writes to the ledger."""

    def foreign_ledgers(self) -> tuple[ForeignLedger, ...]:
        """The ledgers of other migration tools at the time of the call. Read-only. Raises LedgerError."""

    def keep_in_step(self, foreign: ForeignLedger) -> None:
        """Takes the tool's own lock for the rest of the run. From then on, steps also write to the tool's ledger.

        Raises MustWaitError if the tool keeps its lock, and LedgerError if this role may not write to the table.
        """

    def record_in_tool(
        self, foreign: ForeignLedger, applied: tuple[Migration, ...], new: tuple[int, ...], entry: Entry
    ) -> None:
        """Adds rows for the migrations `new` to a tool's ledger, under the tool's lock, and `entry` to the ledger.

        Creates a new ledger first. `applied` has all applied migrations, with the tool's numbers. One transaction.
        """

    def correct(self, step: Step, position: int, reached: ProgressState, entry: Entry) -> None:
        """Marks one statement of an unfinished step as done or not done, and adds `entry`. Writes to the ledger."""

    def adopt(self, entry: Entry, ledger_id: str) -> None:
        """Makes this database the environment's home, sets the ledger's ID, and adds `entry`. Writes to the ledger."""

    def start_over(self, kept: tuple[str, ...], roles: tuple[str, ...]) -> int:
        """Drops the objects of this role and of `roles`, except the extensions in `kept`. Removes all ledger entries.

        Runs in one transaction, and keeps the ledger's identity. Returns the number of dropped objects. Raises
        ApplyError, or MustWaitError if objects of other roles depend on the dropped objects. Writes to the database.
        """

    def session_leaks(self) -> tuple[SessionLeak, ...]:
        """The session state that migrations leaked and that ctgitops reset."""

    def probe(self, health: Health) -> HealthResult:
        """The current result of a health query. Read-only."""

    def watch(self, health: Health) -> HealthResult:
        """Repeats a health query until its result is not true or the time is over. Returns the last result. Read-only.

        Raises KeyboardInterrupt if the run is asked to stop. Raises ApplyError if the run has lost its lock.
        """

    def checkpoint(self, ledger: Ledger) -> Checkpoint:
        """The state of the database before the first step. Read `ledger` immediately before this call."""

    def protect(self, losses: tuple[Loss, ...], since: Checkpoint) -> tuple[CountedLoss, ...]:
        """For each loss, counts the rows that are destroyed. Leaves out the rows that this run wrote after `since`.

        Afterwards, a step fails if it would destroy rows that were not counted. A transactional step is then rolled
        back.
        """


class Database(Protocol):
    """The database of one environment."""

    def ledger(self) -> Ledger:
        """The ledger with all entries. Empty if the database has no ledger. Read-only, takes no lock."""

    def count_losses(self, losses: tuple[Loss, ...]) -> tuple[CountedLoss, ...]:
        """For each loss, counts the rows that are destroyed. A count that takes too long is unknown. Read-only."""

    def foreign_ledgers(self, version_parts: int) -> tuple[ForeignLedger, ...]:
        """The ledgers of other migration tools in the database. Read-only. Raises LedgerError.

        `version_parts` is the maximum number of parts in a version of Flyway.
        """

    def snapshot(self) -> Snapshot:
        """The schema of the database, consistent at one point in time. Read-only, takes no lock."""

    def original(self) -> SourceDatabase:
        """The description from which a throw-away copy is made. Read-only. Raises LedgerError, BackupError."""

    def statistics(self) -> Statistics:
        """The statistics of the database, and the load that earlier runs recorded."""

    def server_objects(self) -> Snapshot:
        """The database, its roles, their memberships, and the settings of each. Read-only, takes no lock."""

    def roles(self) -> DatabaseRoles:
        """The owners of the objects in the database, and its provider. Read-only, takes no lock."""

    def pooler(self) -> UsageError | None:
        """The error if the address leads to a connection pooler. None for any other address. Read-only."""

    def probe(self, health: Health) -> HealthResult:
        """The current result of a health query. Read-only."""

    def holder(self) -> Holder | None:
        """The run that holds the run lock. None if the lock is free. Read-only, takes no lock."""

    def observed(self) -> AbstractContextManager[Callable[[], RunActivity | None]]:
        """Yields a function that returns what the run with the run lock is doing now. None if no run holds the lock.

        Read-only, takes no lock. Raises CtgitopsError if the connection is lost.
        """

    def end(self, holder: Holder) -> bool:
        """Terminates the sessions of the run `holder`, and no others. Returns whether the lock is then free."""

    def violations(self, risks: tuple[Risk, ...], keys: bool) -> tuple[Violation, ...]:  # noqa: FBT001
        """Counts the rows that violate each requirement, if possible. `keys` adds the keys of some rows. Read-only."""

    def sizes(self, tables: tuple[str, ...]) -> dict[str, Size]:
        """The sizes of the existing tables in `tables`. Read-only, takes no lock."""

    def not_dumped(self) -> tuple[str, ...]:
        """The objects that a dump leaves out. Each is one line with the reason. Read-only, takes no lock."""

    def not_exportable(self, tables: tuple[str, ...]) -> tuple[str, ...]:
        """The tables that a backup cannot export, each with the reason. Read-only, takes no lock."""

    def refuted(self, queries: tuple[Script, ...]) -> tuple[Refuted, ...]:
        """The verify queries that fail or are not true. Read-only, takes no lock."""

    def checked(self) -> tuple[Checked, ...]:
        """Checks each constraint and unique index for violating rows. Read-only. Reads whole tables, for minutes."""

    def exclusively(self, request: Request, tell: Listener) -> AbstractContextManager[Session]:
        """Takes the run lock, and creates or upgrades the ledger. Waits at most `request.wait_for_lock` for the lock.

        Raises MustWaitError if another run keeps the lock. Writes to the ledger.
        """


class Databases(Protocol):
    """Connects to each environment's database."""

    def of(self, environment: Environment) -> Database:
        """The database of an environment. Raises UsageError if its secret is not set."""

    def predecessor(self, request: Request) -> Predecessor:
        """The ledger of the environment that the manifest's `after` names, or why it cannot be read. Read-only."""
