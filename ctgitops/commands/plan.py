"""Plan: what apply would do, for one environment or for all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from ..core.compare import Changes, compare
from ..core.gate import reasons_to_wait, with_warnings
from ..core.ledger import Ledger
from ..core.mention import goes, mention_problems
from ..core.original import Original
from ..core.plan import Plan, Step, make_plan, worst_first
from ..core.prediction import changed
from ..core.preview import Look, Preview, Unseen, beside_each_other, with_problems
from ..core.proof import (
    Order,
    Proof,
    WayBack,
    other_order,
    proof_problems,
    says_nothing,
    step_back,
    unlike_copy,
)
from ..core.replay import steps_of, with_versions_of
from ..core.request import Request
from ..core.snapshot import Snapshot
from ..errors import ApplyError, CtgitopsError
from ..lint.pending import lint_plan
from ..ports import Code, Databases, Sealed, Shadow, Shadows
from .planning.effects import effects_of
from .planning.rows import with_violations


def plan(
    requests: tuple[Request, ...], *, databases: Databases, code: Code, shadows: Shadows | None = None
) -> tuple[Look, ...]:
    """One look per request, in their order; an environment that cannot be read does not cost the others. Read-only.

    With `shadows` each plan is run on a throw-away copy.
    """
    with ThreadPoolExecutor(max_workers=8) as pool:
        looks = tuple(pool.map(lambda request: _look(request, databases, shadows), requests))
    return _with_mentions(beside_each_other(looks), code)


def _with_mentions(looks: tuple[Look, ...], code: Code) -> tuple[Look, ...]:
    """What the code still uses; it is searched once, and only for what goes."""
    those = dict.fromkeys(each for look in looks if isinstance(look, Preview) for each in goes(look.plan))
    if not those:
        return looks
    searched = code.mentions(tuple(those))
    return tuple(
        one
        for look in looks
        for one in with_problems((look,), mention_problems(look.plan, searched) if isinstance(look, Preview) else ())
    )


def _look(request: Request, databases: Databases, shadows: Shadows | None) -> Look:
    environment = request.environment
    try:
        database = databases.of(environment)
        ledger = database.ledger()
        made = with_warnings(make_plan(request.workspace, environment, ledger, request.target), request)
        made = lint_plan(made, request.workspace, environment, request.now.date(), _live(made, request, databases))
        if made.empty or made.blocked:
            return Preview(environment, made)
        look = Preview(environment, made, reasons_to_wait(made, request, databases.predecessor(request)))
        tried = _proved(look, request, ledger, databases, shadows) if shadows else look
        return with_violations(tried, database)
    except CtgitopsError as error:
        return Unseen(environment, error)


def _live(plan: Plan, request: Request, databases: Databases) -> Snapshot | None:
    """The schema as it is, for lint; None where there is nothing to judge, or where it cannot be read."""
    if not plan.steps:
        return None
    try:
        return databases.of(request.environment).snapshot()
    except CtgitopsError:
        return None


def _proved(preview: Preview, request: Request, ledger: Ledger, databases: Databases, shadows: Shadows) -> Preview:
    """The same with its proof and what that found; a plan that cannot be tried says so, and is one all the same."""
    if not preview.plan.steps or preview.plan.blocked:
        return preview
    if not request.environment.shadow.wanted:
        return replace(preview, proof=Proof(untried="its manifest says `shadow: none`"))
    try:
        database = databases.of(request.environment)
        original, live = database.original(), database.snapshot()
        with shadows.sealed(original, request.environment.shadow) as sealed:
            proof = _Trial(preview.plan, ledger, original, sealed).proof(live)
            preview = replace(preview, effects=effects_of(preview.plan, request, sealed, databases))
    except CtgitopsError as error:
        proof = Proof(untried=error.what)
    problems = worst_first((*preview.plan.problems, *proof_problems(proof, preview.environment.name)))
    return replace(preview, plan=replace(preview.plan, problems=problems), proof=proof)


@dataclass
class _Trial:
    """One plan on one copy."""

    plan: Plan
    ledger: Ledger
    original: Original
    sealed: Sealed
    done: list[Step] = field(default_factory=list)
    ways: list[WayBack] = field(default_factory=list)

    def proof(self, live: Snapshot) -> Proof:
        before = self.sealed.snapshot()
        known, notes = with_versions_of(before, live)
        seen, failed = [before], None
        try:
            for step in self.plan.steps:
                self.sealed.bring((step,), watched=True)
                self.done.append(step)
                seen.append(self.sealed.snapshot())
        except ApplyError as error:
            failed = error
        unlike = unlike_copy(live, known)
        changes = compare(before, seen[-1])
        predicted = not (unlike or failed) and before.about.major == live.about.major
        self._try_ways_back(seen)
        proof = Proof(
            server=before.about.server_version,
            unmatched=(*self.sealed.unmatched, *notes, *_told(unlike)),
            tried=tuple(step.name for step in self.done),
            changes=changes,
            before=before,
            after=seen[-1],
            ways=tuple(self.ways),
            prediction=changed(live, changes).fingerprint if predicted else "",
        )
        if failed is None:
            return replace(proof, order=self._order())
        return self._with_failure(proof, failed, same=not unlike)

    def _with_failure(self, proof: Proof, failed: ApplyError, *, same: bool) -> Proof:
        fresh = not self.ledger.applied
        why = says_nothing(failed, self.original, fresh=fresh, unmatched=not same)
        return replace(proof, untried=f"{failed.what} ({why})") if why else replace(proof, failed=failed)

    def _try_ways_back(self, seen: list[Snapshot]) -> None:
        """Each rollback by itself; after one that leaves something it goes on with another copy."""
        at = 0
        try:
            while any(step.rollback_script for step in self.done[at:]):
                with self.sealed.copy() as copy:
                    copy.bring(tuple(self.done[:at]))
                    at = self._back_and_forth(copy, seen, at)
        except CtgitopsError as error:
            left = [step for step in self.done[at:] if step.rollback_script]
            self.ways += [WayBack(step, untried=error.what) for step in left]

    def _back_and_forth(self, copy: Shadow, seen: list[Snapshot], at: int) -> int:
        """Up, down, up again, from a step on; returns with which one to go on in another copy. Raises ApplyError."""
        for index, step in enumerate(self.done[at:], start=at):
            copy.bring((step,))
            back = step_back(step)
            if back is None:
                continue
            way = self._way(copy, step, back, (seen[index], seen[index + 1]))
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


def _told(unlike: Changes) -> tuple[str, ...]:
    if not unlike:
        return ()
    named = ", ".join(str(change.object) for change in unlike[:3])
    more = f" and {len(unlike) - 3} more" if len(unlike) > 3 else ""
    return (f"not as it is there: {named}{more}",)
