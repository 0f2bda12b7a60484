"""Runs the migrations and seed files of one plan, each with its ledger entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace
from functools import partial
from typing import TYPE_CHECKING

from ...core.ledger.ledger import Mark
from ...core.ledger.safeguards import Safeguards
from ...core.plan.plan import Direction, Plan, Step
from ...core.run.progress import CommitAwaited, StepStarted
from ...errors import ApplyError, MustWaitError, Place
from ...lazy import dataclass
from ...sql.traits import Trait
from ..connection.cancellable_query import Answer, Interrupted
from ..connection.effective_settings import ON_DISK
from ..connection.session_pooler import restoring_after_reset
from ..transaction.execute import Part, in_one_transaction, in_open_transaction, millis_in, part_of, part_of_seed
from ..transaction.message import CLEAN
from ..transaction.session_leaks import leaks_in
from ..transaction.step_failure import TimeBudgetSpent, send
from .blockers import BlockerWatch
from .coalesce import Coalescer
from .lock_retry import Attempt, Attempts

if TYPE_CHECKING:
    from ...core.activity.session_leak import SessionLeak
    from ...core.gate.request import Origin
    from ...core.migration.migration import Seed
    from ..connection.connect import Connection
    from ..nontransactional.stepwise import BuildRunner, Stepwise
    from ..transaction.row_guard import RowGuard


@dataclass
class PlanRun:
    """One plan in progress. Runs that wait for the run lock see the current step, which `set_activity` publishes."""

    plan: Plan
    origin: Origin
    attempts: Attempts
    stepwise: Stepwise
    guard: RowGuard | None
    """Makes a step fail if it would destroy rows of other sessions."""
    set_activity: Callable[[str], None]
    leaks: list[SessionLeak]
    """Session state that migrations of the run leaked. This object extends the list."""
    in_step: Callable[[Step], str] = lambda _step: ""
    """The statements with which a step also writes to the ledger of another tool. Usually empty."""
    _coalescer: Coalescer = field(init=False)

    def __post_init__(self) -> None:
        self.attempts.watch = BlockerWatch()
        self.attempts.failure_report.run_state.begin(forward=self.plan.direction is Direction.APPLY)
        self._coalescer = Coalescer(self.plan, self.attempts, self.leaks)

    def run(self, step: Step, safeguards: Safeguards) -> int:
        """Runs one step. Returns its milliseconds. Raises ApplyError."""
        try:
            return self._run(step, safeguards)
        except KeyboardInterrupt:
            raise self.attempts.failure_report.stopped_at(self._part(safeguards, step)) from None

    def _run(self, step: Step, safeguards: Safeguards) -> int:
        self.set_activity(step.name)
        if self.guard is None:
            self._coalescer.run_ahead(step, partial(self._part, safeguards))
        if step.number in self._coalescer.ahead:
            self._finished(step)
            return self._coalescer.ahead.pop(step.number)
        part = self._part(safeguards, step)
        millis = self._in_transaction(part) if step.transactional else self._outside_transaction(part)
        self._coalescer.pace.learn((millis,))
        self._finished(step)
        return millis

    def seed(self, seed: Seed, safeguards: Safeguards) -> int:
        """Runs one seed file in one transaction. Returns its milliseconds. Raises ApplyError."""
        part = part_of_seed(seed, self.plan, safeguards, self.origin)
        millis = self._in_transaction(part)
        self._finished(part.step)
        return millis

    def single_transaction(self, safeguards: Safeguards) -> tuple[int, ...]:
        """Runs the whole plan in one transaction. Returns the milliseconds of each part. Raises ApplyError."""
        parts, run_state = self._parts(safeguards), self.attempts.failure_report.run_state
        run_state.transaction_parts = len(parts)
        attempt = Attempt(parts)
        answers = self.attempts.retrying(attempt, lambda: self._all_committed(attempt))
        self.leaks += [leak for answer in answers for leak in leaks_in(answer)]
        run_state.finished(*(part.step.name for part in parts), on_disk=True)
        return tuple(sum(millis_in(answer)) for answer in answers)

    def _all_committed(self, attempt: Attempt) -> list[Answer]:
        """Runs all parts and commits. Returns the server's answers. After a failure, rolls back and raises an error.

        The error is StepFailed or Interrupted.
        """
        try:
            return self._all_sent(attempt)
        except Interrupted:
            raise
        except KeyboardInterrupt:  # Ctrl-C between two messages: no statement is running
            raise Interrupted(Answer(0, ())) from None

    def _all_sent(self, attempt: Attempt) -> list[Answer]:
        connection = self.attempts.work.connected()
        send(connection, "begin")
        answers = [self._part_sent(connection, attempt, index) for index in range(len(attempt.parts))]
        send(connection, f"{ON_DISK}; commit; {CLEAN}{restoring_after_reset(connection)}")
        if any(Trait.OUTLIVES in part.step.script.traits for part in attempt.parts):
            connection.close()
        return answers

    def _part_sent(self, connection: Connection, attempt: Attempt, index: int) -> Answer:
        attempt.at, count = index, len(attempt.parts)
        step, tell = attempt.part.step, self.attempts.tell
        self.set_activity(step.name)
        tell(StepStarted(step, index + 1, count))
        answer = in_open_transaction(connection, attempt.part, self._guard_of(step))
        tell(CommitAwaited(step, sum(millis_in(answer)), index + 1, count))
        return answer

    def stopped(self) -> ApplyError:
        """Records that the run was interrupted between two steps. Returns the error to raise. Writes."""
        failure_report = self.attempts.failure_report
        pending = (part for part in self._parts(Safeguards()) if part.step.name not in failure_report.run_state.done)
        first = next(pending, None)
        return failure_report.stopped_at(first) if first else failure_report.stopped_at_its_end(self.plan)

    def _part(self, safeguards: Safeguards, step: Step) -> Part:
        return replace(part_of(step, self.plan, safeguards, self.origin), in_step=self.in_step(step))

    def _parts(self, safeguards: Safeguards) -> tuple[Part, ...]:
        seeds = (part_of_seed(seed, self.plan, safeguards, self.origin) for seed in self.plan.seeds)
        return (*(self._part(safeguards, step) for step in self.plan.steps), *seeds)

    def _guard_of(self, step: Step) -> str:
        return self.guard.of(step) if self.guard else ""

    def _finished(self, step: Step) -> None:
        self.attempts.failure_report.run_state.finished(step.name, on_disk=not self.attempts.work.unflushed)
        self.attempts.watch.learn(step)

    def _in_transaction(self, part: Part) -> int:
        return self.attempts.retrying(Attempt((part,)), lambda: self._committed(part))

    def _committed(self, part: Part) -> int:
        work = self.attempts.work
        self.set_activity(part.step.name)  # a wait before this attempt has ended
        connection = work.connected()
        answer = in_one_transaction(connection, part, self._guard_of(part.step))
        self.leaks += leaks_in(answer)
        work.unflushed = not part.last
        if Trait.OUTLIVES in part.step.script.traits:
            connection.close()
        return sum(millis_in(answer))

    def _parallel(self) -> BuildRunner | None:
        """Runs index builds at the same time. None if the manifest or the plan does not allow it."""
        if self.plan.builds == 1:
            return None
        from ..nontransactional.parallel_builds import at_most

        return at_most(self.plan.builds)

    def _outside_transaction(self, part: Part) -> int:
        """Runs the remaining statements of a step. Raises MustWaitError if a batched migration's time is over."""
        return self.attempts.retrying(Attempt((part,)), lambda: self._stepwise(part))

    def _stepwise(self, part: Part) -> int:
        failure_report, step = self.attempts.failure_report, part.step
        self.set_activity(step.name)
        try:
            millis = self.stepwise.run(step, part.entry, part.in_step, parallel=self._parallel())
        except TimeBudgetSpent as over:
            said = f"{over.rows:,} rows are done, and the migration's time limit for this run is reached"
            failure_report.record(replace(part.entry, mark=Mark.DEFERRED, error=said, rollback_sql=None))
            raise MustWaitError(
                f"{step.name} is deferred: {said}",
                place=Place(step.script.path),
                state=f"{failure_report.run_state.text}the rest of the plan waits",
                hint="run the command again, or wait for a scheduled run: either continues with the next rows",
            ) from None
        self.attempts.work.unflushed = False  # the commit of the ledger entry has already waited for the disk
        return millis
