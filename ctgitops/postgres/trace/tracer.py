"""Traces each statement of a migration on a throw-away server: locks, table rewrites, scans and index builds.

The tracer queries two connections. The connection that runs the statements holds the locks until the end of the
transaction. The second connection sees only relations that other sessions can use. The tracer also observes what DO
blocks and functions do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

import psycopg

from ...core.impact.impact import StatementImpact, StepImpact
from ..catalog.relations import Relation, relations
from .non_transactional import NonTransactionalTracer
from .query_plans import LOST, MOST_TEXT, is_plan
from .statement_queries import TracedStatement
from .transactional import TransactionTracer

if TYPE_CHECKING:
    from psycopg.errors import Diagnostic

    from ...core.plan.plan import Step
    from ...sql.parse import Statement
    from ..connection.connect import Connection

SETS = "VariableSetStmt"
"""The type of statements that are not traced. SET takes no lock, and SET TRANSACTION fails after a query."""
MOST_SAID = 10_000
EXPLAINS = "auto_explain.c"
_SOURCES = frozenset({EXPLAINS, "tablecmds.c", "index.c"})
"""PostgreSQL's source files whose messages are read: plans, rewrites, scans, index builds, existing constraints."""
ITS_OWN = frozenset({"DoStmt", "CallStmt", "ReindexStmt", "ClusterStmt"})
"""Statements that must not run in a transaction. They may commit, or process a partitioned table part by part."""


class Tracer:
    """Traces the steps of one plan in order, while they run.

    `open_connection` opens a connection that sees every relation. Relations that exist at the start count as in use.
    """

    def __init__(self, open_connection: Callable[[], Connection]) -> None:
        self._open = open_connection
        self._others = self._beside()
        self._first = frozenset(relations(self._others))
        self._said: list[str] = []
        self._room = MOST_TEXT
        self._statements: list[StatementImpact] = []
        self._transaction: TransactionTracer | None = None
        self._before: dict[int, Relation] = {}
        self._listens = False
        """Whether the connection already sends DEBUG1 messages."""
        self.impacts: dict[int, StepImpact] = {}
        """Maps migration numbers to the impact of each step."""

    def _beside(self) -> Connection:
        connection = self._open()
        connection.prepare_threshold = 1  # planning costs most, and the sandbox has no pooler
        return connection

    def __enter__(self) -> Self:
        return self

    def rest(self) -> None:
        """Closes the second connection until the next step, because a database with sessions cannot be renamed."""
        self._others.close()

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._others.close()

    @contextmanager
    def step(self, connection: Connection, step: Step) -> Iterator[None]:
        """Observes a step. If the step is one transaction, enter after BEGIN, and leave before COMMIT or ROLLBACK."""
        self._statements, self._listens = [], False
        if self._others.closed:
            self._others = self._beside()
        self._transaction = TransactionTracer(connection, self._others, self._first) if step.transactional else None
        self._before = {} if step.transactional else relations(self._others)
        connection.add_notice_handler(self._hear)
        try:
            yield
        except BaseException:
            with suppress(psycopg.Error):  # the connection may be lost, and the reason is already reported
                self._end(step)
            raise
        else:
            self._end(step)
        finally:
            connection.remove_notice_handler(self._hear)

    def _end(self, step: Step) -> None:
        if self._transaction:
            self._statements.extend(self._transaction.impacts())
        before = self.impacts.get(step.number, StepImpact())  # a step that creates an extension runs in several parts
        whole = (*before.statements, *self._statements)
        self.impacts[step.number] = StepImpact(whole, before.transactional and step.transactional)

    @contextmanager
    def statement(self, connection: Connection, step: Step, index: int) -> Iterator[None]:
        """Observes one statement of a step. The index counts from 0. A failed statement is not recorded."""
        statement = step.script.statements[index]
        if statement.kind == SETS:
            self._listens = False
            yield
            return
        line = step.script.place(step.script.start_of(statement)).line or 1
        with self._watching(connection, step, statement, _ran(step, statement, line)):
            if not self._listens:
                connection.pgconn.exec_(b"set client_min_messages = debug1")
            self._said.clear()
            self._room = MOST_TEXT
            yield
        self._listens = self._transaction is not None  # the query after the statement has set client_min_messages

    def _hear(self, said: Diagnostic) -> None:
        # A RAISE DEBUG can have any text, but its source is the language's own file
        source = (said.source_file or "").rpartition("/")[2] if said.severity_nonlocalized == "DEBUG" else ""
        text = said.message_primary
        if not text or source not in _SOURCES or len(self._said) >= MOST_SAID:
            return
        if source == EXPLAINS:
            self._room -= len(text)
            self._said.append(text if self._room >= 0 and is_plan(text) else LOST)
        else:
            self._said.append(text)

    @contextmanager
    def _watching(
        self, connection: Connection, step: Step, statement: Statement, ran: TracedStatement
    ) -> Iterator[None]:
        if self._transaction:
            with self._transaction.watching(ran, self._said):
                yield
        elif statement.refused_in_transaction or statement.kind in ITS_OWN or step.batched:
            alone = NonTransactionalTracer(connection, self._others, self._open, self._before, self._first)
            with alone.watching(statement, ran, self._said, self._statements.append):
                yield
        else:
            with self._in_its_own(connection, ran):
                yield

    @contextmanager
    def _in_its_own(self, connection: Connection, ran: TracedStatement) -> Iterator[None]:
        """Traces a statement in a separate transaction, because apply runs the statements of this step separately."""
        own = TransactionTracer(connection, self._others, self._first, self._before)
        connection.pgconn.exec_(b"begin")
        try:
            with own.watching(ran, self._said):
                yield
            self._statements.extend(own.impacts())
        except BaseException:
            connection.pgconn.exec_(b"rollback")
            raise
        connection.pgconn.exec_(b"commit")


def _ran(step: Step, statement: Statement, line: int) -> TracedStatement:
    batch = step.script.batch.size if step.batched and step.script.batch else 0
    return TracedStatement(statement.kind, line, step.script.text_of(statement), batch)
