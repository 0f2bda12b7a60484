"""The errors that end a run: one class and one exit status for each possible reaction of the caller.

CtgitopsError
├── UsageError      2   the command line or the process environment is not valid
├── WorkspaceError  3   the repository's files are not valid
├── LedgerError     4   the ledger and the files disagree, or the database cannot be read
├── MustWaitError   5   a gate, a window or another run does not allow the run now
├── ApplyError      6   a statement failed, or the run was interrupted while applying
├── BackupError     7   there is no proved backup, so nothing was changed
└── ForgeError      8   GitHub refused a request or could not be reached

The number is the exit status. Exit status 1 means a finding at or above the failing severity; 0 means success or
nothing to do.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import ClassVar

from .lazy import dataclass


@dataclass(frozen=True, order=True)
class Place:
    """A position in the repository: a path relative to its root, a line and a column, both counted from 1."""

    path: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        parts = [self.path, *(str(n) for n in (self.line, self.column) if n is not None)]
        return ":".join(parts)


class Cause(Enum):
    """The cause of a failed statement. Decisions use this cause: the server's messages may be in any language."""

    LOCK_TIMEOUT = auto()
    STATEMENT_TIMEOUT = auto()
    CANCELLED = auto()
    """`pg_cancel_backend` or a statement timeout. PostgreSQL reports the same SQLSTATE for both."""
    ASKED_TO_STOP = auto()
    """This run received a signal to stop."""
    CONNECTION_LOST = auto()
    SERVER_NOT_READY = auto()
    """The server is starting, recovering from a crash or shutting down. It refuses connections meanwhile."""
    SANDBOX_ENDED = auto()
    """ctgitops' own resource limits terminated the throw-away server."""
    NOT_POPULATED = auto()
    """A materialized view is not populated yet."""
    EXTENSION_MISSING = auto()
    """The server does not have the extension's files."""
    NOT_SET_UP = auto()
    """The ledger has no table for the samples, or the role may not write to this table."""
    REFUTED = auto()
    """A verify query did not return true."""


class CtgitopsError(Exception):
    """An error that ends the run. It says what happened, where, the state of the database, and what to do next."""

    code: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 1

    def __init__(
        self, what: str, *, place: Place | None = None, state: str = "", hint: str = "", detail: str = ""
    ) -> None:
        super().__init__(what)
        self.what = what
        self.place = place
        self.state = state
        """The current state of the database. Empty if the run neither changed nor read a database."""
        self.hint = hint
        """The next step for the user, including the full command."""
        self.detail = detail
        """PostgreSQL's DETAIL, HINT and CONTEXT, one line each."""
        self.cause: Cause | None = None
        """The cause, if a decision of the run depends on it. None otherwise."""


class UsageError(CtgitopsError):
    """The command line or the process environment is not valid."""

    code = "usage"
    exit_status = 2


class WorkspaceError(CtgitopsError):
    """The repository's files are not valid."""

    code = "workspace"
    exit_status = 3


class LedgerError(CtgitopsError):
    """Ledger and files disagree, or the database or its ledger cannot be read."""

    code = "ledger"
    exit_status = 4


class MustWaitError(CtgitopsError):
    """The run cannot proceed now: a gate, a window, or another run that holds the lock."""

    code = "wait"
    exit_status = 5


class ApplyError(CtgitopsError):
    """A statement failed or was interrupted. `state` describes which of the changes are in the database."""

    code = "apply"
    exit_status = 6

    def __init__(  # noqa: PLR0913 - every field is known where the error is raised
        self,
        what: str,
        *,
        place: Place | None = None,
        state: str = "",
        hint: str = "",
        sqlstate: str = "",
        statement: str = "",
        statement_line: int | None = None,
        detail: str = "",
    ) -> None:
        super().__init__(what, place=place, state=state, hint=hint, detail=detail)
        self.sqlstate = sqlstate
        self.statement = statement
        self.statement_line = statement_line
        """The line of the file on which the failed statement begins."""
        self.on_record = False
        """Whether the ledger records the failure. False if the run was asked to stop or lost its lock."""
        self.blames_file = False
        """Whether the hint suggests a change of the migration's file."""
        self.applied: tuple[str, ...] = ()
        """The migrations that the run had applied before the error, in order."""
        self.rolled_back: tuple[str, ...] = ()
        """The migrations of `applied` that the run rolled back automatically, in order."""


class BackupError(CtgitopsError):
    """There is no verified backup. Nothing was changed."""

    code = "backup"
    exit_status = 7


class ForgeError(CtgitopsError):
    """GitHub refused a request or could not be reached."""

    code = "github"
    exit_status = 8


def is_stop(error: BaseException | None) -> bool:
    """Whether a signal, not a failure, ended the run."""
    asked = isinstance(error, CtgitopsError) and error.cause is Cause.ASKED_TO_STOP
    return asked or isinstance(error, KeyboardInterrupt)
