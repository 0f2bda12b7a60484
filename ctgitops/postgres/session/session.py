"""A database while this run holds its lock: each migration and its ledger entry commit together, or roll back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from psycopg.pq import Escaping

from ...core.environment.apply_policy import Health
from ...core.gate.data_loss import CountedLoss, Loss
from ...core.gate.gate import Reason
from ...core.gate.health import Heard
from ...core.gate.request import Request
from ...core.ledger.ledger import Entry, Ledger, Mark
from ...core.ledger.resumption import Reached
from ...core.migration.migration import Seed
from ...core.plan.plan import Direction, Plan, Step
from ...core.receipt import Receipt
from ...core.run.auto_rollback import Checkpoint
from ...core.run.outcome import SessionLeak
from ...core.run.progress import Listener, SessionSettled
from ...errors import ApplyError, MustWaitError, Place
from ...sql.traits import Trait
from ..connection.connect import Address, Connection, connected
from ..connection.identity import home_sql, look
from ..connection.session_settings import settled
from ..connection.simple_query import Answer, Interrupted, exchange
from ..ledger.ledger import insert_sql
from ..ledger.ledger_errors import add_entry
from ..nontransactional.run_context import Run
from ..nontransactional.stepwise import Stepwise, author_of
from ..transaction.coalesce import Pace
from ..transaction.execute import entry_of, entry_of_seed, in_one_transaction, millis_in, signed, step_of_seed, whole
from ..transaction.row_guard import RowGuard, oldest_transaction
from ..transaction.session_leaks import left_in
from ..transaction.step_failure import OutOfTime, stopped
from .blockers import BlockerWatch
from .data_loss import SETTINGS, weigh
from .failure_report import Aftermath
from .health import ask, watch
from .lock_retry import Attempt, Attempts, Part
from .migration_connection import MigrationConnection, RunState
from .preflight import Preflight
from .single_transaction import SingleTransaction


class WorkSession:
    """The run's work on one database. `open_connection` opens a connection; `hold` raises if the run lock is lost."""

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
        self.note: Callable[[str], None] = lambda _step: None
        self._tell = tell
        self._so_far = RunState(request.environment.name)
        self._work = MigrationConnection(address, open_connection, self._so_far)
        self._aftermath = Aftermath(address, self._work, self._so_far, self.record)
        self._hold = hold = self._aftermath.holding(hold)
        self._pace = Pace()
        self._left: list[SessionLeak] = []
        self._settled = False
        self._plan: Plan | None = None
        self._guard: RowGuard | None = None
        patience = request.environment.timeouts.retry_for.total_seconds()
        self._attempts = Attempts(self._work, self._aftermath, hold, tell, patience)
        name = request.environment.name
        run = Run(self._work.connected, open_connection, hold, self._work.ledger, tell, name, patience)
        self._stepwise = Stepwise(run)

    def ledger(self) -> Ledger:
        """Reads all entries."""
        return self._work.ledger()

    def record(self, entry: Entry) -> None:
        """Adds a single entry."""
        self._hold()
        connection = self._work.connected()
        add_entry(connection, self._address, self._message_of(connection, entry))

    def _message_of(self, connection: Connection, entry: Entry) -> str:
        return insert_sql(signed(entry, self._request.origin), Escaping(connection.pgconn), timed=False)

    def preflight(self, plan: Plan) -> tuple[Reason, ...]:
        """Why `plan` cannot start now, after waiting where that may help. Read-only."""
        if not self._settled and (found := settled(self._work.connected())):
            self._settled = True
            self._tell(SessionSettled(found))
        looking = Preflight(self._request, self._attempts.look, self._hold, self._tell)
        return looking.reasons(self._work.connected(), plan)

    def correct(self, step: Step, position: int, reached: Reached, entry: Entry) -> None:
        """Records, with an entry, whether one statement of an unfinished step is done."""
        self._hold()
        connection = self._work.connected()
        begun = self._work.ledger().unfinished[step.number]
        row = author_of(connection, begun.id, step).row(reached, position, note=entry.error or "")
        add_entry(connection, self._address, row, self._message_of(connection, entry))

    def adopt(self, entry: Entry, ledger_id: str) -> None:
        """Makes this database the environment's home, under that ledger id, and records it with an entry."""
        self._hold()
        connection = self._work.connected()
        name, reason = self._request.environment.name, entry.error or ""
        home = home_sql(connection, name, look(connection).identity, ledger_id, reason)
        add_entry(connection, self._address, home, self._message_of(connection, entry))

    def run(self, step: Step, plan: Plan, receipt: Receipt | None) -> int:
        """Runs one step with its ledger entry; returns milliseconds. Raises ApplyError."""
        self._turn_to(plan)
        try:
            return self._run(step, plan, receipt)
        except KeyboardInterrupt:
            raise self._aftermath.stopped_at(step, self._entry(step, plan, receipt)) from None

    def stopped(self) -> ApplyError | None:
        """The error of a run that was stopped outside a step; None if no plan was begun. Writes."""
        if self._plan is None:
            return None
        parts = ((part.step, part.entry) for part in self._parts(self._plan, None))
        left = ((step, entry) for step, entry in parts if step.name not in self._so_far.done)
        if (first := next(left, None)) is not None:
            return self._aftermath.stopped_at(*first)
        return self._aftermath.stopped_at_its_end(self._plan)

    def _parts(self, plan: Plan, receipt: Receipt | None) -> tuple[Part, ...]:
        seeds = (Part(step_of_seed(seed), entry_of_seed(seed, plan, self._request.origin)) for seed in plan.seeds)
        return (*(Part(step, self._entry(step, plan, receipt)) for step in plan.steps), *seeds)

    def _run(self, step: Step, plan: Plan, receipt: Receipt | None) -> int:
        self.note(step.name)
        alone = self._guard or step.number in self._pace.ahead
        together = () if alone else self._pace.choose(step, plan)
        if len(together) > 1 and not self._attempts.in_the_way(together, patient=True):
            self._run_together(together, plan, receipt)
        if step.number in self._pace.ahead:
            self._so_far.finished(step.name, on_disk=not self._work.unflushed)
            self._attempts.look.learn(step)
            return self._pace.ahead.pop(step.number)
        entry = self._entry(step, plan, receipt)
        last = step is plan.steps[-1] and not plan.seeds
        if step.transactional:
            millis = self._attempts.until_done(
                Attempt((Part(step, entry),)), lambda: self._in_one_transaction(step, entry, last=last)
            )
        else:
            millis = self._attempts.until_done(Attempt((Part(step, entry),)), lambda: self._outside(step, entry))
        self._pace.learn((millis,))
        self._so_far.finished(step.name, on_disk=not self._work.unflushed)
        self._attempts.look.learn(step)
        return millis

    def heal(self, plan: Plan) -> tuple[str, ...]:
        """Drops INVALID indexes left by interrupted builds of the plan's own indexes; returns its actions. Writes."""
        healed: list[str] = []
        for step in plan.steps:
            if step.resumption and step.resumption.begun:
                underway = Attempt((Part(step, self._entry(step, plan, None)),))
                healed += self._attempts.until_done(underway, lambda step=step: self._stepwise.heal(step))  # type: ignore[misc]
        return tuple(healed)

    def _outside(self, step: Step, entry: Entry) -> int:
        """Runs the rest of a step that cannot be in a transaction. Raises MustWaitError when its time is over."""
        try:
            millis = self._stepwise.run(step, entry)
        except OutOfTime as over:
            said = f"{over.rows:,} rows are done, and its time in this run is over"
            self.record(replace(entry, mark=Mark.DEFERRED, error=said, rollback_sql=None))
            raise MustWaitError(
                f"{step.name} is deferred: {said}",
                place=Place(step.script.path),
                state=f"{self._so_far.told}what comes after it waits for it",
                hint="run the same again, or let a schedule do it: it goes on from there",
            ) from None
        self._work.unflushed = False  # the commit of its entry waited for the disk
        return millis

    def _run_together(self, steps: tuple[Step, ...], plan: Plan, receipt: Receipt | None) -> None:
        """Runs several steps in one message. Completed ones are noted as `ahead`; a failed one runs again by itself."""
        self._hold()
        connection = self._work.connected()
        texts = []
        for step in steps:
            last = step is plan.steps[-1] and not plan.seeds
            entry = self._entry(step, plan, receipt)
            texts.append(whole(connection, step, entry, last=last).text)
        try:
            answer = exchange(connection, ";\n".join(texts))
        except Interrupted as interrupted:
            self._catch_up(steps, interrupted.answer)
            ahead = (s.name for s in steps if s.number in self._pace.ahead)
            self._so_far.finished(*ahead, on_disk=False)
            step = next((s for s in steps if s.number not in self._pace.ahead), steps[-1])
            entry = self._entry(step, plan, receipt)
            raise self._aftermath.given_up(step, stopped(interrupted), entry, 1) from None
        if answer.failure:
            self._catch_up(steps, answer)
            return
        self._left += left_in(answer)
        self._work.unflushed = not last
        took = millis_in(answer)
        self._pace.ahead |= {step.number: millis for step, millis in zip(steps, took, strict=True)}
        self._pace.learn(took)

    def _catch_up(self, steps: tuple[Step, ...], answer: Answer) -> None:
        """Reads from the ledger which of the steps are done, after a message that did not complete."""
        self._pace.stumble()
        self._work.end_transaction(lost=answer.lost)
        applied = self.ledger().applied
        for step in steps:
            if (step.number in applied) is (step.direction is Direction.APPLY):
                entry = applied.get(step.number)
                self._pace.ahead[step.number] = (entry and entry.millis) or 0

    def seed(self, seed: Seed, plan: Plan) -> int:
        """Runs one seed file with its ledger entry in one transaction; returns milliseconds. Raises ApplyError."""
        self._turn_to(plan)
        step, entry, last = step_of_seed(seed), entry_of_seed(seed, plan, self._request.origin), seed is plan.seeds[-1]
        millis = self._attempts.until_done(
            Attempt((Part(step, entry),)), lambda: self._in_one_transaction(step, entry, last=last)
        )
        self._so_far.finished(seed.name, on_disk=not self._work.unflushed)
        return millis

    def together(self, plan: Plan, receipt: Receipt | None) -> tuple[int, ...]:
        """Runs a whole plan, with seed files, in one transaction; returns milliseconds of each. Raises ApplyError."""
        parts = self._parts(plan, receipt)
        self._turn_to(plan)
        self._so_far.together = len(parts)
        everything = SingleTransaction(self._work, Attempt(parts), self._tell, self.note, self._guard_of)
        answers = self._attempts.until_done(everything.underway, everything.carried_out)
        self._left += [left for answer in answers for left in left_in(answer)]
        self._so_far.finished(*(part.step.name for part in parts), on_disk=True)
        return tuple(sum(millis_in(answer)) for answer in answers)

    def left(self) -> tuple[SessionLeak, ...]:
        """Session state that its migrations leaked, and that was reset."""
        return tuple(self._left)

    def pulse(self, health: Health) -> Heard:
        """Runs a health query once. Read-only."""
        return ask(self._address, health)

    def watch(self, health: Health) -> Heard:
        """Repeats a health query until it is not true or its time is over; returns the last answer. Read-only."""

        def hold() -> None:
            self._hold()
            self.note("all is applied, its health is watched")

        return watch(self._address, health, hold=hold, tell=self._tell)

    def beginning(self, ledger: Ledger) -> Checkpoint:
        """The database's state before the first step; queried only if an automatic rollback is possible."""
        asked = self._request.environment.manner.takes_back
        entry = ledger.last.id if ledger.last else 0
        return Checkpoint(entry, oldest_transaction(self._work.connected()) if asked else 0)

    def protect(self, losses: tuple[Loss, ...], beginning: Checkpoint) -> tuple[CountedLoss, ...]:
        """Counts the rows of each loss that this run has not written since `beginning`; guards them from now on."""
        self._guard = RowGuard(losses, beginning)
        self._hold()
        if not losses:
            return ()
        with connected(self._address, "ctgitops/read", SETTINGS) as connection:
            return weigh(connection, losses, beginning)

    def _guard_of(self, step: Step) -> str:
        return self._guard.of(step) if self._guard else ""

    def _turn_to(self, plan: Plan) -> None:
        """Resets per-plan state, such as reported names and known relations, when another plan starts."""
        if plan is not self._plan:
            self._plan, self._pace, self._attempts.look = plan, Pace(), BlockerWatch()
            self._so_far.begin(forward=plan.direction is Direction.APPLY)
        self._so_far.began = True

    def close(self) -> None:
        """Closes the connection, once all commits are on disk."""
        self._work.close()

    def _entry(self, step: Step, plan: Plan, receipt: Receipt | None) -> Entry:
        return entry_of(step, plan, receipt, self._request.origin)

    def _in_one_transaction(self, step: Step, entry: Entry, *, last: bool) -> int:
        connection = self._work.connected()
        answer = in_one_transaction(connection, step, entry, last=last, guard=self._guard_of(step))
        self._left += left_in(answer)
        self._work.unflushed = not last
        if Trait.OUTLIVES in step.script.traits:
            connection.close()
        return sum(millis_in(answer))
