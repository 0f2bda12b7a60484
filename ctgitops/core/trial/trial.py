"""The result of a plan's trial: what happened when the whole plan ran on a throw-away copy of the real schema."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ...errors import ApplyError, Cause, Place
from ..ledger.ledger import Ledger
from ..plan.plan import Direction, Plan, Step
from ..problem import Problem
from ..schema.compare import Altered, Changes, compare
from ..schema.deparse import alike_once_read
from ..schema.snapshot import SchemaObject, Snapshot
from ..schema.source_database import SourceDatabase
from .sandbox_gap import not_copied

_ROWS = ("02", "21", "22", "23", "P0")
"""Classes of errors that rest on rows: no data, cardinality, data, integrity, RAISE. The copy has no row."""
_NOT_THERE = frozenset({"42704", "42883", "42P01", "3F000"})
_NOT_GRANTED = "42501"
_TIME = frozenset({"57014", "57P01", "57P02", "57P03"})


@dataclass(frozen=True)
class RollbackTrial:
    """A rollback that was tried: up, down, compared with before, up again."""

    step: Step
    left: Changes = ()
    """What it leaves, told from before it to after it; nothing: it brings the schema back."""
    second: Changes = ()
    """How the schema after the second time up differs from that after the first."""
    failed: ApplyError | None = None
    """It, or the migration after it, does not run."""
    untried: str = ""
    """Why it could not be tried to its end."""

    @property
    def proved(self) -> bool:
        """Whether it brings the schema back, and the migration can be applied again."""
        return not (self.left or self.second or self.failed or self.untried)


@dataclass(frozen=True)
class IdempotenceCheck:
    """A migration that claims to be idempotent, run twice in a row."""

    step: Step
    differs: Changes = ()
    """What the second run does; nothing: the claim is true, as far as the schema goes."""
    failed: ApplyError | None = None
    """What PostgreSQL said of the second run."""
    untried: str = ""
    """Why nobody knows."""

    @property
    def proved(self) -> bool:
        """Whether the second run changed nothing."""
        return not (self.differs or self.failed or self.untried)


@dataclass(frozen=True)
class OrderCheck:
    """Two orders of the same migrations: that of their numbers, and that in which this environment gets them."""

    differs: Changes = ()
    """From the schema in the order of numbers to this environment's."""
    untried: str = ""
    """Why nobody knows; empty where it was tried."""


@dataclass(frozen=True)
class Skipped:
    """A statement that was not run, because it names a database and the copy has another name."""

    step: str
    """The name of its migration."""
    database: str
    place: Place


@dataclass(frozen=True)
class Trial:
    """What is known of a plan because it ran."""

    server: str = ""
    """`17.5`: the version of the throw-away server."""
    unmatched: tuple[str, ...] = ()
    """In what the copy is not like the real database, in words."""
    tried: tuple[str, ...] = ()
    """The migrations that ran to their end."""
    changes: Changes = ()
    """From the schema before to that after."""
    ways: tuple[RollbackTrial, ...] = ()
    again: tuple[IdempotenceCheck, ...] = ()
    """Of those that claim to be idempotent."""
    order: OrderCheck | None = None
    """None: this environment gets its migrations in the order of their numbers."""
    failed: ApplyError | None = None
    """What PostgreSQL said of the migration that does not run."""
    untried: str = ""
    """Why nothing ran, or where it stopped without saying anything of the files."""
    prediction: str = ""
    """The fingerprint that the real schema must have afterwards; empty where nobody can say."""
    of_files: bool = False
    """It ran on what the merged files give from nothing: no database was looked at."""
    skipped: tuple[Skipped, ...] = ()
    """Statements of these migrations that did not run."""
    before: Snapshot = field(default_factory=Snapshot, compare=False, repr=False)
    after: Snapshot = field(default_factory=Snapshot, compare=False, repr=False)


def says_nothing(error: ApplyError, original: SourceDatabase, *, fresh: bool, unmatched: bool) -> str:
    """Why an error in the copy need not happen in the real database; empty: it will.

    `fresh`: the real database has no migration yet, so it has no row that the copy lacks.
    """
    state = error.sqlstate
    if not fresh and (state[:2] in _ROWS or not state or error.cause is Cause.NOT_POPULATED):
        return "the copy has the schema and no rows"
    if why := not_copied(error, original):
        return why
    if error.cause is Cause.EXTENSION_MISSING:
        return "the shadow does not have it"
    if state in _TIME or error.cause is Cause.SANDBOX_ENDED:
        return "the shadow's limits were reached"
    if unmatched and state in _NOT_THERE:
        return "a part of the real schema could not be copied"
    return ""


def unlike_copy(live: Snapshot, copy: Snapshot) -> Changes:
    """In what a copy is not like the real schema; what a copy must have otherwise is left out.

    That is how PostgreSQL prints what it read from its own print, and materialized views without their rows.
    """
    return tuple(
        change
        for change in compare(live, copy)
        if not (isinstance(change, Altered) and alike_once_read(change.before, _filled(change.after)))
    )


def unpredictable(live: Snapshot, copy: Snapshot, unlike: Changes) -> str:
    """Why nobody can say from a copy what the real schema will be; empty where somebody can."""
    if copy.about.major != live.about.major:
        return f"PostgreSQL {live.about.major} there, {copy.about.major} here"
    return told_unlike(unlike)


def told_unlike(unlike: Changes) -> str:
    """In what a copy is not like the real schema, in words; empty: in nothing."""
    return f"not as it is there: {_counted(unlike)}" if unlike else ""


def _filled(each: SchemaObject) -> SchemaObject:
    attributes = {name: value for name, value in each.attributes.items() if name != "populated"}
    return replace(each, attributes=attributes) if each.kind == "materialized view" else each


def step_back(step: Step) -> Step | None:
    """The rollback of a step as a step; None where it has no SQL."""
    if step.rollback_script is None:
        return None
    return replace(
        step,
        direction=Direction.ROLLBACK,
        script=step.rollback_script,
        rollback_script=None,
        verify=None,
        resumption=None,
    )


def other_order(plan: Plan, ledger: Ledger) -> bool:
    """Whether this environment gets migrations in another order than an empty database would."""
    numbers = [entry.number or 0 for entry in ledger.in_order] + [step.number for step in plan.steps]
    return numbers != sorted(numbers)


def proof_problems(proof: Trial, environment: str, remedied: str = "") -> tuple[Problem, ...]:
    """What the proof found, as any other bad news of a plan: what does not run blocks it.

    `remedied` is the help where the file that does not run must not be changed.
    """
    found = []
    if error := proof.failed:
        where = "what the merged files give" if proof.of_files else f"a copy of {environment}'s schema"
        what = f"fails on {where}: {error.what}"
        hint = remedied or error.hint or "correct the file: it would fail in the real database too"
        found.append(Problem("fails", what, error.place, hint, error.detail))
    found += [_not_tried(each) for each in proof.skipped]
    for way in proof.ways:
        found += _of_way(way)
    found += [_not_idempotent(again) for again in proof.again if again.failed or again.differs]
    if proof.order and proof.order.differs:
        what = (
            f"an empty database gets another schema from these migrations than {environment}, "
            f"which gets them in another order: {_counted(proof.order.differs)}"
        )
        hint = "make the later of the two find out what is there already (IF EXISTS, IF NOT EXISTS), or renumber it"
        found.append(Problem("order-differs", what, hint=hint, blocks=False))
    return tuple(found)


def _not_tried(skipped: Skipped) -> Problem:
    what = f"{skipped.step} names the database {skipped.database}, and that statement was not tried"
    hint = (
        "on the server of `shadow.url` the copy has another name; a sandbox that ctgitops starts itself "
        "(no `shadow.url`, or `shadow.image`) has the database's own"
    )
    return Problem("not-tried", what, skipped.place, hint, blocks=False)


def _not_idempotent(again: IdempotenceCheck) -> Problem:
    hint = "make it find out what is there (IF NOT EXISTS, ON CONFLICT), or take its `ctgitops: idempotent` away"
    name, error = again.step.name, again.failed
    if error:
        what = f"{name} says that it is idempotent, and its second run fails: {error.what}"
        return Problem("not-idempotent", what, error.place, hint, error.detail, blocks=False)
    what = f"{name} says that it is idempotent, and its second run changes {_counted(again.differs)}"
    return Problem("not-idempotent", what, again.step.script.place(0), hint, blocks=False)


def _of_way(way: RollbackTrial) -> list[Problem]:
    script = way.step.rollback_script
    place = script.place(0) if script else None
    if way.failed:
        what = f"the rollback of {way.step.name} does not work: {way.failed.what}"
        hint = "correct the .down.sql now: after the merge the ledger keeps it as it is"
        return [Problem("rollback-fails", what, way.failed.place, hint, way.failed.detail, blocks=False)]
    found = []
    if way.left:
        what = f"the rollback of {way.step.name} does not bring the schema back: it leaves {_counted(way.left)}"
        found.append(Problem("rollback-leaves", what, place, "complete the .down.sql", blocks=False))
    if way.second:
        what = f"{way.step.name} gives another schema after its rollback: {_counted(way.second)}"
        found.append(Problem("rollback-leaves", what, place, "complete the .down.sql", blocks=False))
    return found


def _counted(changes: Changes) -> str:
    first = ", ".join(str(change.object) for change in changes[:3])
    more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
    return f"{first}{more}"
