"""The errors that end a run: one class and exit status for each way in which the caller must react.

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

from dataclasses import dataclass
from enum import Enum, auto
from typing import ClassVar


@dataclass(frozen=True, order=True)
class Place:
    """Where in the repository: a path relative to its root, a line and a column, both counted from 1."""

    path: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        parts = [self.path, *(str(n) for n in (self.line, self.column) if n is not None)]
        return ":".join(parts)


class Cause(Enum):
    """Why a statement failed, where the run acts on the reason; the server's words may be in any language."""

    LOCK_TIMEOUT = auto()
    STATEMENT_TIMEOUT = auto()
    CANCELLED = auto()
    """`pg_cancel_backend`, or a statement timeout: PostgreSQL has one SQLSTATE for both."""
    ASKED_TO_STOP = auto()
    """A signal reached this run."""
    CONNECTION_LOST = auto()
    SERVER_NOT_READY = auto()
    """It starts, recovers from a crash, or shuts down, and refuses connections for a while."""
    SANDBOX_ENDED = auto()
    """Our own limits ended the throw-away server."""
    NOT_POPULATED = auto()
    """A materialized view has no rows yet."""
    EXTENSION_MISSING = auto()
    """The server does not have the extension's files."""
    REFUTED = auto()
    """A verify query returned something other than true."""


class CtgitopsError(Exception):
    """Cannot go on: what happened, where, what state the database is in, and what to do next."""

    code: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 1

    def __init__(
        self, what: str, *, place: Place | None = None, state: str = "", hint: str = "", detail: str = ""
    ) -> None:
        super().__init__(what)
        self.what = what
        self.place = place
        self.state = state
        """What state the database is in now; empty where no database was touched."""
        self.hint = hint
        """The next thing to do, with the command spelled out."""
        self.detail = detail
        """PostgreSQL's DETAIL, HINT and CONTEXT, a line each."""
        self.cause: Cause | None = None
        """None where nothing depends on it."""


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
    """Not now: a gate, a window, or another run that holds the lock."""

    code = "wait"
    exit_status = 5


class ApplyError(CtgitopsError):
    """A statement failed or was interrupted; `state` says which part of it is in the database."""

    code = "apply"
    exit_status = 6

    def __init__(  # noqa: PLR0913 - an error is made once, where all of this is known
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
        """The line of its file on which the statement begins."""
        self.on_record = False
        """Whether the ledger says that a migration failed; not where the run was asked to stop, or lost its lock."""
        self.blames_file = False
        """Whether the hint asks for a change of the migration's file."""
        self.applied: tuple[str, ...] = ()
        """The migrations that the run had applied before, in order."""
        self.taken_back: tuple[str, ...] = ()
        """Those of them that the run rolled back automatically, in order."""


class BackupError(CtgitopsError):
    """No proved backup; nothing was changed."""

    code = "backup"
    exit_status = 7


class ForgeError(CtgitopsError):
    """GitHub refused or could not be reached."""

    code = "github"
    exit_status = 8
