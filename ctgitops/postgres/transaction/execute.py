"""Runs one step on one connection. One transaction includes the step and its ledger entry."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from psycopg.pq import Escaping

from ...core.ledger.ledger import Entry, Mark
from ...core.plan.plan import Direction, Plan, Step
from ...core.plan.replay import seed_step
from ...core.plan.step import entries_beside, entry_of_step
from ...errors import Cause
from ...lazy import dataclass
from ...sql.script import Script
from ...sql.traits import Trait
from ..connection.cancellable_query import Answer, Failure, exchange, rows
from ..connection.effective_settings import ON_DISK
from ..connection.session_pooler import restoring_after_reset, settings_by_sql
from ..ledger.ledger import insert_sql
from .message import CLEAN, SETTLE, Message, opening, spot_in, spot_of
from .session_leaks import leak_query, leak_query_within
from .step_failure import StepFailed

if TYPE_CHECKING:
    from ...core.gate.request import Origin
    from ...core.ledger.safeguards import Safeguards
    from ...core.migration.migration import Seed
    from ..connection.connect import Connection

_ENDING = "set session authorization default; "
"""Resets the role, so that a role set by a migration does not write the ledger entry."""
_WITHIN = "set local session authorization default; "
"""Resets the role only until COMMIT. The query after COMMIT then shows whether the migration leaked a role."""
_MILLIS = "ctgitops_millis"


@dataclass(frozen=True)
class Part:
    """One migration or seed file of a plan. Includes the ledger entry that records its completion."""

    step: Step
    entry: Entry
    last: bool
    """Whether this is the plan's last part. Its commit waits for the disk, and confirms all earlier commits."""
    in_step: str = ""
    """Statements, each with a semicolon, that also write to the ledger of another tool. Usually empty."""
    beside: tuple[Entry, ...] = ()
    """The entries of the migrations that a squashed file replaces. They are written before `entry`. Usually empty."""


def millis_in(answer: Answer) -> list[int]:
    """The durations in milliseconds of a message's ledger entries, in order."""
    entries = [r for r in answer.results if r.nfields == 1 and r.fname(0) == _MILLIS.encode()]
    return [int(value) for result in entries for (value,) in rows(result) if value is not None]


def in_one_transaction(connection: Connection, part: Part, guard: str = "") -> Answer:
    """Runs a migration with its entry in one transaction. After a failure, rolls back and raises an error.

    The error is StepFailed or Interrupted.
    """
    return _sent(connection, envelope(connection, part, guard), part.step)


def _guarded(guard: str, before: str, leading: int) -> tuple[str, int]:
    """The SQL to send before a file, and the number of its statements. Includes the statement `guard`, if any."""
    return (f"{before} {guard};", leading + 1) if guard else (before, leading)


def _sent(connection: Connection, message: Message, step: Step) -> Answer:
    """Sends the message. Runs the step's verify queries after the file and before the SQL that follows the file."""
    queries = [single.verify for single in step.singles if single.verify]
    if queries:
        _exchange(connection, replace(message, after=""))
        for each in queries:
            verify(connection, each)
        message = Message("", Script("", message.script.path), message.after, 0)
    return _exchange(connection, message)


def envelope(connection: Connection, part: Part, guard: str = "") -> Message:
    """The message for one migration: the optional guard, the file, the ledger entry, COMMIT and the session's reset."""
    before, leading = _guarded(guard, *opening(part.step, local=True, waits_for_disk=part.last))
    insert = _inserts(connection, part)
    on_disk = f"{ON_DISK}; " if part.last else ""
    entry = f"{part.in_step}{insert} returning millis as {_MILLIS}; {on_disk}commit"
    leaks = leak_query(part.step, settings_by_sql(connection))
    after = f"{_WITHIN}{entry}; {leaks}{CLEAN}{restoring_after_reset(connection)}"
    return Message(before, part.step.script, after, leading)


def _inserts(connection: Connection, part: Part) -> str:
    """The statements that write the part's ledger entries. The last one has no semicolon, so that it can return."""
    escaping = Escaping(connection.pgconn)
    beside = "".join(f"{insert_sql(entry, escaping, timed=False)}; " for entry in part.beside)
    return beside + insert_sql(part.entry, escaping, timed=True)


def _exchange(connection: Connection, message: Message) -> Answer:
    answer = exchange(connection, message.text)
    if answer.failure:
        failure = answer.failure
        spot = spot_of(message, failure.position, answer.done, failure.inside)
        if failure.inside and failure.inside[0] in spot.statement:  # the text is already part of the shown statement
            failure = replace(failure, detail=failure.detail.replace(f"INSIDE: {failure.inside[0]}", "").strip())
        raise StepFailed(failure, spot, answer.lost)
    return answer


def in_open_transaction(connection: Connection, part: Part, guard: str = "") -> Answer:
    """Runs a migration and its entry in an open transaction. Raises StepFailed, Interrupted."""
    step = part.step
    before, leading = _guarded(guard, *opening(step, local=True, begins=False))
    savepoint = Trait.SAVEPOINT in step.script.traits
    if savepoint:  # so that a later migration cannot roll back to a savepoint of this one
        before, leading = f"savepoint ctgitops; {before}", leading + 1
    release = "release savepoint ctgitops; " if savepoint else ""
    insert = _inserts(connection, part)
    leaks = leak_query_within(step, settings_by_sql(connection))
    entry = f"{part.in_step}{insert} returning millis as {_MILLIS}"
    after = f"{leaks}{_ENDING}{entry}; {release}{SETTLE}{restoring_after_reset(connection)}"
    return _sent(connection, Message(before, step.script, after, leading), step)


def verify(connection: Connection, queries: Script) -> None:
    """Runs verify queries. Raises StepFailed unless every column of every row is true."""
    answer = _exchange(connection, Message("", queries, "", 0))
    for statement, result in zip(queries.statements, answer.results, strict=False):
        values = [value for row in rows(result) for value in row]
        if not values or any(value != "t" for value in values):
            shown = ", ".join("null" if value is None else value for value in values[:5]) or "no row"
            failure = Failure(f"a verify query returned {shown} instead of true", stated=Cause.REFUTED)
            raise StepFailed(failure, spot_in(queries, statement, statement.start), lost=False)


def part_of(step: Step, plan: Plan, safeguards: Safeguards, origin: Origin) -> Part:
    """A step of a plan, with the ledger entry of its completion."""
    mark = Mark.ROLLED_BACK if step.direction is Direction.ROLLBACK else Mark.APPLIED
    entry = replace(entry_of_step(mark, step, plan.why or None), plan=plan.fingerprint, receipt=safeguards.summary())
    beside = (replace(each, plan=entry.plan, receipt=entry.receipt) for each in entries_beside(step))
    last = step is plan.steps[-1] and not plan.seeds
    return Part(step, origin.signed(entry), last, beside=tuple(map(origin.signed, beside)))


def part_of_seed(seed: Seed, plan: Plan, safeguards: Safeguards, origin: Origin) -> Part:
    """A seed file of a plan, with its ledger entry. The part's step has no number."""
    entry = Entry(Mark.APPLIED, seed.name, checksum=seed.checksum, sql=seed.script.sql)
    entry = replace(entry, plan=plan.fingerprint, receipt=safeguards.summary())
    return Part(seed_step(seed), origin.signed(entry), last=seed is plan.seeds[-1])
