"""A database while this run holds its lock: each migration with its ledger entry, or no trace of it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace

from psycopg.pq import Escaping

from ..core.in_the_way import InTheWay, told_together
from ..core.ledger import Entry, Ledger, Mark
from ..core.migration import Seed
from ..core.plan import Direction, Plan, Step
from ..core.progress import Listener, OthersAwaited, StepWaited
from ..core.receipt import Receipt
from ..core.request import Request
from ..errors import LedgerError, MustWaitError, Place
from .aftermath import Aftermath
from .batch import Pace
from .connect import Address, Connection
from .exchange import Answer, Failure, Interrupted, exchange, rest
from .execute import entry_of, in_one_transaction, millis_in, signed, whole
from .failed import LOCK_NOT_AVAILABLE, OutOfTime, StepFailed, stopped
from .ledger import insert_sql
from .look import Look, spot_of_lock
from .message import LEAKS
from .run import Run
from .stepwise import Stepwise
from .work import SoFar, Work

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, LOOK_SECONDS = 0.2, 5.0, 0.2


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
        self._hold = hold
        self.note: Callable[[str], None] = lambda _step: None
        self._tell = tell
        self._so_far = SoFar(request.environment.name)
        self._work = Work(address, open_connection, self._so_far)
        self._aftermath = Aftermath(address, self._work, self._so_far, self.record)
        self._pace = Pace()
        self._look = Look()
        run = Run(
            connected=self._work.connected,
            another=open_connection,
            hold=hold,
            ledger=self._work.ledger,
            tell=tell,
            environment=request.environment.name,
            patience=request.environment.timeouts.retry_for.total_seconds(),
        )
        self._stepwise = Stepwise(run)

    def ledger(self) -> Ledger:
        """All entries, read now."""
        return self._work.ledger()

    def record(self, entry: Entry) -> None:
        """Adds an entry by itself."""
        self._hold()
        connection = self._work.connected()
        message = insert_sql(signed(entry, self._request.origin), Escaping(connection.pgconn), timed=False)
        answer = exchange(connection, message)
        if answer.failure:
            what = f"the ledger of {self._address.label} refused an entry: {answer.failure.message}"
            raise LedgerError(what, hint="look into the ledger before anything else: `ctgitops status`")

    def run(self, step: Step, plan: Plan, receipt: Receipt | None) -> int:
        """Carries out one step with its ledger entry; returns milliseconds. Raises ApplyError."""
        self._so_far.began = True
        self.note(step.name)
        together = () if step.number in self._pace.ahead else self._pace.choose(step, plan)
        if len(together) > 1 and not self._in_the_way(together, patient=True):
            self._run_together(together, plan, receipt)
        if step.number in self._pace.ahead:
            self._so_far.done.append(step.name)
            self._look.learn(step)
            return self._pace.ahead.pop(step.number)
        entry = self._entry(step, plan, receipt)
        last = step is plan.steps[-1] and not plan.seeds
        began = time.monotonic()
        if step.transactional:
            millis = self._attempts(step, lambda: self._in_one_transaction(step, entry, last=last), entry)
        else:
            millis = self._attempts(step, lambda: self._outside(step, entry), entry)
        self._pace.learn(time.monotonic() - began, 1)
        self._so_far.done.append(step.name)
        self._look.learn(step)
        return millis

    def _outside(self, step: Step, entry: Entry) -> int:
        """What cannot be in a transaction, from where it stands. Raises MustWaitError where its time is over."""
        try:
            return self._stepwise.run(step, entry)
        except OutOfTime as over:
            said = f"{over.rows:,} rows are done, and its time in this run is over"
            self.record(replace(entry, mark=Mark.DEFERRED, error=said, rollback_sql=None))
            raise MustWaitError(
                f"{step.name} is deferred: {said}",
                place=Place(step.script.path),
                state=f"{self._so_far.told}what comes after it waits for it",
                hint="run the same again, or let a schedule do it: it goes on from there",
            ) from None

    def _run_together(self, steps: tuple[Step, ...], plan: Plan, receipt: Receipt | None) -> None:
        """Several in one message; those that the server finished are then ahead, an error is left to be met again."""
        self._hold()
        connection = self._work.connected()
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
            self._so_far.done += [s.name for s in steps if s.number in self._pace.ahead]
            step = next((s for s in steps if s.number not in self._pace.ahead), steps[-1])
            entry = self._entry(step, plan, receipt)
            raise self._aftermath.given_up(step, stopped(interrupted), entry, 1) from None
        if answer.failure:
            self._catch_up(steps, answer)
            return
        self._work.unflushed = not last
        self._pace.ahead |= {step.number: millis for step, millis in zip(steps, millis_in(answer), strict=True)}
        self._pace.learn(time.monotonic() - began, len(steps))

    def _catch_up(self, steps: tuple[Step, ...], answer: Answer) -> None:
        """Asks the ledger which of them are done, after a message that did not come to its end."""
        self._pace.stumble()
        self._work.end_transaction(lost=answer.lost)
        applied = self.ledger().applied
        for step in steps:
            if (step.number in applied) is (step.direction is Direction.APPLY):
                entry = applied.get(step.number)
                self._pace.ahead[step.number] = (entry and entry.millis) or 0

    def seed(self, seed: Seed, plan: Plan) -> int:
        """Runs one seed file with its ledger entry in one transaction; returns milliseconds. Raises ApplyError."""
        self._so_far.began = True
        step = Step(Direction.APPLY, 0, seed.name, None, seed.checksum, seed.script)
        entry = Entry(Mark.APPLIED, seed.name, checksum=seed.checksum, sql=seed.script.sql, plan=plan.fingerprint)
        entry = signed(entry, self._request.origin)
        last = seed is plan.seeds[-1]
        millis = self._attempts(step, lambda: self._in_one_transaction(step, entry, last=last), entry)
        self._so_far.done.append(seed.name)
        return millis

    def close(self) -> None:
        """Ends the connection, when all that was committed is on disk."""
        self._work.close()

    def _attempts(self, step: Step, work: Callable[[], int], entry: Entry) -> int:
        """Tries until it is done; a lock that was not to be had leaves no trace and is tried again for a while."""
        deadline = time.monotonic() + self._request.environment.timeouts.retry_for.total_seconds()
        pause, attempt = FIRST_PAUSE_SECONDS, 1
        while True:
            self._hold()
            try:
                self._let_others_end(step, deadline)
                return work()
            except StepFailed as caught:
                failed, waits = caught, caught.failure.sqlstate == LOCK_NOT_AVAILABLE
                if waits:
                    failed = self._with_who(step, failed)
                if not waits or time.monotonic() + pause > deadline:
                    raise self._aftermath.given_up(step, failed, entry, attempt) from None
            except Interrupted as interrupted:
                raise self._aftermath.given_up(step, stopped(interrupted), entry, attempt) from None
            self._pause(step, entry, attempt, pause)
            pause, attempt = min(pause * 2, LONGEST_PAUSE_SECONDS), attempt + 1

    def _let_others_end(self, step: Step, deadline: float) -> None:
        """Waits, without queueing, while somebody is at a table that it will lock. Raises StepFailed, Interrupted."""
        told: frozenset[int | None] = frozenset()
        while step.transactional and (who := self._in_the_way((step,), patient=True)):
            if time.monotonic() > deadline:
                failure = Failure(f"did not get to {who[0].relation}", LOCK_NOT_AVAILABLE)
                raise StepFailed(failure, spot_of_lock(step, who[0].relation), lost=False)
            pids = frozenset(each.pid for each in who)
            if pids - told:
                self._tell(OthersAwaited(step, who))
                told |= pids
            rest(LOOK_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret
            self._hold()

    def _in_the_way(self, steps: tuple[Step, ...], *, patient: bool) -> tuple[InTheWay, ...]:
        wanted = self._look.wanted(steps)
        return self._look.in_the_way(self._work.connected(), wanted, patient=patient) if wanted else ()

    def _with_who(self, step: Step, failed: StepFailed) -> StepFailed:
        """The same failure, with who is at the tables of this step now."""
        self._work.end_transaction(lost=failed.lost)
        detail = told_together(self._in_the_way((step,), patient=False))
        whole = "\n".join(filter(None, (failed.failure.detail, detail)))
        return replace(failed, failure=replace(failed.failure, detail=whole))

    def _pause(self, step: Step, entry: Entry, attempt: int, seconds: float) -> None:
        """Between two attempts nothing is held."""
        try:
            self._work.end_transaction(lost=False)
            self._tell(StepWaited(step, attempt, seconds))
            rest(seconds * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret
        except Interrupted as interrupted:
            raise self._aftermath.given_up(step, stopped(interrupted), entry, attempt) from None

    def _entry(self, step: Step, plan: Plan, receipt: Receipt | None) -> Entry:
        return entry_of(step, plan, receipt, self._request.origin)

    def _in_one_transaction(self, step: Step, entry: Entry, *, last: bool) -> int:
        connection = self._work.connected()
        millis = in_one_transaction(connection, step, entry, last=last)
        self._work.unflushed = not last
        if LEAKS.search(step.script.sql):
            connection.close()
        return millis
