"""A database while this run holds its lock: each migration with its ledger entry, or no trace of it."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import replace

import psycopg
from psycopg.pq import Escaping

from ..core.ledger import Entry, Ledger, Mark
from ..core.migration import Seed
from ..core.plan import Direction, Plan, Step
from ..core.progress import Listener, StepWaited
from ..core.receipt import Receipt
from ..core.request import Request
from ..core.unfinished import how_far, resumption
from ..errors import ApplyError, CtgitopsError, LedgerError, MustWaitError, Place
from ..sql.redact import redact, redact_message
from .batch import Pace
from .connect import Address, Connection, told_if_lost
from .exchange import Answer, Interrupted, exchange, rows
from .execute import entry_of, in_one_transaction, millis_in, signed, whole
from .failed import LOCK_NOT_AVAILABLE, OutOfTime, StepFailed, hint_for, names, stopped
from .ledger import insert_sql, read_ledger
from .message import CLEAN, FLUSH, LEAKS
from .run import Run
from .stepwise import Stepwise

_END_BACKEND = """
select pg_catalog.pg_terminate_backend(pid, 10000) from pg_catalog.pg_stat_activity
where pid = {} and application_name = 'ctgitops/apply' and usename = session_user and pid <> pg_catalog.pg_backend_pid()
"""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 5.0


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
        self.note: Callable[[str], None] = lambda _step: None
        self._tell = tell
        self._connection: Connection | None = None
        self._backend = 0
        self._began = False
        self._done: list[str] = []
        self._unflushed = False
        self._pace = Pace()
        run = Run(
            connected=self._connected,
            another=open_connection,
            hold=hold,
            ledger=self.ledger,
            tell=tell,
            environment=request.environment.name,
            patience=request.environment.timeouts.retry_for.total_seconds(),
        )
        self._stepwise = Stepwise(run)

    def ledger(self) -> Ledger:
        """All entries, read now."""
        connection = self._connected()
        try:
            with told_if_lost(self._address):
                return read_ledger(connection, self._address)
        except LedgerError as error:
            raise self._cut_off(error) from None

    def record(self, entry: Entry) -> None:
        """Adds an entry by itself."""
        self._hold()
        connection = self._connected()
        message = insert_sql(signed(entry, self._request.origin), Escaping(connection.pgconn), timed=False)
        answer = exchange(connection, message)
        if answer.failure:
            what = f"the ledger of {self._address.label} refused an entry: {answer.failure.message}"
            raise LedgerError(what, hint="look into the ledger before anything else: `ctgitops status`")

    def run(self, step: Step, plan: Plan, receipt: Receipt | None) -> int:
        """Carries out one step with its ledger entry; returns milliseconds. Raises ApplyError."""
        self._began = True
        self.note(step.name)
        together = () if step.number in self._pace.ahead else self._pace.choose(step, plan)
        if len(together) > 1:
            self._run_together(together, plan, receipt)
        if step.number in self._pace.ahead:
            self._done.append(step.name)
            return self._pace.ahead.pop(step.number)
        entry = self._entry(step, plan, receipt)
        last = step is plan.steps[-1] and not plan.seeds
        began = time.monotonic()
        if step.transactional:
            millis = self._attempts(step, lambda: self._in_one_transaction(step, entry, last=last), entry)
        else:
            millis = self._attempts(step, lambda: self._outside(step, entry), entry)
        self._pace.learn(time.monotonic() - began, 1)
        self._done.append(step.name)
        return millis

    def _outside(self, step: Step, entry: Entry) -> int:
        """What cannot be in a transaction, from where it stands. Raises MustWaitError where its time is over."""
        try:
            return self._stepwise.run(step, entry)
        except OutOfTime as over:
            said = f"{over.rows:,} rows are done, and its time in this run is over"
            self.record(replace(entry, mark=Mark.DEFERRED, error=said, rollback_sql=None))
            done = f"{names(self._done)} done; " if self._done else ""
            raise MustWaitError(
                f"{step.name} is deferred: {said}",
                place=Place(step.script.path),
                state=f"in {self._request.environment.name}, {done}what comes after it waits for it",
                hint="run the same again, or let a schedule do it: it goes on from there",
            ) from None

    def _run_together(self, steps: tuple[Step, ...], plan: Plan, receipt: Receipt | None) -> None:
        """Several in one message; those that the server finished are then ahead, an error is left to be met again."""
        self._hold()
        connection = self._connected()
        texts = []
        for step in steps:
            last = step is plan.steps[-1] and not plan.seeds
            entry = self._entry(step, plan, receipt)
            texts.append(whole(connection, step, entry, last=last).text)
        began = time.monotonic()
        try:
            answer = exchange(connection, ";\n".join(texts))
        except Interrupted as interrupted:
            self._catch_up(steps, interrupted.answer)
            self._done += [s.name for s in steps if s.number in self._pace.ahead]
            step = next((s for s in steps if s.number not in self._pace.ahead), steps[-1])
            entry = self._entry(step, plan, receipt)
            raise self._given_up(step, stopped(interrupted), entry, 1) from None
        if answer.failure:
            self._catch_up(steps, answer)
            return
        self._unflushed = not last
        self._pace.ahead |= {step.number: millis for step, millis in zip(steps, millis_in(answer), strict=True)}
        self._pace.learn(time.monotonic() - began, len(steps))

    def _catch_up(self, steps: tuple[Step, ...], answer: Answer) -> None:
        """Asks the ledger which of them are done, after a message that did not come to its end."""
        self._pace.stumble()
        self._end_transaction(lost=answer.lost)
        applied = self.ledger().applied
        for step in steps:
            if (step.number in applied) is (step.direction is Direction.APPLY):
                entry = applied.get(step.number)
                self._pace.ahead[step.number] = (entry and entry.millis) or 0

    def seed(self, seed: Seed, plan: Plan) -> int:
        """Runs one seed file with its ledger entry in one transaction; returns milliseconds. Raises ApplyError."""
        self._began = True
        step = Step(Direction.APPLY, 0, seed.name, None, seed.checksum, seed.script)
        entry = Entry(Mark.APPLIED, seed.name, checksum=seed.checksum, sql=seed.script.sql, plan=plan.fingerprint)
        entry = signed(entry, self._request.origin)
        last = seed is plan.seeds[-1]
        millis = self._attempts(step, lambda: self._in_one_transaction(step, entry, last=last), entry)
        self._done.append(seed.name)
        return millis

    def close(self) -> None:
        """Ends the connection, when all that was committed is on disk."""
        if self._connection is not None:
            if self._unflushed and not self._connection.closed:
                with contextlib.suppress(Interrupted):
                    exchange(self._connection, FLUSH)
            self._connection.close()
            self._connection = None

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            try:
                self._connection = self._open()
            except LedgerError as error:
                raise self._cut_off(error) from None
            self._backend = self._connection.info.backend_pid
        return self._connection

    def _cut_off(self, error: LedgerError) -> CtgitopsError:
        """The same where nothing was begun; later on it is not true that nothing was changed."""
        if not self._began:
            return error
        done = f"{names(self._done)} done; " if self._done else ""
        state = f"in {self._request.environment.name}, {done}what else is done stands in the ledger"
        return ApplyError(error.what, state=state, hint="run the same again: it finds out, and goes on from there")

    def _attempts(self, step: Step, work: Callable[[], int], entry: Entry) -> int:
        """Tries until it is done; a lock that was not to be had leaves no trace and is tried again for a while."""
        deadline = time.monotonic() + self._request.environment.timeouts.retry_for.total_seconds()
        pause, attempt = FIRST_PAUSE_SECONDS, 1
        while True:
            self._hold()
            try:
                return work()
            except StepFailed as failed:
                waits = failed.failure.sqlstate == LOCK_NOT_AVAILABLE
                if not waits or time.monotonic() + pause > deadline:
                    raise self._given_up(step, failed, entry, attempt) from None
            except Interrupted as interrupted:
                raise self._given_up(step, stopped(interrupted), entry, attempt) from None
            self._end_transaction(lost=False)
            self._tell(StepWaited(step, attempt, pause))
            time.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret
            pause, attempt = min(pause * 2, LONGEST_PAUSE_SECONDS), attempt + 1

    def _entry(self, step: Step, plan: Plan, receipt: Receipt | None) -> Entry:
        return entry_of(step, plan, receipt, self._request.origin)

    def _in_one_transaction(self, step: Step, entry: Entry, *, last: bool) -> int:
        connection = self._connected()
        millis = in_one_transaction(connection, step, entry, last=last)
        self._unflushed = not last
        if LEAKS.search(step.script.sql):
            connection.close()
        return millis

    def _given_up(self, step: Step, failed: StepFailed, entry: Entry, attempt: int) -> ApplyError:
        """Ends the transaction, reads back what is true, records the failure, and says all of it."""
        failure = failed.failure
        what = f"{step.name}: {self._hidden(step, failure.message)}"
        if attempt > 1:
            what += f" (after {attempt} attempts)"
        return ApplyError(
            what,
            place=failed.spot.place_shown or Place(step.script.path),
            sqlstate=failure.sqlstate,
            statement=redact(failed.spot.statement),
            statement_line=failed.spot.line,
            detail=self._hidden(step, failure.detail),
            state=self._state_after(step, failed, entry),
            hint=failed.hint or hint_for(step, self._request.environment.name, failure),
        )

    def _hidden(self, step: Step, said: str) -> str:
        """What the server said, without a password of the address or of the SQL."""
        return self._address.hidden(redact_message(said, step.script.secrets))

    def _state_after(self, step: Step, failed: StepFailed, entry: Entry) -> str:
        where = f"in {self._request.environment.name}, "
        before = f"{names(self._done)} done; " if self._done else ""
        try:
            self._end_transaction(lost=failed.lost)
            newest = next((e for e in reversed(self.ledger().entries) if e.name == step.name), None)
            if newest and newest.mark is entry.mark and newest.plan == entry.plan:
                return f"{where}{before}{step.name} is done too: this came after its commit"
        except (psycopg.Error, CtgitopsError, Interrupted):
            return f"{where}{before}nobody can ask now whether {step.name} is done; the next run finds out"
        error = f"{failed.failure.sqlstate} {failed.failure.message}".strip()
        with contextlib.suppress(psycopg.Error, CtgitopsError, Interrupted):
            self.record(replace(entry, mark=Mark.FAILED, error=self._address.hidden(error), rollback_sql=None))
        if step.transactional:
            return f"{where}{before}{step.name} left no trace"
        return f"{where}{before}{self._how_far(step)}"

    def _how_far(self, step: Step) -> str:
        try:
            at = resumption(step.script, self.ledger().traces_of(step.number))
        except (psycopg.Error, CtgitopsError, Interrupted):
            return f"{step.name} runs outside a transaction: what its statements before this one did is there"
        return f"{step.name} is unfinished, {how_far(at, len(step.script.statements))}"

    def _end_transaction(self, *, lost: bool) -> None:
        if lost:
            self._end_backend()
        elif self._connection is not None and not self._connection.closed:
            exchange(self._connection, "rollback; " + CLEAN)

    def _end_backend(self) -> None:
        """After this, what the ledger says is the last word: a server goes on with what nobody waits for any more."""
        backend = self._backend
        self.close()
        answer = exchange(self._connected(), _END_BACKEND.format(backend))
        if answer.failure or any(row != ("t",) for result in answer.results for row in rows(result)):
            raise self._cut_off(
                LedgerError(f"backend {backend} of {self._address.label}, which was lost, does not end")
            )
