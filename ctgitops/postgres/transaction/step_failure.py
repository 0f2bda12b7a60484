"""A failed step: the server's message, its position in the file, and a hint for the user."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.plan.plan import Direction, Step
from ...core.plan.remedy import rights_remedy
from ...errors import Cause
from ..connection.connect import Connection
from ..connection.simple_query import Answer, Failure, Interrupted, exchange
from ..ledger.ledger import LEDGER
from .message import Spot

IN_TRANSACTION = {"25001", "2D000"}
"""Not allowed in a transaction: the statement, or a COMMIT in a procedure or a DO block."""
NOT_GRANTED = "42501"
NO_FUNCTION = "42883"
_PASSING = {Cause.ASKED_TO_STOP, Cause.CONNECTION_LOST, Cause.SERVER_NOT_READY}
SOMEBODY_ELSE = {"23001", "23505"}
"""Errors of the ledger when another run added the entry first."""
ASKED_TO_STOP = "the run was asked to stop (SIGINT, SIGTERM or SIGHUP)"


@dataclass(eq=False)
class StepFailed(Exception):  # noqa: N818 - it carries a failure to where the whole is known
    """The server's error while a step ran. Not frozen: a context manager that it passes through writes to it."""

    failure: Failure
    spot: Spot
    lost: bool
    """The connection is lost, so only the ledger shows what was committed."""
    hint: str = ""
    """What to do, if the failure alone does not say it."""
    retried: bool = True
    """Whether this run retries after a lock timeout; false if the statement may have committed a part."""

    @property
    def cause(self) -> Cause | None:
        """Why; None if nothing depends on it."""
        return self.failure.cause


class OutOfTime(Exception):  # noqa: N818 - nothing went wrong
    """A batched migration used up its time in one run; `rows` are done, and the next run continues."""

    def __init__(self, rows: int) -> None:
        super().__init__(rows)
        self.rows = rows


def send(connection: Connection, sql: str, spot: Spot | None = None) -> Answer:
    """Runs SQL that must succeed; raises StepFailed, with `spot` as its place."""
    answer = exchange(connection, sql)
    if answer.failure:
        raise StepFailed(answer.failure, spot or Spot(), answer.lost)
    return answer


def stopped(interrupted: Interrupted) -> StepFailed:
    """The failure of a step that was stopped on request."""
    return StepFailed(Failure(ASKED_TO_STOP, stated=Cause.ASKED_TO_STOP), Spot(), interrupted.answer.lost)


def is_statement_timeout(connection: Connection, failure: Failure) -> bool:
    """Whether `statement_timeout` cancelled a statement, rather than another session. Needs no open transaction.

    Both have one SQLSTATE, and the words are in the server's language. So the server is made to raise a statement
    timeout, and it is one where both come from the same line of the server's source.
    """
    if failure.cause is not Cause.CANCELLED or not failure.source.line:
        return failure.cause is Cause.STATEMENT_TIMEOUT
    answer = exchange(connection, f"begin; set local statement_timeout = 1; {_SLOW}")
    if not answer.lost:
        exchange(connection, "rollback")
    return answer.failure is not None and answer.failure.source == failure.source


CORRECT = "correct the file, then run the same again"
NO_TRANSACTION = "put this statement alone into a migration with the line `-- ctgitops: no transaction`"
_SLOW = "select pg_catalog.pg_sleep(5)"
QUALIFY = "this file sets search_path: write ctgitops.record_migration"
CORRECT_STATEMENT = (
    "correct that statement, or remove what blocks it, then run the same again: completed statements are skipped"
)
ENDLESS = (
    "make its WHERE exclude rows that are done; or raise the limit with `max_rows=…` in the line `ctgitops: batch`"
)
CHANGES_THE_FILE = frozenset({CORRECT, NO_TRANSACTION, QUALIFY, CORRECT_STATEMENT, ENDLESS})
"""Hints that apply only if no other environment has the file."""


def hint_for(step: Step, environment: str, failure: Failure) -> str:
    """The hint for a failed step: what to do next."""
    back = step.direction is Direction.ROLLBACK
    state = failure.sqlstate
    rights = rights_remedy(state, failure.message)
    repair = f'ctgitops repair {step.number:03} --env {environment} --not-applied --reason "…"'
    hints = (
        (
            failure.cause is Cause.LOCK_TIMEOUT,
            "another session holds a lock on that table: see pg_stat_activity, then run the same again",
        ),
        (
            failure.table == LEDGER and state in SOMEBODY_ELSE,
            "another run added this entry first: wait until it has ended, then run the same again",
        ),
        (bool(rights), rights),
        (state == NO_FUNCTION and "record_migration" in failure.message, QUALIFY),
        (
            failure.cause is Cause.STATEMENT_TIMEOUT,
            "raise `timeouts.statement` in the manifest, or make the statement faster, then run the same again",
        ),
        (failure.cause in _PASSING, "run the same again: it resumes from there"),
        # A rollback runs the ledger's text, which a change of the file does not affect
        (back, f"this SQL is in the ledger and cannot be edited: undo the migration by hand, then `{repair}`"),
        (not step.transactional, CORRECT_STATEMENT),
        (state in IN_TRANSACTION, NO_TRANSACTION),
        (True, CORRECT),
    )
    return next(hint for applies, hint in hints if applies)


def names(done: list[str]) -> str:
    """Names of completed steps, shortened if there are many."""
    return ", ".join(done) if len(done) <= 3 else f"{done[0]} to {done[-1]}, {len(done)} in all,"
