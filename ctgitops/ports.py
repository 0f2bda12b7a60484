"""Ports: one protocol for each kind of external effect, such as databases, backups and GitHub."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from .core.activity.lock_holder import Holder
from .core.environment.apply_policy import Health
from .core.environment.environment import Environment, ShadowPolicy
from .core.forge.event import OutsideRun
from .core.forge.forge import (
    ChangedFile,
    Check,
    Deployment,
    DeploymentState,
    OpenPullRequest,
    Proposal,
    Reaction,
    Review,
    StickyComment,
    TreeFile,
)
from .core.gate.data_loss import CountedLoss, Loss
from .core.gate.gate import Predecessor, Reason
from .core.gate.health import Heard
from .core.gate.request import Request
from .core.gate.review import ShownFile
from .core.ledger.ledger import Entry, Ledger
from .core.ledger.resumption import Reached
from .core.migration.migration import Seed
from .core.plan.plan import Plan, Step
from .core.plan.replay import ReplayTarget
from .core.receipt import Receipt
from .core.run.auto_rollback import Checkpoint
from .core.run.outcome import SessionLeak
from .core.run.progress import Listener
from .core.schema.snapshot import Snapshot
from .core.schema.source_database import SourceDatabase
from .core.trial.code_reference import Searched
from .core.trial.impact import StepImpact
from .core.trial.projection import Rates, Size
from .core.trial.trial import Skipped
from .core.trial.violation import Risk, Violation
from .core.view.constraint_check import Checked
from .core.view.verify import Refuted
from .core.workspace.workspace import Workspace
from .sql.name_changes import Gone
from .sql.script import Script


class Session(Protocol):
    """A database while this run holds its lock."""

    def ledger(self) -> Ledger:
        """All entries, read now."""

    def note(self, what: str, /) -> None:
        """Tells those who ask about the run lock what the run is doing. Writes nothing that counts."""

    def preflight(self, plan: Plan) -> tuple[Reason, ...]:
        """Why `plan` is not begun now, after waiting for what may be waited for. Read-only."""

    def heal(self, plan: Plan) -> tuple[str, ...]:
        """Drops what interrupted builds of the plan's own indexes left INVALID; returns what it did, a line each.

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
        """How much of each loss was not written by what ran since `beginning`.

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
        """How many rows would make each fail, with `keys` of a few. Read-only; what cannot be looked at says why."""

    def sizes(self, tables: tuple[str, ...]) -> dict[str, Size]:
        """How large those of these tables are that are there. Read-only, takes no lock."""

    def not_dumped(self) -> tuple[str, ...]:
        """What it holds that a dump leaves out, a line each with the reason. Read-only, takes no lock."""

    def refuted(self, queries: tuple[Script, ...]) -> tuple[Refuted, ...]:
        """Of these verify queries those that are not true. Read-only, takes no lock."""

    def checked(self) -> tuple[Checked, ...]:
        """Every constraint and unique index with the rows that break it. Read-only; reads whole tables, for minutes."""

    def exclusively(self, request: Request, tell: Listener) -> AbstractContextManager[Session]:
        """Takes the run lock, waiting at most `request.wait_for_lock`, and makes or upgrades the ledger.

        Raises MustWaitError where another run keeps the lock. Writes.
        """


class Backups(Protocol):
    """Where proved backups come from and go back to."""

    def take(self, environment: Environment, tell: Listener) -> Receipt:
        """Dumps, counts, restores, compares, and writes the receipt last. Raises BackupError."""

    def restore(self, receipt_path: str, url: str, tell: Listener) -> Receipt:
        """Restores a backup into the empty database at `url` and counts its rows. Raises BackupError. Writes."""


class Forge(Protocol):
    """Where plans are reviewed. What a token may not do is told once and does not end a run."""

    def comment(self, comment: StickyComment) -> str | None:
        """Writes or updates the one comment of its key; returns its URL, None where a newer run was there before."""

    def check(self, check: Check) -> None:
        """Reports a check run with all its annotations."""

    def suggest(self, review: Review) -> int:
        """Suggests what was not suggested before on the same text; returns how many."""

    def deploy(self, deployment: Deployment) -> int | None:
        """Begins a deployment; returns its number, None where the token may not."""

    def deployed(self, number: int, state: DeploymentState, description: str, url: str) -> None:
        """Tells where a deployment stands."""

    def pull_request_of(self, sha: str) -> int | None:
        """The merged pull request that brought a commit to the default branch; None where there is none."""

    def is_on(self, branch: str, sha: str) -> bool:
        """Whether a commit is an ancestor of a branch's tip, or the tip itself."""

    def commit_of_tag(self, tag: str) -> str:
        """The commit that a tag names, peeled. Raises ForgeError where there is no such tag."""

    def seen(self, files: tuple[ShownFile, ...], at: str) -> frozenset[str]:
        """The digests that plans of merged pull requests showed, as far as these files of commit `at` need them.

        Raises ForgeError where it may not look.
        """

    def permission_of(self, login: str) -> str:
        """What a person may do: `admin`, `write`, `read` or `none`. Raises ForgeError."""

    def react(self, pull_request: int, comment: int, reaction: Reaction) -> None:
        """Marks a comment."""

    def tree(self, sha: str, folder: str) -> tuple[TreeFile, ...]:
        """All files of a commit below a folder; none where there is no such folder. Raises ForgeError."""

    def blob(self, sha: str) -> bytes:
        """What a file of a commit holds. Raises ForgeError."""

    def proposal(self, number: int) -> Proposal:
        """A pull request and the paths that it changes. Raises ForgeError."""

    def proposed_by(self, run: OutsideRun) -> int | None:
        """The open pull request whose head a run was for; None where there is none. Raises ForgeError."""

    def files_of(self, number: int) -> tuple[ChangedFile, ...]:
        """The files that a pull request adds or changes; none where the token may not look."""

    def other_open(self, than: int) -> tuple[OpenPullRequest, ...]:
        """The other open pull requests that add migrations, with the files they add."""


class Schemas(Protocol):
    """Schemas that a person can name."""

    @property
    def workspace(self) -> Workspace:
        """What the checkout holds."""

    def named(self, name: str) -> Snapshot:
        """Of an environment, of a file that `snapshot` wrote, or of a backup by its receipt. Raises CtgitopsError."""


class Shadow(Protocol):
    """A throw-away database, like a real one as far as this machine can."""

    @property
    def unmatched(self) -> tuple[str, ...]:
        """In what it is not like what was wanted, in words."""

    def bring(self, steps: tuple[Step, ...]) -> None:
        """Carries out steps in it, as an apply does. Raises ApplyError."""

    def snapshot(self) -> Snapshot:
        """Its schema, as if whoever applies migrations in the real one had made it."""


class Replay(Shadow, Protocol):
    """A throw-away database that was empty, for what was merged."""

    def read_again(self) -> Snapshot:
        """Its schema once a dump of it was restored: as PostgreSQL prints what it read from its own print.

        Empty where that cannot be had, which `unmatched` then says.
        """


class Sandbox(Shadow, Protocol):
    """A throw-away copy of a real schema, in which SQL that nobody reviewed reaches nothing outside of it."""

    def bring(self, steps: tuple[Step, ...], *, watched: bool = False) -> None:
        """Carries out steps in it; `watched` where what they do is to be looked at. Raises ApplyError."""

    @property
    def impacts(self) -> Mapping[int, StepImpact]:
        """What was seen of the steps that were brought watched, by their numbers."""

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Statements that were not run in any of its copies, because they name a database."""

    def rates(self) -> Rates:
        """How quick its server is at each work. Raises ApplyError."""

    def copy(self) -> AbstractContextManager[Shadow]:
        """One more copy beside it, in which nothing was brought yet."""

    def empty(self) -> AbstractContextManager[Shadow]:
        """One more database beside it, with the same roles and nothing in it."""


class Shadows(Protocol):
    """Where throw-away databases come from."""

    def sealed(
        self, original: SourceDatabase, policy: ShadowPolicy, had: tuple[Step, ...] = ()
    ) -> AbstractContextManager[Sandbox]:
        """A copy of a real schema, in which these steps were brought, gone when the block ends.

        Raises UsageError where none can be had, ApplyError where a step does not run.
        """

    def like(self, wanted: ReplayTarget, environment: Environment | None = None) -> AbstractContextManager[Replay]:
        """An empty one, on the server that the environment's manifest wants, which is gone when the block ends.

        Raises UsageError where none can be had.
        """


class Code(Protocol):
    """What uses the database, as far as it stands in the same repository."""

    def mentions(self, those: tuple[Gone, ...]) -> Searched:
        """Where it mentions these names. Read-only."""


class Databases(Protocol):
    """How to reach each environment's database."""

    def of(self, environment: Environment) -> Database:
        """The database of an environment. Raises UsageError where its secret is not set."""

    def predecessor(self, request: Request) -> Predecessor:
        """The ledger of the environment that `after` names, or why it could not be read. Read-only."""
