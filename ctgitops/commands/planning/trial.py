"""Trial: a plan that is run on a throw-away copy, up, down and up again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace

from ...core.compare import Changes, compare
from ...core.ledger import Ledger
from ...core.original import Original
from ...core.plan import Plan, Step
from ...core.prediction import changed
from ...core.proof import Again, Order, Proof, WayBack, other_order, says_nothing, step_back, told_unlike, unlike_copy
from ...core.replay import steps_of, with_versions_of
from ...core.snapshot import Snapshot
from ...errors import ApplyError, CtgitopsError
from ...ports import Sealed, Shadow


@dataclass
class Trial:
    """One plan on one copy."""

    plan: Plan
    ledger: Ledger
    original: Original
    sealed: Sealed
    done: list[Step] = field(default_factory=list)
    seen: dict[int, Snapshot] = field(default_factory=dict)
    """The schema after so many steps."""
    ways: list[WayBack] = field(default_factory=list)
    again: list[Again] = field(default_factory=list)

    def proof(self, live: Snapshot) -> Proof:
        """Up, in the plan's order; then each way back, and the order of numbers; `live` is the real schema."""
        before = self.sealed.snapshot()
        known, notes = with_versions_of(before, live)
        failed = self._up(before)
        after = self.seen[max(self.seen)]
        unlike = unlike_copy(live, known)
        changes = compare(before, after)
        predicted = not (unlike or failed) and before.about.major == live.about.major
        self._try_ways_back()
        self._try_again()
        proof = Proof(
            server=before.about.server_version,
            unmatched=(*self.sealed.unmatched, *notes, *filter(None, [told_unlike(unlike)])),
            tried=tuple(step.name for step in self.done),
            changes=changes,
            before=before,
            after=after,
            ways=tuple(self.ways),
            again=tuple(self.again),
            prediction=changed(live, changes).fingerprint if predicted else "",
        )
        if failed is None:
            return replace(proof, order=self._order())
        return self._with_failure(proof, failed, same=not unlike)

    def _up(self, before: Snapshot) -> ApplyError | None:
        """Runs the steps; why one failed.

        The schema is looked at where somebody compares with it, and before what could fail with half of it done.
        """
        self.seen[0] = before
        for step in self.plan.steps:
            if step.rollback_script or not step.transactional:
                self._see()
            try:
                self.sealed.bring((step,), watched=True)
            except ApplyError as error:
                with suppress(CtgitopsError):  # a server that is gone cannot be asked
                    self._see()
                return error
            self.done.append(step)
            if step.rollback_script or step.script.idempotent:
                self._see()
        self._see()
        return None

    def _see(self) -> None:
        if len(self.done) not in self.seen:
            self.seen[len(self.done)] = self.sealed.snapshot()

    def _with_failure(self, proof: Proof, failed: ApplyError, *, same: bool) -> Proof:
        fresh = not self.ledger.applied
        why = says_nothing(failed, self.original, fresh=fresh, unmatched=not same)
        return replace(proof, untried=f"{failed.what} ({why})") if why else replace(proof, failed=failed)

    def _try_ways_back(self) -> None:
        """Each rollback by itself; after one that leaves something it goes on with another copy."""
        at = 0
        try:
            while any(step.rollback_script for step in self.done[at:]):
                with self.sealed.copy() as copy:
                    copy.bring(tuple(self.done[:at]))
                    at = self._back_and_forth(copy, at)
        except CtgitopsError as error:
            left = [step for step in self.done[at:] if step.rollback_script]
            self.ways += [WayBack(step, untried=error.what) for step in left]

    def _back_and_forth(self, copy: Shadow, at: int) -> int:
        """Up, down, up again, from a step on; returns with which one to go on in another copy. Raises ApplyError."""
        for index, step in enumerate(self.done[at:], start=at):
            copy.bring((step,))
            back = step_back(step)
            if back is None:
                continue
            way = self._way(copy, step, back, (self.seen[index], self.seen[index + 1]))
            self.ways.append(way)
            if not way.proved:
                return index + 1
        return len(self.done)

    def _way(self, copy: Shadow, step: Step, back: Step, sides: tuple[Snapshot, Snapshot]) -> WayBack:
        left: Changes = ()
        try:
            copy.bring((back,))
            left = compare(sides[0], copy.snapshot())
            copy.bring((step,))
            return WayBack(step, left, compare(sides[1], copy.snapshot()))
        except ApplyError as error:
            fresh = not self.ledger.applied
            why = says_nothing(error, self.original, fresh=fresh, unmatched=False)
            return WayBack(step, left, untried=why) if why else WayBack(step, left, failed=error)

    def _try_again(self) -> None:
        """Those that claim to be idempotent, twice; one for which that is not true is the last in its copy."""
        at = 0
        try:
            while any(step.script.idempotent for step in self.done[at:]):
                with self.sealed.copy() as copy:
                    copy.bring(tuple(self.done[:at]))
                    at = self._twice(copy, at)
        except CtgitopsError as error:
            self.again += [Again(step, untried=error.what) for step in self.done[at:] if step.script.idempotent]

    def _twice(self, copy: Shadow, at: int) -> int:
        """The second runs from a step on; returns with which one to go on in another copy. Raises ApplyError."""
        for index, step in enumerate(self.done[at:], start=at):
            copy.bring((step,))
            if not step.script.idempotent:
                continue
            try:
                copy.bring((step,))
                again = Again(step, compare(self.seen[index + 1], copy.snapshot()))
            except ApplyError as error:
                fresh = not self.ledger.applied
                why = says_nothing(error, self.original, fresh=fresh, unmatched=False)
                again = Again(step, untried=why) if why else Again(step, failed=error)
            self.again.append(again)
            if not again.proved:
                return index + 1
        return len(self.done)

    def _order(self) -> Order | None:
        """The same migrations from nothing, in the order of their numbers and in this environment's."""
        if not other_order(self.plan, self.ledger):
            return None
        try:
            steps = (*steps_of(self.ledger), *self.plan.steps)
            with self.sealed.empty() as numbered, self.sealed.empty() as here:
                numbered.bring(tuple(sorted(steps, key=lambda step: step.number)))
                here.bring(steps)
                return Order(compare(numbered.snapshot(), here.snapshot()))
        except CtgitopsError as error:
            return Order(untried=error.what)
