"""One step on one connection: as a transaction with its ledger entry, or statement by statement between two entries."""

from __future__ import annotations

import time
from dataclasses import replace

from psycopg.pq import Escaping

from ..core.ledger import Entry, Mark
from ..core.plan import Direction, Plan, Step
from ..core.progress import Listener, StatementFinished
from ..core.receipt import Receipt
from ..core.request import Origin
from ..sql.parse import Statement
from ..sql.script import Script
from .connect import Connection
from .exchange import Answer, Failure, exchange, rows
from .failed import StepFailed
from .ledger import insert_sql
from .message import CLEAN, Message, Spot, opening, spot_in, spot_of

_ENDING = "set session authorization default; "
"""The role that a migration may have left behind must not write the ledger's entry."""
_MILLIS = "ctgitops_millis"


def millis_in(answer: Answer) -> list[int]:
    """What the entries of a message say, in its order."""
    entries = [r for r in answer.results if r.nfields == 1 and r.fname(0) == _MILLIS.encode()]
    return [int(value) for result in entries for (value,) in rows(result) if value is not None]


def in_one_transaction(connection: Connection, step: Step, entry: Entry, *, last: bool) -> int:
    """A migration and its entry, or no trace of either; returns milliseconds. Raises StepFailed, Interrupted."""
    message = whole(connection, step, entry, last=last)
    if step.verify:
        _exchange(connection, replace(message, after=""))
        _verify(connection, step.verify)
        message = Message("", Script("", step.script.path), message.after, 0)
    answer = _exchange(connection, message)
    return sum(millis_in(answer))


def whole(connection: Connection, step: Step, entry: Entry, *, last: bool) -> Message:
    """A migration, its entry, the commit, and the cleaning of the session."""
    before, leading = opening(step.script, step.name, local=True, waits_for_disk=last)
    insert = insert_sql(entry, Escaping(connection.pgconn), timed=True)
    return Message(before, step.script, f"{_ENDING}{insert} returning millis as {_MILLIS}; commit; {CLEAN}", leading)


def _exchange(connection: Connection, message: Message) -> Answer:
    answer = exchange(connection, message.text)
    if answer.failure:
        raise StepFailed(answer.failure, spot_of(message, answer.failure.position, answer.done), answer.lost)
    return answer


def _verify(connection: Connection, verify: Script) -> None:
    """Each of its queries must return true in every row, before the commit."""
    answer = _exchange(connection, Message("", verify, "", 0))
    for statement, result in zip(verify.statements, answer.results, strict=False):
        values = [value for row in rows(result) for value in row]
        if not values or any(value != "t" for value in values):
            shown = ", ".join("null" if value is None else value for value in values[:5]) or "no row"
            failure = Failure(f"a verify query returned {shown} instead of true")
            raise StepFailed(failure, spot_in(verify, statement, statement.start), lost=False)


def statement_by_statement(connection: Connection, step: Step, entry: Entry, tell: Listener) -> int:
    """Outside a transaction: an entry before, each statement by itself, verify, an entry after."""
    escaping = Escaping(connection.pgconn)
    started = replace(entry, mark=Mark.STARTED, rollback_sql=None)
    _send(connection, insert_sql(started, escaping, timed=False))
    before, _ = opening(step.script, step.name, local=False)
    _send(connection, before)
    clock = time.monotonic()
    for position, statement in enumerate(step.script.statements, start=1):
        since = time.monotonic()
        _one(connection, step.script, statement)
        millis = round((time.monotonic() - since) * 1000)
        tell(StatementFinished(step, position, len(step.script.statements), millis))
    if step.verify:
        _verify(connection, step.verify)
    total = round((time.monotonic() - clock) * 1000)
    # The role that the statements may have left behind is not the ledger's.
    _send(connection, "set session authorization default")
    _send(connection, insert_sql(entry, escaping, timed=True))
    connection.close()
    return total


def _one(connection: Connection, script: Script, statement: Statement) -> None:
    concurrently = "CONCURRENTLY" in statement.refused_in_transaction
    if concurrently:
        # It waits for old transactions without making anybody wait; cut short, it leaves an INVALID index.
        _send(connection, "set lock_timeout = 0")
    answer = exchange(connection, script.sql[statement.start : statement.end])
    if answer.failure:
        position = answer.failure.position
        at = statement.start + (position - 1 if position else 0)
        raise StepFailed(answer.failure, spot_in(script, statement, at), answer.lost)
    if concurrently:
        _send(connection, "reset lock_timeout")
    if statement.index:
        _refuse_invalid(connection, script, statement)


def _refuse_invalid(connection: Connection, script: Script, statement: Statement) -> None:
    """IF NOT EXISTS is content with the INVALID index that a failed attempt left behind."""
    name = Escaping(connection.pgconn).escape_literal(statement.index.encode()).decode()
    query = (
        "select from pg_catalog.pg_index where not (indisvalid and indisready) "
        f"and indexrelid = pg_catalog.to_regclass({name})"
    )
    answer = exchange(connection, query)
    if answer.failure or any(result.ntuples for result in answer.results):
        said = f"index {statement.index} is INVALID: an earlier attempt left it, and IF NOT EXISTS keeps it"
        failure = answer.failure or Failure(said, detail=f"HINT: drop index concurrently {statement.index}")
        raise StepFailed(failure, spot_in(script, statement, statement.start), answer.lost)


def _send(connection: Connection, sql: str) -> None:
    answer = exchange(connection, sql)
    if answer.failure:
        raise StepFailed(answer.failure, Spot(), answer.lost)


def entry_of(step: Step, plan: Plan, receipt: Receipt | None, origin: Origin) -> Entry:
    """What the ledger says of a step that came to its end."""
    back = step.direction is Direction.ROLLBACK
    entry = Entry(
        mark=Mark.ROLLED_BACK if back else Mark.APPLIED,
        name=step.name,
        number=step.number,
        version=str(step.version) if step.version else None,
        checksum=step.checksum,
        sql=step.script.sql,
        rollback_sql=step.rollback_script.sql if step.rollback_script else None,
        plan=plan.fingerprint,
        receipt=receipt.summary() if receipt else None,
    )
    return signed(entry, origin)


def signed(entry: Entry, origin: Origin) -> Entry:
    """The same entry, with who runs this and for what."""
    return replace(
        entry,
        actor=origin.actor or None,
        commit_sha=origin.commit_sha or None,
        pull_request=origin.pull_request,
        run_url=origin.run_url or None,
    )
