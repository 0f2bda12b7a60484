"""The trial of a plan. Runs each migration on a throw-away copy, then its rollback, and then the migration again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from ...core.plan.replay import seed_step, steps_of, with_versions_of
from ...core.schema.compare import Changes, compare
from ...core.schema.prediction import changed
from ...core.schema.schema_history import Changed, SchemaComparison, SchemaHistory, changed_objects
from ...core.schema.snapshot import Snapshot
from ...core.trial.gap import Stop, remedy_of
from ...core.trial.seed_trial import SeedTrial, known_rows
from ...core.trial.trial import (
    IdempotenceCheck,
    OrderCheck,
    RollbackTrial,
    Skipped,
    Trial,
    computed_rollback,
    copy_difference_text,
    other_order,
    rollback_of,
    step_back,
    unlike_copy,
    unpredictable,
    why_inconclusive,
)
from ...core.trial.violation import WITH_ROWS
from ...errors import ApplyError, CtgitopsError

if TYPE_CHECKING:
    from ...core.ledger.ledger import Ledger
    from ...core.migration.migration import Seed
    from ...core.plan.plan import Plan, Step
    from ...core.schema.source_database import SourceDatabase
    from ...ports.shadow import Sandbox, SchemaCopy

Attempt = TypeVar("Attempt", RollbackTrial, IdempotenceCheck)
_COMPUTED = (
    "the migration passes its rollback SQL to record_migration as an expression, which only an apply evaluates; "
    "pass a constant, or write a .down.sql"
)


@dataclass
class _TriedCopy:
    """A copy in which rollbacks are tried, and its comparison with the history of the plan."""

    copy: SchemaCopy
    comparison: SchemaComparison
    tracked: bool
    _last: Snapshot | None = None

    def differences(self, steps: int) -> Changes:
        """The changes from the schema after `steps` steps to the copy's schema."""
        return self.comparison.differences(steps, self._changed())

    def agrees(self) -> bool:
        """Whether the objects that were read one by one equal those in a snapshot of the whole schema."""
        if not self.tracked:
            return True
        self.comparison.differences(0, self._changed())
        return self.comparison.agrees(self.copy.snapshot())

    def _changed(self) -> Changed:
        if self.tracked:
            return self.copy.changed_objects()
        before = self._last or self.comparison.first
        self._last = self.copy.snapshot()
        return changed_objects(before, self._last)


@dataclass
class TrialRunner:
    """Runs the trial of one plan on one copy."""

    plan: Plan
    ledger: Ledger
    original: SourceDatabase
    sandbox: Sandbox
    seeded: tuple[Seed, ...] = ()
    """The seed files that ran before this plan."""
    done: list[Step] = field(default_factory=list)
    _history: SchemaHistory = field(default_factory=lambda: SchemaHistory(Snapshot()))
    _tracked: bool = True
    """Whether the objects that changed can be read alone. False if that gave another schema than a whole snapshot."""

    def proof(self, live: Snapshot) -> Trial:
        """Runs the steps in order, tries each rollback, and compares orders. `live` is the real database's schema."""
        before = self.sandbox.snapshot()
        known, notes = with_versions_of(before, live)
        self._history = SchemaHistory(before)
        failed = self._up()
        after = self._after(failed)
        unlike = unlike_copy(live, known)
        changes = compare(before, after)
        predicted = not (failed or unpredictable(live, before, unlike))
        proof = Trial(
            server=before.about.server_version,
            role=self.original.other_role,
            unmatched=(
                *self.original.unsure,
                *self.sandbox.unmatched,
                *notes,
                *filter(None, [copy_difference_text(unlike)]),
            ),
            tried=tuple(step.name for step in self.done),
            changes=changes,
            before=before,
            after=after,
            ways=(
                *self._try_each(lambda step: rollback_of(step) is not None, self._rollback_trial, RollbackTrial),
                *(RollbackTrial(step, untried=_COMPUTED) for step in filter(computed_rollback, self.done)),
            ),
            again=self._try_each(lambda step: step.script.idempotent, self._idempotence_check, IdempotenceCheck),
            skipped=self._skipped(),
            seeds=self._seeds() if failed is None else (),
            leaks=tuple(self.sandbox.leaks),
            prediction=changed(live, changes).fingerprint if predicted else "",
        )
        if failed is None:
            return replace(proof, order=self._order())
        return self._with_failure(proof, failed, same=not unlike)

    def _up(self) -> ApplyError | None:
        """Runs the steps until one fails. Returns the error of the failed step, or None.

        Reads what changed before each step that has a rollback or can fail halfway. Later checks need it.
        """
        for step in self.plan.steps:
            if rollback_of(step) or not step.transactional:
                self._see()
            try:
                self.sandbox.apply((step,), watched=True)
            except ApplyError as error:
                return error
            self.done.append(step)
            if rollback_of(step) or step.script.idempotent:
                self._see()
        return None

    def _see(self) -> None:
        self._history.add(len(self.done), self.sandbox.changed_objects())

    def _after(self, failed: ApplyError | None) -> Snapshot:
        """The schema after the completed steps. Also reads it as a whole, which must give the same schema."""
        after = self._history.last
        with suppress(CtgitopsError):  # the server may be down
            if not (failed and self._history.has(len(self.done))):
                self._see()
                after = self._history.last
            # A step without a transaction may have failed halfway
            rest = self.sandbox.changed_objects()
            whole = self.sandbox.snapshot()
            self._tracked = changed_objects(after, whole) == rest
            return replace(after, about=whole.about) if rest else whole
        return after

    def _seeds(self) -> tuple[SeedTrial, ...]:
        """Runs each seed file after the migrations, in its own transaction.

        If a file fails because rows are missing, adds the rows of merged files and runs the file again.
        """
        found = [self._seed(seed) for seed in self.plan.seeds]
        if not any(each.stop for each in found):
            return tuple(found)
        for step in known_rows(self.ledger, self.seeded):
            with suppress(ApplyError):  # only its rows are missing then
                self.sandbox.apply((step,))
        return tuple(self._seed(each.seed) if each.stop else each for each in found)

    def _seed(self, seed: Seed) -> SeedTrial:
        try:
            self.sandbox.apply((seed_step(seed),), watched=True)
        except ApplyError as error:
            why = self._why_not(error)
            stop = Stop(f"{error.what} ({why})", remedy_of(why), error.place) if why else None
            return SeedTrial(seed, None if why else error, stop)
        return SeedTrial(seed)

    def _skipped(self) -> tuple[Skipped, ...]:
        """The statements of this plan's migrations that the trial skipped. Leaves out merged migrations."""
        names = {step.name for step in self.plan.steps}
        return tuple(each for each in self.sandbox.skipped if each.step in names)

    def _with_failure(self, proof: Trial, failed: ApplyError, *, same: bool) -> Trial:
        why = self._why_not(failed, unmatched=not same)
        stop = Stop(why or "it fails there", remedy_of(why) if why else "", failed.place)
        untried = f"{failed.what} ({why})" if why else ""
        return replace(proof, untried=untried, failed=None if why else failed, stop=stop)

    def _try_each(
        self,
        asked: Callable[[Step], bool],
        attempt: Callable[[_TriedCopy, int], Attempt],
        untried: Callable[..., Attempt],
    ) -> tuple[Attempt, ...]:
        """Applies the steps. Calls `attempt` after each step that `asked` accepts. After a failure, uses a new copy."""
        found: list[Attempt] = []
        at = 0
        try:
            self._history = self._history if self._tracked else self._history_of_snapshots()
            while any(map(asked, self.done[at:])):
                start, kept = at, len(found)
                with self.sandbox.copy() as copy:
                    tried = _TriedCopy(copy, SchemaComparison(self._history), tracked=self._tracked)
                    copy.apply(tuple(self.done[:at]))
                    sound = True
                    while sound and at < len(self.done):
                        copy.apply((self.done[at],))
                        if asked(self.done[at]):
                            found.append(attempt(tried, at))
                            sound = found[-1].proved
                        at += 1
                    if not tried.agrees():
                        del found[kept:]
                        at, self._tracked = start, False
                        self._history = self._history_of_snapshots()
        except CtgitopsError as error:
            found += [untried(step, untried=error.what) for step in self.done[at:] if asked(step)]
        return tuple(found)

    def _history_of_snapshots(self) -> SchemaHistory:
        """The history of the steps in another copy, from whole snapshots."""
        history = SchemaHistory(self._history.first)
        with self.sandbox.copy() as copy:
            for steps in range(len(self.done) + 1):
                copy.apply(tuple(self.done[steps - 1 : steps]) if steps else ())
                history.add(steps, changed_objects(history.last, copy.snapshot()))
        return history

    def _rollback_trial(self, tried: _TriedCopy, index: int) -> RollbackTrial:
        """Rolls back the last applied step, and then applies it again."""
        step = self.done[index]
        left: Changes = ()
        try:
            if back := step_back(step):
                tried.copy.apply((back,))
            left = tried.differences(index)
            tried.copy.apply((step,))
            return RollbackTrial(step, left, tried.differences(index + 1))
        except ApplyError as error:
            why = self._why_not(error)
            return RollbackTrial(step, left, untried=why) if why else RollbackTrial(step, left, failed=error)

    def _idempotence_check(self, tried: _TriedCopy, index: int) -> IdempotenceCheck:
        """Repeats the last applied step."""
        step = self.done[index]
        try:
            tried.copy.apply((step,))
            return IdempotenceCheck(step, tried.differences(index + 1))
        except ApplyError as error:
            why = self._why_not(error)
            return IdempotenceCheck(step, untried=why) if why else IdempotenceCheck(step, failed=error)

    def _why_not(self, error: ApplyError, *, unmatched: bool = False) -> str:
        """Returns why an error of the trial may not occur in the real database. Empty if it would occur there too."""
        fresh = not (self.ledger.applied or any(each.kind in WITH_ROWS for each in self._history.first.objects))
        return why_inconclusive(error, self.original, fresh=fresh, unmatched=unmatched)

    def _order(self) -> OrderCheck | None:
        """Runs the migrations in two orders, by number and as in this environment, and compares the two schemas."""
        if not other_order(self.plan, self.ledger):
            return None
        try:
            steps = (*steps_of(self.ledger), *self.plan.steps)
            with self.sandbox.empty() as numbered, self.sandbox.empty() as here:
                singles = (single for step in steps for single in step.singles)
                numbered.apply(tuple(sorted(singles, key=lambda step: step.number)))
                here.apply(steps)
                return OrderCheck(compare(numbered.snapshot(), here.snapshot()))
        except CtgitopsError as error:
            return OrderCheck(untried=error.what)
