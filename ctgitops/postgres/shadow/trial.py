"""Runs one step in a throw-away database, statement by statement. An observer can watch each statement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol

from ...sql.batch import sized
from ...sql.parse import Statement, batch_shape
from ...sql.traits import Trait
from ..connection.cancellable_query import Answer, Failure, exchange
from ..transaction.execute import verify
from ..transaction.message import CLEAN, Spot, opening, spot_in, spot_within
from ..transaction.session_leaks import leak_query, leaks_in
from ..transaction.step_failure import StepFailed

if TYPE_CHECKING:
    from ...core.activity.session_leak import SessionLeak
    from ...core.plan.plan import Step
    from ..connection.connect import Connection

TRACED = ("client_min_messages",)
"""Settings that the tracer changes in the session."""
MOST_BATCHES = 1000
"""Maximum number of batches. A migration that still changes rows after these batches counts as endless."""


class Observer(Protocol):
    """Observes the statements of a trial on their connection, for example their locks, notices and relfilenodes."""

    def step(self, connection: Connection, step: Step) -> AbstractContextManager[None]:
        """Wraps all statements of a step. The block starts after any BEGIN, and ends before any COMMIT."""

    def statement(self, connection: Connection, step: Step, index: int) -> AbstractContextManager[None]:
        """Wraps the statement `step.script.statements[index]`. A failed statement raises StepFailed in the block."""


class NoObserver:
    """An observer that does nothing."""

    def step(self, connection: Connection, step: Step) -> AbstractContextManager[None]:  # noqa: ARG002 - as in `Observer`
        """Does nothing around a step."""
        return nullcontext()

    def statement(self, connection: Connection, step: Step, index: int) -> AbstractContextManager[None]:  # noqa: ARG002 - as in `Observer`
        """Does nothing around a statement."""
        return nullcontext()


def try_step(connection: Connection, step: Step, observer: Observer) -> tuple[SessionLeak, ...]:
    """Runs one step without a ledger entry. Resets the session state that the step leaks, and returns this state.

    After a failure, rolls back the transaction if there is one, closes the connection, and raises StepFailed. Also
    closes the connection if the step leaves session state that cannot be reset.
    """
    try:
        leaks = _try(connection, step, observer)
    except StepFailed:
        connection.close()
        raise
    if Trait.OUTLIVES in step.script.traits:
        connection.close()
    return leaks


def _try(connection: Connection, step: Step, observer: Observer) -> tuple[SessionLeak, ...]:
    before, _ = opening(step, local=step.transactional)
    _send(connection, before)
    with observer.step(connection, step):
        for index, statement in enumerate(step.script.statements):
            with observer.statement(connection, step, index):
                _run(connection, step, statement)
        for queries in (single.verify for single in step.singles if single.verify):
            verify(connection, queries)
    commit = "commit; " if step.transactional else ""
    return leaks_in(_send(connection, f"{commit}{leak_query(step, TRACED)}{CLEAN}"))


def _run(connection: Connection, step: Step, statement: Statement) -> None:
    text, at = step.script.text_of(statement), step.script.start_of(statement)
    if step.batched and step.script.batch:
        with _placed(step, statement, at):
            _batches(connection, text, step.script.batch.size)
        return
    answer = exchange(connection, text, without_rows=True)
    if answer.failure:
        failure = answer.failure
        offset = at + (failure.position or 1) - 1 if failure.position or not failure.inside else None
        raise StepFailed(failure, spot_within(step.script, statement, offset, failure.inside), answer.lost)


def _batches(connection: Connection, text: str, size: int) -> None:
    whole = sized(text, batch_shape(text), size)
    for _ in range(MOST_BATCHES):
        answer = exchange(connection, whole, without_rows=True)
        if answer.failure:
            raise StepFailed(answer.failure, Spot(), answer.lost)
        if not any(result.command_tuples for result in answer.results):
            return
    raise StepFailed(Failure(f"still found rows after {MOST_BATCHES} batches"), Spot(), lost=False)


@contextmanager
def _placed(step: Step, statement: Statement, at: int) -> Iterator[None]:
    """Moves a batch's failure to the statement's first word, because the SQL of a batch differs from the file."""
    try:
        yield
    except StepFailed as failed:
        raise StepFailed(failed.failure, spot_in(step.script, statement, at), failed.lost) from None


def _send(connection: Connection, text: str) -> Answer:
    answer = exchange(connection, text)
    if answer.failure:
        raise StepFailed(answer.failure, Spot(), answer.lost)
    return answer
