"""A failed step: the server's message, its position in the file, and a hint for the user."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.plan.plan import Direction, Step
from ...core.plan.remedy import rights_remedy
from ..connection.connect import Connection
from ..connection.simple_query import Answer, Failure, Interrupted, exchange
from ..ledger.ledger import LEDGER
from .message import Spot

LOCK_NOT_AVAILABLE = "55P03"
IN_TRANSACTION = {"25001", "2D000"}
"""Refused inside a transaction: a statement, or a COMMIT in a procedure or a DO block."""
NOT_GRANTED = "42501"
NO_FUNCTION, CANCELLED = "42883", "57014"
CONNECTION_ENDED = ("08", "57P")
SOMEBODY_ELSE = {"23001", "23505"}
"""What the ledger says of an entry when another run was quicker."""
ASKED_TO_STOP = "the run was asked to stop (SIGINT, SIGTERM or SIGHUP)"


@dataclass(eq=False)
class StepFailed(Exception):  # noqa: N818 - it carries a failure to where the whole is known
    """What the server said while a step was carried out. Not frozen: a context manager it goes through writes to it."""

    failure: Failure
    spot: Spot
    lost: bool
    """The connection is gone, so only the ledger knows what was committed."""
    hint: str = ""
    """What to do, where the failure alone does not tell it."""
    retried: bool = True
    """Whether this run tries it again after a lock timeout; not where the statement may have committed a part."""


class OutOfTime(Exception):  # noqa: N818 - nothing went wrong
    """The time that a batched migration has in one run is over; `rows` are done, and the next run goes on."""

    def __init__(self, rows: int) -> None:
        super().__init__(rows)
        self.rows = rows


def send(connection: Connection, sql: str, spot: Spot | None = None) -> Answer:
    """Something that must succeed; raises StepFailed, whose place is `spot`."""
    answer = exchange(connection, sql)
    if answer.failure:
        raise StepFailed(answer.failure, spot or Spot(), answer.lost)
    return answer


def stopped(interrupted: Interrupted) -> StepFailed:
    """The failure of a step that a person or a machine asked to stop."""
    return StepFailed(Failure(ASKED_TO_STOP), Spot(), interrupted.answer.lost)


def was_stopped(failed: StepFailed) -> bool:
    """Whether a person or a machine asked for it; nothing was wrong with the step."""
    return failed.failure.message == ASKED_TO_STOP and not failed.failure.sqlstate


CORRECT = "correct the file, then run the same again"
NO_TRANSACTION = "write a line `-- ctgitops: no transaction` into the migration, and nothing else into it"
QUALIFY = "this file sets its own search_path: write ctgitops.record_migration"
CORRECT_STATEMENT = (
    "correct that statement, or what is in its way, then run the same again: what is done is not done again"
)
ENDLESS = "make its WHERE false for rows that are done; or allow more with `max_rows=…` in the line `ctgitops: batch`"
CHANGES_THE_FILE = frozenset({CORRECT, NO_TRANSACTION, QUALIFY, CORRECT_STATEMENT, ENDLESS})
"""Hints that hold only where no other environment has the file."""


def hint_for(step: Step, environment: str, failure: Failure) -> str:
    """The next thing to do."""
    back = step.direction is Direction.ROLLBACK
    state = failure.sqlstate
    rights = rights_remedy(state, failure.message)
    repair = f'ctgitops repair {step.number:03} --env {environment} --not-applied --reason "…"'
    hints = (
        (
            state == LOCK_NOT_AVAILABLE,
            "somebody holds a lock on that table: see pg_stat_activity, then run the same again",
        ),
        (
            failure.table == LEDGER and state in SOMEBODY_ELSE,
            "another run was at work too: see that it ended, then run the same again",
        ),
        (bool(rights), rights),
        (
            state == NO_FUNCTION and "record_migration" in failure.message,
            QUALIFY,
        ),
        (
            state == CANCELLED and "statement timeout" in failure.message,
            "raise `timeouts.statement` in the manifest, or make the statement quicker, then run the same again",
        ),
        (
            failure.message == ASKED_TO_STOP or state.startswith(CONNECTION_ENDED),
            "run the same again: it goes on from there",
        ),
        # What is run backwards is the ledger's text, which no change of a file reaches
        (back, f"this SQL stands in the ledger: undo by hand what it should undo, then `{repair}`"),
        (
            not step.transactional,
            CORRECT_STATEMENT,
        ),
        (
            state in IN_TRANSACTION,
            NO_TRANSACTION,
        ),
        (True, CORRECT),
    )
    return next(hint for applies, hint in hints if applies)


def names(done: list[str]) -> str:
    """What was done before, shortened where it is long."""
    return ", ".join(done) if len(done) <= 3 else f"{done[0]} to {done[-1]}, {len(done)} in all,"
