"""A failed step: the server's message, its position in the file, and a hint for the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.plan.plan import Direction, Step
from ...core.plan.remedy import caused_by_rows, rights_remedy
from ...errors import Cause
from ...lazy import dataclass
from ..connection.cancellable_query import Answer, Failure, Interrupted, exchange
from ..ledger.ledger import LEDGER
from .message import Spot

if TYPE_CHECKING:
    from ..connection.connect import Connection

IN_TRANSACTION = {"25001", "2D000"}
"""SQLSTATEs of two errors: a statement that must not run in a transaction, and COMMIT in a procedure or DO block."""
NOT_GRANTED = "42501"
NO_FUNCTION = "42883"
_PASSING = {Cause.ASKED_TO_STOP, Cause.CONNECTION_LOST, Cause.SERVER_NOT_READY}
ENTRY_EXISTS = {"23001", "23505"}
"""SQLSTATEs of the ledger's errors if another run has already added the same entry."""
ASKED_TO_STOP = "the run was asked to stop (SIGINT, SIGTERM or SIGHUP)"


@dataclass(eq=False)
class StepFailed(Exception):  # noqa: N818 - the caller turns it into an error
    """The server's error in a step. Not frozen, because context managers set attributes of an exception."""

    failure: Failure
    spot: Spot
    lost: bool
    """Whether the connection is lost. If it is, only the ledger shows what was committed."""
    hint: str = ""
    """The next step for the user. If empty, the hint is derived from the failure."""
    retried: bool = True
    """Whether this run retries after a lock timeout. False if a part of the statement's work may be committed."""

    @property
    def cause(self) -> Cause | None:
        """Why the step failed. None if ctgitops does not distinguish this cause from others."""
        return self.failure.cause


class TimeBudgetSpent(Exception):  # noqa: N818 - it is not an error
    """The time of a batched migration in one run is over. `rows` rows are done, and the next run continues."""

    def __init__(self, rows: int) -> None:
        super().__init__(rows)
        self.rows = rows


def send(connection: Connection, sql: str, spot: Spot | None = None) -> Answer:
    """Runs SQL that must succeed. Raises StepFailed at `spot`."""
    answer = exchange(connection, sql)
    if answer.failure:
        raise StepFailed(answer.failure, spot or Spot(), answer.lost)
    return answer


def stopped(interrupted: Interrupted) -> StepFailed:
    """The failure of a step that was interrupted."""
    return StepFailed(Failure(ASKED_TO_STOP, stated=Cause.ASKED_TO_STOP), Spot(), interrupted.answer.lost)


def is_statement_timeout(connection: Connection, failure: Failure) -> bool:
    """Whether `statement_timeout`, and not another session, cancelled a statement. Call this outside a transaction.

    Both kinds of cancellation have the same SQLSTATE, and the message is in the server's language. This function
    therefore provokes a statement timeout, and compares the line in the server's source code with that of `failure`.
    Read-only.
    """
    if failure.cause is not Cause.CANCELLED or not failure.source.line:
        return failure.cause is Cause.STATEMENT_TIMEOUT
    answer = exchange(connection, f"begin; set local statement_timeout = 1; {_SLOW}")
    if not answer.lost:
        exchange(connection, "rollback")
    return answer.failure is not None and answer.failure.source == failure.source


CORRECT = "correct the file, then run the command again"
CORRECT_ROWS = "correct the rows, then run the command again; or correct the file"
OTHER_SYNTAX = (
    "the server does not accept this syntax, which may need a newer PostgreSQL: rewrite it for the version of the "
    "server, then run the command again"
)
"""The hint for a syntax error at run time. PostgreSQL 18's grammar has already accepted the file."""
NO_TRANSACTION = "put this statement alone into a migration with the line `-- ctgitops: no transaction`"
_SLOW = "select pg_catalog.pg_sleep(5)"
QUALIFY = "this file sets search_path: write ctgitops.record_migration"
CORRECT_STATEMENT = (
    "correct that statement, or remove what blocks it, then run the command again: completed statements are skipped"
)
ENDLESS = "make the WHERE exclude changed rows; or raise the limit with `max_rows=…` in the line `ctgitops: batch`"
CHANGES_THE_FILE = frozenset({CORRECT, CORRECT_ROWS, OTHER_SYNTAX, NO_TRANSACTION, QUALIFY, CORRECT_STATEMENT, ENDLESS})
"""Hints that ask the user to change the file, which is possible only if no other environment has applied it."""


def hint_for(step: Step, environment: str, failure: Failure) -> str:
    """The hint for a failed step: what to do next."""
    back = step.direction is Direction.ROLLBACK
    state = failure.sqlstate
    rights = rights_remedy(state, failure.message)
    repair = f'ctgitops repair {step.number:03} --env {environment} --not-applied --reason "…"'
    hints = (
        (
            failure.cause is Cause.LOCK_TIMEOUT,
            "another session holds a lock on that table: find it in pg_stat_activity, wait until it ends or end it "
            "with `select pg_terminate_backend(PID)`, then run the command again",
        ),
        (
            failure.table == LEDGER and state in ENTRY_EXISTS,
            "another run added this entry first: wait until it has ended, then run the command again",
        ),
        (bool(rights), rights),
        (state == NO_FUNCTION and "record_migration" in failure.message, QUALIFY),
        (
            failure.cause is Cause.STATEMENT_TIMEOUT,
            "raise `timeouts.statement` in the manifest, or make the statement faster, then run the command again",
        ),
        (failure.cause in _PASSING, "run the command again: it resumes from there"),
        # A rollback runs the text in the ledger, which a change of the file does not affect
        (back, f"this SQL is in the ledger and cannot be edited: undo the migration by hand, then `{repair}`"),
        (step.transactional and state == "42601", OTHER_SYNTAX),
        (not step.transactional, CORRECT_STATEMENT),
        (state in IN_TRANSACTION, NO_TRANSACTION),
        (caused_by_rows(state), CORRECT_ROWS),
        (True, CORRECT),
    )
    return next(hint for applies, hint in hints if applies)


def names(done: list[str]) -> str:
    """The names in `done` as text. A long list is shortened."""
    return ", ".join(done) if len(done) <= 3 else f"{done[0]} to {done[-1]}, {len(done)} in all,"
