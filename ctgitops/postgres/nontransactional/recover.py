"""Recovers from a statement that an earlier run did not finish. Detects and repairs the statement's leftovers.

If a person must decide, the run fails with a hint. Never changes an object that the statement did not create.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ...core.ledger.recovery import ABSENT, Present, RecoveryAction, RelationState, new_ones, next_of, parse_state
from ...core.ledger.resumption import ProgressState
from ...core.run.progress import BackendAwaited, LeftoverHealed
from ...lazy import dataclass
from ...sql.interruption import LeftoverKind, Leftovers
from ...sql.redact import is_redacted, redact
from ...sql.script import Script
from ..connection.cancellable_query import Answer, Failure, exchange, exchange_or_rollback, rest, rows
from ..transaction.message import OWN_PATH, Spot
from ..transaction.step_failure import NOT_GRANTED, StepFailed, send
from .leftovers import CatalogUnreadable, Index, candidates, drop, index_of, is_wanted, seen

if TYPE_CHECKING:
    from ...core.ledger.ledger import Ledger
    from ...core.ledger.resumption import ProgressRow, Resumption
    from ...core.plan.plan import Step
    from ...sql.parse import Statement
    from ..connection.connect import Connection
    from ..ledger.progress import Author
    from .run_context import Run

_STILL_AT_WORK = """
select left(query, 200) from pg_catalog.pg_stat_activity
where pid = {pid} and pid <> pg_catalog.pg_backend_pid() and state <> 'idle'
  and backend_start <= pg_catalog.to_timestamp({began})
"""
# After a lock timeout in this run, the progress row names this backend, which no longer runs the statement.
WAIT_SECONDS = 1.0
_LIMITS = """select name from pg_catalog.pg_settings
where name operator(pg_catalog.=) any(array['lock_timeout', 'statement_timeout'])
    and source operator(pg_catalog.<>) 'session'"""
"""Queries the timeouts that no SET in this session has changed. The run's own timeouts are connection options."""


@dataclass(frozen=True)
class InterruptedStatement:
    """A statement that an earlier run began, or that this run will begin next."""

    text: str
    left: Leftovers
    before: RelationState | None
    """The state before the statement began. None if no run began it."""


@dataclass(frozen=True)
class Recovery:
    """Repairs the leftovers of one step's statements."""

    run: Run
    connection: Connection
    step: Step
    author: Author

    def outcome(self, attempted: InterruptedStatement, position: int, spot: Spot) -> RecoveryAction:
        """Repairs the leftovers. Returns RUN if the statement must run, and DONE if the statement is complete.

        Raises StepFailed if a person must decide.
        """
        try:
            return self._outcome(attempted, position, spot)
        except CatalogUnreadable as refused:
            failure = refused.answer.failure or Failure("the server did not answer")
            raise StepFailed(failure, spot, refused.answer.lost) from None

    def _outcome(self, attempted: InterruptedStatement, position: int, spot: Spot) -> RecoveryAction:
        now = seen(self.connection, attempted.left)
        if attempted.left.what is LeftoverKind.INDEX:
            return self._index(attempted, now, position, spot)
        verdict = next_of(attempted.left.what, attempted.before, now)
        if verdict is RecoveryAction.CLEAN:
            for oid in new_ones(attempted.before, now):
                self._drop(index_of(self.connection, oid), position, spot)
            return RecoveryAction.RUN
        if verdict is RecoveryAction.FINISH:
            self._finish_detaching(attempted.left, position, spot)
            return RecoveryAction.DONE
        if verdict is RecoveryAction.ASK:
            raise StepFailed(Failure(_question_of(attempted.left)), spot, lost=False, hint=self.repair(position))
        return verdict

    def _index(self, attempted: InterruptedStatement, now: RelationState, position: int, spot: Spot) -> RecoveryAction:
        """Drops the INVALID index that the statement left. Raises StepFailed if another index has its name."""
        verdict = RecoveryAction.RUN
        for oid in candidates(attempted.left, attempted.before, now):
            index = index_of(self.connection, oid, attempted.left.table)
            wish = next_of(LeftoverKind.INDEX, attempted.before, Present(oid, index.valid))
            if wish is RecoveryAction.RUN:
                continue
            if not (index.plain and index.on_wanted_table and is_wanted(self.connection, index, attempted.text)):
                self._ask_about(index, spot, named=bool(attempted.left.name))
                continue
            if wish is RecoveryAction.DONE:
                return RecoveryAction.DONE
            self._drop(index, position, spot)
        return verdict

    def _ask_about(self, index: Index, spot: Spot, *, named: bool) -> None:
        """Raises StepFailed if `named` is set: then `index` has the name in the statement, but another definition."""
        if not named:
            return
        state = "valid" if index.valid else "INVALID"
        what = f"index {index.name} already exists, is {state}, and is not the index that this statement creates"
        hint = f"find out what uses it; rename it or `drop index concurrently {index.name}`; then run the command again"
        raise StepFailed(Failure(what), spot, lost=False, hint=hint)

    def _drop(self, index: Index, position: int, spot: Spot) -> None:
        answer = drop(self.connection, index)
        if answer.failure and answer.failure.sqlstate == NOT_GRANTED and index.name.startswith("pg_toast."):
            # Only a superuser can drop an index on a TOAST table. It does no harm, but costs space and time.
            self.run.tell(LeftoverHealed(self.step, f"a superuser must `drop index {index.name}`, which is INVALID"))
            return
        if answer.failure:
            raise StepFailed(answer.failure, spot, answer.lost)
        self._healed(f"index {index.name}, which an interrupted statement left INVALID, was dropped", position)

    def _finish_detaching(self, left: Leftovers, position: int, spot: Spot) -> None:
        send(self.connection, f"alter table {left.table} detach partition {left.name} finalize", spot)
        self._healed(f"the interrupted DETACH PARTITION {left.name} was completed", position)

    def _healed(self, what: str, position: int) -> None:
        record(self.connection, self.author.row(ProgressState.HEALED, position, note=what))
        self.run.tell(LeftoverHealed(self.step, what))

    def repair(self, position: int) -> str:
        """The command with which a person records whether the statement is done."""
        repair = (
            f'ctgitops repair {self.step.number:03} --env {self.run.environment} --reason "…" --statement {position}'
        )
        return (
            f"check the effect of the statement; then run `{repair} --applied` if it is done, or "
            f"`{repair} --not-applied` to run it again; without `--statement`, this applies to the whole file"
        )

    def began_before(self, at: Resumption, ledger: Ledger) -> dict[int, InterruptedStatement]:
        """The unfinished statements that earlier runs began, by position. Waits for the backends of those runs."""
        found: dict[int, InterruptedStatement] = {}
        for begun in at.all_begun:
            self._wait_for(begun)
            entry = next((e for e in ledger.entries if e.id == begun.entry), None)
            was = Script(entry.sql or "", self.step.script.path) if entry else self.step.script
            if earlier := attempted_before((self.step.script, was), begun):
                found[begun.position] = earlier
        return found

    def _wait_for(self, begun: ProgressRow) -> None:
        """Waits until the backend of an earlier run has ended. Raises StepFailed after `Run.patience` seconds."""
        if not begun.alive or begun.started_at is None:
            return
        deadline = time.monotonic() + self.run.patience
        query = _STILL_AT_WORK.format(pid=int(begun.backend), began=begun.started_at.timestamp())
        while doing := _only(exchange(self.connection, f"begin; {OWN_PATH}; {query}; commit")):
            if time.monotonic() > deadline:
                what = f"backend {begun.backend} of an earlier run is still running: {doing}"
                end = f"`select pg_terminate_backend({begun.backend})`"
                hint = f"wait until it ends, or terminate it with {end}; then run the command again"
                raise StepFailed(Failure(what), Spot(), lost=False, hint=hint)
            self.run.tell(BackendAwaited(self.step, begun.backend, doing))
            rest(WAIT_SECONDS)


def attempted_before(scripts: tuple[Script, Script], begun: ProgressRow) -> InterruptedStatement | None:
    """The statement that `begun` refers to. Searches the current file, then the ledger's text.

    If the ledger's text is redacted, the hashes of its statements differ. The statement is then identified by its
    position.
    """
    _, was = scripts
    found = [(script, s) for script in scripts for s in script.statements if script.hash_of(s) == begun.statement_hash]
    if is_redacted(was.sql):
        found += [(was, s) for s in was.statements[begun.position - 1 : begun.position]]
    for script, statement in found:
        before = parse_state(begun.note) if begun.note else ABSENT
        left = statement.leftovers if before is not None else None  # if the note is unreadable, a person must decide
        left = left or Leftovers(LeftoverKind.ANYTHING)
        return InterruptedStatement(script.text_of(statement), left, before or ABSENT)
    return None


def record(connection: Connection, row: str) -> None:
    """Adds a progress row in a separate transaction, as the login role. The migration's role may lack privileges."""
    answer = exchange_or_rollback(connection, f"begin; set local session authorization default; {row}; commit")
    if answer.failure:
        raise StepFailed(answer.failure, Spot(), answer.lost)


def timeouts_to_disable(connection: Connection, statement: Statement) -> list[str]:
    """The timeouts to disable for a CONCURRENTLY statement. Empty for other statements.

    A CONCURRENTLY statement waits for old transactions without blocking other sessions, and a timeout would leave an
    INVALID index. A timeout that the file sets for the session, with SET or in a function, stays in force. The server
    reports these timeouts, so SET LOCAL and text in comments do not count.
    """
    if "CONCURRENTLY" not in statement.refused_in_transaction:
        return []
    answer = send(connection, _LIMITS)
    return [str(name) for result in answer.results for (name,) in rows(result)]


def _only(answer: Answer) -> str:
    found = [value for result in answer.results for (value,) in rows(result)]
    return redact(found[0] or "") if found else ""


def _question_of(left: Leftovers) -> str:
    if left.what is LeftoverKind.DROPPED_INDEX:
        return f"index {left.name} is not the index that an earlier run began to drop"
    return "an earlier run was interrupted in this statement, and how much of it is done cannot be determined"
