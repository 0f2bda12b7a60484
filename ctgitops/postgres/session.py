"""A database while this run holds its lock: each migration with its ledger entry, or no trace of it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import psycopg
from psycopg.pq import Escaping

from ..core.ledger import Entry, Ledger, Mark
from ..core.migration import Seed
from ..core.plan import Direction, Plan, Step
from ..core.progress import Listener, StatementFinished, StepWaited
from ..core.receipt import Receipt
from ..core.request import Request
from ..errors import ApplyError, LedgerError, Place
from ..sql.script import Script
from .connect import Address, Connection
from .exchange import Answer, Failure, Interrupted, exchange, rows
from .ledger import insert_sql, read_ledger
from .message import CLEAN, CONCURRENTLY, LEAKS, Message, opening, place_of

LOCK_NOT_AVAILABLE = "55P03"
IN_TRANSACTION = "25001"
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 5.0


@dataclass(frozen=True)
class _Failed(Exception):  # noqa: N818 - carries a failure to where the whole is known
    failure: Failure
    place: Place | None
    statement: str
    lost: bool


class WorkSession:
    """The run's work on one database. `open_connection` gives a new one; `hold` raises when the run lock is lost."""

    def __init__(
        self,
        address: Address,
        request: Request,
        *,
        open_connection: Callable[[], Connection],
        hold: Callable[[], None],
        tell: Listener,
    ) -> None:
        self._address = address
        self._request = request
        self._open = open_connection
        self._hold = hold
        self._tell = tell
        self._connection: Connection | None = None
        self._done: list[str] = []

    def ledger(self) -> Ledger:
        """All entries, read now."""
        return read_ledger(self._connected(), self._address)

    def record(self, entry: Entry) -> None:
        """Adds an entry by itself."""
        self._hold()
        connection = self._connected()
        message = insert_sql(self._signed(entry), Escaping(connection.pgconn), timed=False)
        answer = exchange(connection, message)
        if answer.failure:
            what = f"the ledger of {self._address.label} refused an entry: {answer.failure.message}"
            raise LedgerError(what, hint="look into the ledger before anything else: `ctgitops status`")

    def run(self, step: Step, plan: Plan, receipt: Receipt | None) -> int:
        """Carries out one step with its ledger entry; returns milliseconds. Raises ApplyError."""
        entry = self._signed(_entry_for(step, plan, receipt))
        work = self._in_one_transaction if step.transactional else self._statement_by_statement
        millis = self._attempts(step, lambda: work(step, entry), entry)
        self._done.append(step.name)
        return millis

    def seed(self, seed: Seed, plan: Plan) -> int:
        """Runs one seed file with its ledger entry in one transaction; returns milliseconds. Raises ApplyError."""
        step = Step(Direction.APPLY, 0, seed.name, None, seed.checksum, seed.script)
        entry = Entry(Mark.APPLIED, seed.name, checksum=seed.checksum, sql=seed.script.sql, plan=plan.fingerprint)
        entry = self._signed(entry)
        millis = self._attempts(step, lambda: self._in_one_transaction(step, entry), entry)
        self._done.append(seed.name)
        return millis

    def close(self) -> None:
        """Ends the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = self._open()
        return self._connection

    def _signed(self, entry: Entry) -> Entry:
        origin = self._request.origin
        return replace(
            entry,
            actor=origin.actor or None,
            commit_sha=origin.commit_sha or None,
            pull_request=origin.pull_request,
            run_url=origin.run_url or None,
        )

    def _attempts(self, step: Step, work: Callable[[], int], entry: Entry) -> int:
        """Tries until it is done; a lock that was not to be had leaves no trace and is tried again for a while."""
        deadline = time.monotonic() + self._request.environment.timeouts.retry_for.total_seconds()
        pause, attempt = FIRST_PAUSE_SECONDS, 1
        while True:
            self._hold()
            try:
                return work()
            except _Failed as failed:
                waits = step.transactional and failed.failure.sqlstate == LOCK_NOT_AVAILABLE
                if not waits or time.monotonic() + pause > deadline:
                    raise self._given_up(step, failed, entry, attempt) from None
            except Interrupted as interrupted:
                failure = Failure("the run was asked to stop (SIGINT or SIGTERM)")
                stopped = _Failed(failure, None, "", interrupted.answer.lost)
                raise self._given_up(step, stopped, entry, attempt) from None
            self._tell(StepWaited(step, attempt, pause))
            time.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret
            pause, attempt = min(pause * 2, LONGEST_PAUSE_SECONDS), attempt + 1

    def _in_one_transaction(self, step: Step, entry: Entry) -> int:
        connection = self._connected()
        before, leading = opening(step.script, step.name, local=True)
        ending = (
            f"{_ENDING}{insert_sql(entry, Escaping(connection.pgconn), timed=True)} returning millis; commit; {CLEAN}"
        )
        if step.verify is None:
            message = Message(before, step.script, ending, leading)
            answer = self._exchange(connection, message)
        else:
            message = Message(before, step.script, "", leading)
            self._exchange(connection, message)
            self._verify(connection, step.verify)
            message = Message("", Script("", step.script.path), ending, 0)
            answer = self._exchange(connection, message)
        self._renew_after(step.script)
        return _millis(answer)

    def _exchange(self, connection: Connection, message: Message) -> Answer:
        answer = exchange(connection, message.text)
        if answer.failure:
            place, statement = place_of(message, answer.failure.position, answer.done)
            raise _Failed(answer.failure, place, statement, answer.lost)
        return answer

    def _verify(self, connection: Connection, verify: Script) -> None:
        """Each of its queries must return true in every row, before the commit."""
        answer = self._exchange(connection, Message("", verify, "", 0))
        for statement, result in zip(verify.statements, answer.results, strict=False):
            values = [value for row in rows(result) for value in row]
            if not values or any(value != "t" for value in values):
                shown = ", ".join("null" if value is None else value for value in values[:5]) or "no row"
                failure = Failure(f"a verify query returned {shown} instead of true")
                sql = verify.sql[statement.start : statement.end]
                raise _Failed(failure, verify.place(statement.start), sql, lost=False)

    def _statement_by_statement(self, step: Step, entry: Entry) -> int:
        """Outside a transaction: an entry before, each statement by itself, verify, an entry after."""
        connection = self._connected()
        escaping = Escaping(connection.pgconn)
        started = replace(entry, mark=Mark.STARTED, rollback_sql=None)
        self._send(connection, insert_sql(started, escaping, timed=False))
        before, _ = opening(step.script, step.name, local=False)
        self._send(connection, before)
        clock = time.monotonic()
        for position, statement in enumerate(step.script.statements, start=1):
            sql = step.script.sql[statement.start : statement.end]
            since = time.monotonic()
            if CONCURRENTLY.search(sql):
                # It waits for old transactions without making anybody wait; cut short, it leaves an INVALID index.
                self._send(connection, "set lock_timeout = 0")
            self._one(connection, step.script, statement.start, sql)
            millis = round((time.monotonic() - since) * 1000)
            self._tell(StatementFinished(step, position, len(step.script.statements), millis))
        if step.verify:
            self._verify(connection, step.verify)
        total = round((time.monotonic() - clock) * 1000)
        # The role that the statements may have left behind is not the ledger's.
        self._send(connection, "set session authorization default")
        self._send(connection, insert_sql(replace(entry, millis=total), escaping, timed=False))
        connection.close()
        return total

    def _one(self, connection: Connection, script: Script, start: int, sql: str) -> None:
        answer = exchange(connection, sql)
        if answer.failure:
            position = answer.failure.position
            place = script.place(start + (position - 1 if position else 0))
            raise _Failed(answer.failure, place, sql, answer.lost)

    def _send(self, connection: Connection, sql: str) -> None:
        answer = exchange(connection, sql)
        if answer.failure:
            raise _Failed(answer.failure, None, "", answer.lost)

    def _renew_after(self, script: Script) -> None:
        if LEAKS.search(script.sql) and self._connection is not None:
            self._connection.close()

    def _given_up(self, step: Step, failed: _Failed, entry: Entry, attempt: int) -> ApplyError:
        """Ends the transaction, reads back what is true, records the failure, and says all of it."""
        failure = failed.failure
        what = f"{step.name}: {self._address.hidden(failure.message)}"
        if attempt > 1:
            what += f" (after {attempt} attempts)"
        return ApplyError(
            what,
            place=failed.place or Place(step.script.path),
            sqlstate=failure.sqlstate,
            statement=failed.statement,
            detail=self._address.hidden(failure.detail),
            state=self._state_after(step, failed, entry),
            hint=_hint(step, failure),
        )

    def _state_after(self, step: Step, failed: _Failed, entry: Entry) -> str:
        before = f"{_names(self._done)} done; " if self._done else ""
        try:
            if failed.lost or self._connection is None:
                self.close()
            elif not self._connection.closed:
                exchange(self._connection, "rollback; " + CLEAN)
            newest = next((e for e in reversed(self.ledger().entries) if e.name == step.name), None)
            if failed.lost and newest and newest.mark is entry.mark and newest.plan == entry.plan:
                return f"{before}{step.name} is done too: the connection broke after its commit"
            error = f"{failed.failure.sqlstate} {failed.failure.message}".strip()
            self.record(replace(entry, mark=Mark.FAILED, error=self._address.hidden(error), rollback_sql=None))
        except (psycopg.Error, LedgerError, Interrupted):
            return f"{before}the database cannot be asked now whether {step.name} is done; the next run finds out"
        if step.transactional:
            return f"{before}{step.name} left no trace"
        return f"{before}{step.name} runs outside a transaction: what its statements before this one did is there"


def _names(done: list[str]) -> str:
    return ", ".join(done) if len(done) <= 3 else f"{done[0]} to {done[-1]}, {len(done)} in all,"


_ENDING = "set session authorization default; "
"""The role that a migration may have left behind must not write the ledger's entry."""


def _millis(answer: Answer) -> int:
    for result in answer.results:
        if result.nfields == 1 and result.fname(0) == b"millis" and result.ntuples == 1:
            return round(float((result.get_value(0, 0) or b"0").decode()))
    return 0


def _entry_for(step: Step, plan: Plan, receipt: Receipt | None) -> Entry:
    back = step.direction is Direction.ROLLBACK
    return Entry(
        mark=Mark.ROLLED_BACK if back else Mark.APPLIED,
        name=step.name,
        number=step.number,
        version=str(step.version) if step.version else None,
        checksum=step.checksum,
        sql=step.script.sql,
        rollback_sql=step.rollback_script.sql if step.rollback_script else None,
        plan=plan.fingerprint,
        receipt=receipt.summary() if receipt else None,
    )


def _hint(step: Step, failure: Failure) -> str:
    if failure.sqlstate == LOCK_NOT_AVAILABLE:
        return "somebody holds a lock on that table: see pg_stat_activity, then run the same again"
    if failure.sqlstate == IN_TRANSACTION:
        return "write a line `-- ctgitops: no transaction` into the file, and nothing else into it"
    if failure.sqlstate == "42501":
        return "grant what it needs to the role of this environment's URL, then run the same again"
    if not step.transactional:
        number = f"{step.number:03}"
        return f"look at what is there, then `ctgitops repair {number} --not-applied --reason …` and run it again"
    return "correct the file, then run the same again"
