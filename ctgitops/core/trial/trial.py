"""The result of a plan's trial: a run of the whole plan on a throw-away copy of the real schema."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ...errors import ApplyError, Cause, Place
from ...sql.script import Script
from ..activity.session_leak import SessionLeak
from ..ledger.ledger import Ledger
from ..plan.plan import Direction, Plan, Step
from ..plan.remedy import file_advice, rights_remedy
from ..problem import Problem
from ..schema.compare import Altered, Changes, compare
from ..schema.deparse import alike_once_read
from ..schema.snapshot import SchemaObject, Snapshot
from ..schema.source_database import SourceDatabase
from .gap import LIMITS, NO_EXTENSION, NO_ROWS, OWN_NAME, Gap, Stop
from .sandbox_gap import not_copied
from .seed_trial import SeedTrial

_ROWS = ("02", "21", "22", "23", "P0")
"""SQLSTATE classes of errors that depend on rows: no data, cardinality, data, integrity, RAISE."""
_NOT_THERE = frozenset({"42704", "42883", "42P01", "3F000"})
_TIME = frozenset({"57014", "57P01", "57P02", "57P03"})


@dataclass(frozen=True)
class RollbackTrial:
    """The trial of a rollback: apply, roll back, compare with the schema from before, and apply again."""

    step: Step
    left: Changes = ()
    """Changes from the schema before the migration to the schema after its rollback. Empty if they are equal."""
    second: Changes = ()
    """Changes from the schema after the first apply to the schema after the second apply."""
    failed: ApplyError | None = None
    """The error of the rollback or of the second apply."""
    untried: str = ""
    """Why the trial was not completed."""

    @property
    def proved(self) -> bool:
        """Whether the rollback restores the schema, and the migration can be applied again."""
        return not (self.left or self.second or self.failed or self.untried)


@dataclass(frozen=True)
class IdempotenceCheck:
    """The result of applying a migration twice. The migration is marked as idempotent."""

    step: Step
    differs: Changes = ()
    """The schema changes of the second apply. Empty if the second apply changes nothing."""
    failed: ApplyError | None = None
    """The error of the second apply."""
    untried: str = ""
    """Why the second apply was not checked."""

    @property
    def proved(self) -> bool:
        """Whether the second apply changed nothing."""
        return not (self.differs or self.failed or self.untried)


@dataclass(frozen=True)
class OrderCheck:
    """The comparison of two orders of the same migrations: the order by number, and the order in this environment."""

    differs: Changes = ()
    """Changes from the schema after the order by number to the schema after the order in this environment."""
    untried: str = ""
    """Why the order was not checked. Empty if the order was checked."""


@dataclass(frozen=True)
class Skipped:
    """A statement that the trial skipped because the statement names the database. The copy has a different name."""

    step: str
    """The name of the statement's migration."""
    database: str
    place: Place


@dataclass(frozen=True)
class Trial:
    """The result of a plan's trial."""

    server: str = ""
    """The version of the throw-away server, such as `17.5`."""
    unmatched: tuple[str, ...] = ()
    """The known differences between the copy and the real database, as text."""
    tried: tuple[str, ...] = ()
    """The names of the migrations that ran without an error."""
    changes: Changes = ()
    """The schema changes of the plan."""
    ways: tuple[RollbackTrial, ...] = ()
    again: tuple[IdempotenceCheck, ...] = ()
    """Checks of the migrations that are marked idempotent."""
    order: OrderCheck | None = None
    """The check of the order. None if this environment applies its migrations in the order of their numbers."""
    failed: ApplyError | None = None
    """The error of the migration that failed."""
    untried: str = ""
    """Why no migration ran, or why the trial stopped. The reason is outside the files."""
    prediction: str = ""
    """The fingerprint that the real schema must have after the plan. Empty if the fingerprint cannot be predicted."""
    ran_on: str = ""
    """The schema on which the trial ran without a connection to the database. Empty for a copy of the real schema."""
    skipped: tuple[Skipped, ...] = ()
    """The statements that the trial skipped."""
    leaks: tuple[SessionLeak, ...] = ()
    """Session state and temporary objects that a migration leaves behind. Apply removes them."""
    stop: Stop | None = None
    """Where the trial stopped. None if every migration ran."""
    role: str = ""
    """The role that ran the trial, if another role connected to the real database. Otherwise empty."""
    seeds: tuple[SeedTrial, ...] = ()
    before: Snapshot = field(default_factory=Snapshot, compare=False, repr=False)
    after: Snapshot = field(default_factory=Snapshot, compare=False, repr=False)

    @property
    def complete_changes(self) -> Changes | None:
        """The schema changes of the whole plan. None if a part of the plan did not run."""
        return None if self.failed or self.untried or not self.server else self.changes


_NONE = "its manifest says `shadow: none`"
NOT_WANTED = Trial(untried=_NONE, stop=Stop(_NONE, "remove `shadow: none` from the manifest"))
"""The result for an environment whose manifest disables the trial."""


def gap_of(proof: Trial | None, step: Step) -> tuple[Gap, ...]:
    """The parts of a step that the trial did not run. Empty if all statements ran."""
    if proof is None:
        return (Gap("no trial was made", "run `ctgitops plan` with a shadow"),)
    if step.name in proof.tried:
        mine = ((f"the statement names the database {s.database}", s) for s in proof.skipped if s.step == step.name)
        return tuple(Gap(why, OWN_NAME, each.place.line, only=True) for why, each in mine)
    stop = proof.stop or Stop(proof.untried or "the trial ended before this migration")
    if stop.place is None:
        return (Gap(stop.why, stop.remedy),)
    if stop.place.path == step.script.path:
        return (Gap(stop.why, stop.remedy, stop.place.line),)
    return (Gap(f"the trial stopped at {stop.place}", stop.remedy),)


def why_inconclusive(error: ApplyError, original: SourceDatabase, *, fresh: bool, unmatched: bool) -> str:
    """Why an error in the copy may not occur in the real database. Empty if the error would occur there too.

    `fresh` means that the real database has no migrations and no tables yet. The copy then lacks no rows.
    """
    state = error.sqlstate
    if not fresh and (state[:2] in _ROWS or not state or error.cause is Cause.NOT_POPULATED):
        return NO_ROWS
    if why := not_copied(error, original):
        return why
    if error.cause is Cause.EXTENSION_MISSING:
        return NO_EXTENSION
    if state in _TIME or error.cause is Cause.SANDBOX_ENDED:
        return LIMITS
    if unmatched and state in _NOT_THERE:
        return "a part of the real schema could not be copied"
    return ""


def unlike_copy(live: Snapshot, copy: Snapshot) -> Changes:
    """The unexpected differences between a real schema and its copy.

    Two differences are expected: expressions that PostgreSQL deparsed twice, and materialized views without their rows.
    """
    return tuple(
        change
        for change in compare(live, copy)
        if not (isinstance(change, Altered) and alike_once_read(change.before, _filled(change.after)))
    )


def unpredictable(live: Snapshot, copy: Snapshot, unlike: Changes) -> str:
    """Why the schema of the copy does not predict the real schema. Empty if it predicts the real schema."""
    if copy.about.major != live.about.major:
        return f"PostgreSQL {live.about.major} in the database, {copy.about.major} in the copy"
    return copy_difference_text(unlike)


def copy_difference_text(unlike: Changes) -> str:
    """The differences between a schema and its copy as text. Empty if there are none."""
    return f"not copied exactly: {_counted(unlike)}" if unlike else ""


def _filled(each: SchemaObject) -> SchemaObject:
    attributes = {name: value for name, value in each.attributes.items() if name != "populated"}
    return replace(each, attributes=attributes) if each.kind == "materialized view" else each


def rollback_of(step: Step) -> Script | None:
    """The rollback SQL of a step: its file, or the constant passed to `record_migration`. None if there is neither."""
    passed = step.script.passed_rollback if step.rollback_script is None else None
    return passed if passed and passed.sql else step.rollback_script


def computed_rollback(step: Step) -> bool:
    """Whether a step computes its rollback SQL when it runs. The rollback SQL is then known only after an apply."""
    passed = step.script.passed_rollback if step.rollback_script is None else None
    return passed is not None and not passed.sql


def step_back(step: Step) -> Step | None:
    """The rollback of a step, as a separate step. None if the rollback SQL cannot be tried."""
    script = rollback_of(step)
    if script is None:
        return None
    return replace(
        step,
        direction=Direction.ROLLBACK,
        script=script,
        rollback_script=None,
        verify=None,
        resumption=None,
    )


def other_order(plan: Plan, ledger: Ledger) -> bool:
    """Whether this environment does not apply its migrations in the order of their numbers. False for a rollback."""
    if plan.direction is Direction.ROLLBACK:
        return False
    numbers = [entry.number or 0 for entry in ledger.in_order] + [step.number for step in plan.singles]
    return numbers != sorted(numbers)


def proof_problems(proof: Trial, environment: str, remedied: str = "") -> tuple[Problem, ...]:
    """The problems that the trial found. A migration that fails blocks the plan.

    `remedied` is the hint for a failed file that must not change.
    """
    found = []
    if error := proof.failed:
        where = proof.ran_on or f"a copy of {environment}'s schema"
        what = f"fails on {where}: {error.what}"
        lacks = "" if error.hint else rights_remedy(error.sqlstate, error.what)
        hint = lacks or remedied or error.hint or file_advice(error, proof.server)
        found.append(Problem("fails", what, error.place, hint, error.detail))
    found += [_not_tried(each) for each in proof.skipped]
    found += [Problem("session", f"{each.migration} {each.text}", blocks=False) for each in proof.leaks]
    for way in proof.ways:
        found += _of_way(way)
    found += [_not_idempotent(again) for again in proof.again if again.failed or again.differs]
    if proof.order and proof.order.differs:
        what = (
            f"these migrations give an empty database a different schema than {environment}, "
            f"which applies them in a different order: {_counted(proof.order.differs)}"
        )
        hint = "use IF EXISTS or IF NOT EXISTS in the later of the two, or renumber it"
        found.append(Problem("order-differs", what, hint=hint, blocks=False))
    return tuple(found)


def _not_tried(skipped: Skipped) -> Problem:
    what = f"{skipped.step} names the database {skipped.database}, so that statement was not tried"
    hint = (
        "on the server of `shadow.url` the copy has a different name; in a sandbox that ctgitops starts "
        "(no `shadow.url`, or `shadow.image`) it has the real name"
    )
    return Problem("not-tried", what, skipped.place, hint, blocks=False)


def _not_idempotent(again: IdempotenceCheck) -> Problem:
    hint = "use IF NOT EXISTS or ON CONFLICT, or remove the comment `ctgitops: idempotent`"
    name, error = again.step.name, again.failed
    if error:
        what = f"{name} is marked idempotent, but its second run fails: {error.what}"
        return Problem("not-idempotent", what, error.place, hint, error.detail, blocks=False)
    what = f"{name} is marked idempotent, but its second run changes {_counted(again.differs)}"
    return Problem("not-idempotent", what, again.step.script.place(0), hint, blocks=False)


def _of_way(way: RollbackTrial) -> list[Problem]:
    script = rollback_of(way.step)
    place = script.place(0) if script else None
    if way.failed:
        what = f"the rollback of {way.step.name} fails: {way.failed.what}"
        hint = "correct the .down.sql before the apply: the ledger stores its text, which cannot be changed later"
        return [Problem("rollback-fails", what, way.failed.place, hint, way.failed.detail, blocks=False)]
    found = []
    if way.left:
        what = f"the rollback of {way.step.name} does not restore the schema: it leaves {_counted(way.left)}"
        found.append(Problem("rollback-leaves", what, place, "complete the .down.sql", blocks=False))
    if way.second:
        what = f"{way.step.name} gives a different schema when applied again after its rollback: {_counted(way.second)}"
        found.append(Problem("rollback-leaves", what, place, "complete the .down.sql", blocks=False))
    return found


def _counted(changes: Changes) -> str:
    first = ", ".join(str(change.object) for change in changes[:3])
    more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
    return f"{first}{more}"
