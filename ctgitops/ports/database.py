"""Ports to the databases of environments, with and without the run lock."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from ..core.activity.lock_holder import Holder
from ..core.environment.apply_policy import Health
from ..core.environment.environment import Environment
from ..core.gate.data_loss import CountedLoss, Loss
from ..core.gate.gate import Predecessor, Reason
from ..core.gate.health import Heard
from ..core.gate.request import Request
from ..core.ledger.ledger import Entry, Ledger
from ..core.ledger.resumption import Reached
from ..core.migration.migration import Seed
from ..core.plan.plan import Plan, Step
from ..core.receipt import Receipt
from ..core.run.auto_rollback import Checkpoint
from ..core.run.outcome import SessionLeak
from ..core.run.progress import Listener
from ..core.schema.snapshot import Snapshot
from ..core.schema.source_database import SourceDatabase
from ..core.trial.projection import Size
from ..core.trial.violation import Risk, Violation
from ..core.view.constraint_check import Checked
from ..core.view.verify import Refuted
from ..sql.script import Script


class Session(Protocol):
    """A database while this run holds its lock."""

    def ledger(self) -> Ledger:
        """All entries, read now."""

    def note(self, what: str, /) -> None:
        """Publishes what this run is doing, for those who look up the holder of the run lock. Changes no ledger entry."""

    def preflight(self, plan: Plan) -> tuple[Reason, ...]:
        """Why `plan` is not begun now, after waiting for what may be waited for. Read-only."""

    def heal(self, plan: Plan) -> tuple[str, ...]:
        """Drops the INVALID indexes that interrupted builds of the plan's own indexes left; returns a line for each.

        Raises ApplyError. Writes.
        """

    def run(self, step: Step, plan: Plan, receipt: Receipt | None) -> int:
        """Carries out one step with its ledger entry; returns milliseconds.

        Raises ApplyError, which says what of it is in the database. Writes.
        """

    def together(self, plan: Plan, receipt: Receipt | None) -> tuple[int, ...]:
        """Carries out a whole plan, its seed files last, in one transaction; returns milliseconds of each part.

        Raises ApplyError: then none of it left a trace, unless that says so. Writes.
        """

    def seed(self, seed: Seed, plan: Plan) -> int:
        """Runs one seed file with its ledger entry in one transaction; returns milliseconds. Writes."""

    def record(self, entry: Entry) -> None:
        """Adds an entry by itself, such as a repair. Writes."""

    def correct(self, step: Step, position: int, reached: Reached, entry: Entry) -> None:
        """Says of one statement of an unfinished step that it is done, or is not, with an entry. Writes."""

    def adopt(self, entry: Entry, ledger_id: str) -> None:
        """Makes this database the environment's home, under that identity, with an entry that says so. Writes."""

    def left(self) -> tuple[SessionLeak, ...]:
        """What its migrations left in their session, from which it was cleaned away."""

    def pulse(self, health: Health) -> Heard:
        """What a health query says now. Read-only."""

    def watch(self, health: Health) -> Heard:
        """Asks a health query until it is not true or its time is over; what it said last. Read-only.

        Raises KeyboardInterrupt where somebody asks the run to stop, ApplyError where its lock is gone.
        """

    def beginning(self, ledger: Ledger) -> Checkpoint:
        """What the database is before the first step; `ledger` was read just now."""

    def protect(self, losses: tuple[Loss, ...], beginning: Checkpoint) -> tuple[CountedLoss, ...]:
        """Counts, for each loss, the rows that this run did not write since `beginning`.

        From now on a step that would destroy such rows fails, and leaves no trace, where it is one transaction.
        """


class Database(Protocol):
    """The database of one environment."""

    def ledger(self) -> Ledger:
        """All entries; an empty ledger where there is none yet. Read-only, takes no lock."""

    def weigh(self, losses: tuple[Loss, ...]) -> tuple[CountedLoss, ...]:
        """How much data each of them is. Read-only; what cannot be counted in seconds is said to be unknown."""

    def snapshot(self) -> Snapshot:
        """Its schema, all of one moment. Read-only, takes no lock."""

    def original(self) -> SourceDatabase:
        """All that makes a throw-away database like it. Read-only. Raises LedgerError, BackupError."""

    def holder(self) -> Holder | None:
        """Who holds the run lock; None where nobody does. Read-only, takes no lock."""

    def end(self, holder: Holder) -> bool:
        """Ends that run's sessions, nobody else's; whether its lock is free then. Writes."""

    def violations(self, risks: tuple[Risk, ...], keys: bool) -> tuple[Violation, ...]:  # noqa: FBT001
        """How many rows make each risk fail, with a few `keys`; or why a risk cannot be checked. Read-only."""

    def sizes(self, tables: tuple[str, ...]) -> dict[str, Size]:
        """How large those of these tables are that are there. Read-only, takes no lock."""

    def not_dumped(self) -> tuple[str, ...]:
        """What it holds that a dump leaves out, a line each with the reason. Read-only, takes no lock."""

    def refuted(self, queries: tuple[Script, ...]) -> tuple[Refuted, ...]:
        """Of these verify queries those that are not true. Read-only, takes no lock."""

    def checked(self) -> tuple[Checked, ...]:
        """Every constraint and unique index, with the rows that break it. Read-only; reads whole tables, for minutes."""

    def exclusively(self, request: Request, tell: Listener) -> AbstractContextManager[Session]:
        """Takes the run lock, waiting at most `request.wait_for_lock`, and makes or upgrades the ledger.

        Raises MustWaitError where another run keeps the lock. Writes.
        """


class Databases(Protocol):
    """How to reach each environment's database."""

    def of(self, environment: Environment) -> Database:
        """The database of an environment. Raises UsageError where its secret is not set."""

    def predecessor(self, request: Request) -> Predecessor:
        """The ledger of the environment that `after` names, or why it could not be read. Read-only."""
