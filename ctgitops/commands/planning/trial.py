"""The trial of a plan. Runs each migration on a throw-away copy, then its rollback, and then the migration again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TypeVar

from ...core.ledger.ledger import Ledger
from ...core.migration.migration import Seed
from ...core.plan.plan import Plan, Step
from ...core.plan.replay import seed_step, steps_of, with_versions_of
from ...core.schema.compare import Changes, compare
from ...core.schema.prediction import changed
from ...core.schema.snapshot import Snapshot
from ...core.schema.source_database import SourceDatabase
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
from ...errors import ApplyError, CtgitopsError
from ...ports.shadow import Sandbox, Shadow

Attempt = TypeVar("Attempt", RollbackTrial, IdempotenceCheck)
_COMPUTED = (
    "the migration passes its rollback SQL to record_migration as an expression, which only an apply evaluates; "
    "pass a constant, or write a .down.sql"
)
_WITH_ROWS = {"table", "materialized view", "foreign table"}


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
    seen: dict[int, Snapshot] = field(default_factory=dict)
    """Maps the number of completed steps to the schema after these steps."""

    def proof(self, live: Snapshot) -> Trial:
        """Runs the steps in order, tries each rollback, and compares orders. `live` is the real database's schema."""
        before = self.sandbox.snapshot()
        known, notes = with_versions_of(before, live)
        failed = self._up(before)
        after = self.seen[max(self.seen)]
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

    def _up(self, before: Snapshot) -> ApplyError | None:
        """Runs the steps until one fails. Returns the error of the failed step, or None.

        Takes a snapshot before each step that has a rollback or can fail halfway. Later checks need it.
        """
        self.seen[0] = before
        for step in self.plan.steps:
            if rollback_of(step) or not step.transactional:
                self._see()
            try:
                self.sandbox.apply((step,), watched=True)
            except ApplyError as error:
                with suppress(CtgitopsError):  # the server may be down
                    self._see()
                return error
            self.done.append(step)
            if rollback_of(step) or step.script.idempotent:
                self._see()
        self._see()
        return None

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

    def _see(self) -> None:
        if len(self.done) not in self.seen:
            self.seen[len(self.done)] = self.sandbox.snapshot()

    def _with_failure(self, proof: Trial, failed: ApplyError, *, same: bool) -> Trial:
        why = self._why_not(failed, unmatched=not same)
        stop = Stop(why or "it fails there", remedy_of(why) if why else "", failed.place)
        untried = f"{failed.what} ({why})" if why else ""
        return replace(proof, untried=untried, failed=None if why else failed, stop=stop)

    def _try_each(
        self, asked: Callable[[Step], bool], attempt: Callable[[Shadow, int], Attempt], untried: Callable[..., Attempt]
    ) -> tuple[Attempt, ...]:
        """Applies the steps. Calls `attempt` after each step that `asked` accepts. After a failure, uses a new copy."""
        found: list[Attempt] = []
        at = 0
        try:
            while any(map(asked, self.done[at:])):
                with self.sandbox.copy() as copy:
                    copy.apply(tuple(self.done[:at]))
                    sound = True
                    while sound and at < len(self.done):
                        copy.apply((self.done[at],))
                        if asked(self.done[at]):
                            found.append(attempt(copy, at))
                            sound = found[-1].proved
                        at += 1
        except CtgitopsError as error:
            found += [untried(step, untried=error.what) for step in self.done[at:] if asked(step)]
        return tuple(found)

    def _rollback_trial(self, copy: Shadow, index: int) -> RollbackTrial:
        """Rolls back the last applied step, and then applies it again."""
        step = self.done[index]
        left: Changes = ()
        try:
            if back := step_back(step):
                copy.apply((back,))
            left = compare(self.seen[index], copy.snapshot())
            copy.apply((step,))
            return RollbackTrial(step, left, compare(self.seen[index + 1], copy.snapshot()))
        except ApplyError as error:
            why = self._why_not(error)
            return RollbackTrial(step, left, untried=why) if why else RollbackTrial(step, left, failed=error)

    def _idempotence_check(self, copy: Shadow, index: int) -> IdempotenceCheck:
        """Repeats the last applied step."""
        step = self.done[index]
        try:
            copy.apply((step,))
            return IdempotenceCheck(step, compare(self.seen[index + 1], copy.snapshot()))
        except ApplyError as error:
            why = self._why_not(error)
            return IdempotenceCheck(step, untried=why) if why else IdempotenceCheck(step, failed=error)

    def _why_not(self, error: ApplyError, *, unmatched: bool = False) -> str:
        """Returns why an error of the trial may not occur in the real database. Empty if it would occur there too."""
        fresh = not (self.ledger.applied or any(each.kind in _WITH_ROWS for each in self.seen[0].objects))
        return why_inconclusive(error, self.original, fresh=fresh, unmatched=unmatched)

    def _order(self) -> OrderCheck | None:
        """Compares the schemas after two orders: the order by number, and the order in this environment."""
        if not other_order(self.plan, self.ledger):
            return None
        try:
            steps = (*steps_of(self.ledger), *self.plan.steps)
            with self.sandbox.empty() as numbered, self.sandbox.empty() as here:
                numbered.apply(tuple(sorted(steps, key=lambda step: step.number)))
                here.apply(steps)
                return OrderCheck(compare(numbered.snapshot(), here.snapshot()))
        except CtgitopsError as error:
            return OrderCheck(untried=error.what)
