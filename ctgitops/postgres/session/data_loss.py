"""Counts the data that a migration or a rollback would destroy. Blocks no session. A count may be unknown."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors

from ...core.gate.data_loss import CountedLoss, Loss
from ...sql.data_loss import DestructionKind
from ..connection.connect import Address, Connection, connected
from ..transaction.row_guard import OTHERS, count_of_others

if TYPE_CHECKING:
    from ...core.run.auto_rollback import Checkpoint

SETTINGS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "5s",
    "lock_timeout": "200ms",
    "row_security": "off",  # makes PostgreSQL raise an error instead of omitting rows that row-level security hides
}
BUDGET = 30.0
"""Total time for exact counts, in seconds. PostgreSQL's statistics give estimates for the remaining losses."""
_TABLES_IN = """
select pg_catalog.concat(pg_catalog.quote_ident(n.nspname), '.', pg_catalog.quote_ident(c.relname))
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
where c.relkind operator(pg_catalog.=) any(array['r', 'p']::pg_catalog."char"[]) and not c.relispartition
    and pg_catalog.quote_ident(n.nspname) operator(pg_catalog.=) any(array[%s, pg_catalog.btrim(%s, '"')])
order by 1 using operator(pg_catalog.<)
"""
_ESTIMATE = (
    "select reltuples::pg_catalog.int8 from pg_catalog.pg_class "
    "where oid operator(pg_catalog.=) pg_catalog.to_regclass(%s)::pg_catalog.oid "
    "and reltuples operator(pg_catalog.>=) 0"
)
_KEEPS_TIMES = "select pg_catalog.current_setting('track_commit_timestamp')::pg_catalog.bool"


def count_losses(
    address: Address, losses: tuple[Loss, ...], since: Checkpoint | None = None
) -> tuple[CountedLoss, ...]:
    """For each loss, counts the rows that are destroyed. Read-only.

    Estimates the number if the count takes too long or would wait for a lock. With `since`, the start of a run, the
    counts exclude rows that the run itself wrote.
    """
    if not losses:
        return ()
    with connected(address, "ctgitops/read", SETTINGS) as connection:
        late = monotonic() + BUDGET
        return tuple(_counted(connection, loss, since, late=not since and monotonic() > late) for loss in losses)


def _counted(connection: Connection, loss: Loss, since: Checkpoint | None, *, late: bool) -> CountedLoss:
    what = loss.what
    if late or what.how is DestructionKind.UNREADABLE:
        return CountedLoss(loss, None) if what.how is DestructionKind.UNREADABLE else _estimate(connection, loss)
    try:
        if what.how is DestructionKind.SCHEMA:
            found = connection.execute(_TABLES_IN, [what.name, what.name]).fetchall()
            return _sum(loss, [_count(connection, loss, str(name), since) for (name,) in found])
        if connection.execute("select pg_catalog.to_regclass(%s)", [what.name]).fetchone() == (None,):
            return CountedLoss(loss, 0, note="the table does not exist")
        return _count(connection, loss, what.name, since)
    except (errors.QueryCanceled, errors.LockNotAvailable):
        return _estimate(connection, loss)
    except psycopg.DatabaseError as error:
        said = error.diag.message_primary or type(error).__name__
        return CountedLoss(loss, None, note=" ".join(said.split()))


def _count(connection: Connection, loss: Loss, table: str, checkpoint: Checkpoint | None) -> CountedLoss:
    if checkpoint:
        return CountedLoss(loss, _number(connection, count_of_others(loss, table, checkpoint)), note=OTHERS)
    query = loss.query or f"select pg_catalog.count({loss.what.column or '*'}) from {table}"  # noqa: S608 - the parser quoted the names
    rows = _number(connection, query)
    unsure = loss.what.only_some and not loss.query
    note = "an upper bound: the affected rows are not known beforehand" if unsure else ""
    return CountedLoss(loss, rows, exact=not unsure, since=_since(connection, loss, table, rows), note=note)


def _since(connection: Connection, loss: Loss, table: str, rows: int) -> int | None:
    if loss.its_own:
        return rows
    if loss.query or loss.applied_at is None or connection.execute(_KEEPS_TIMES).fetchone() != (True,):
        return None
    where = f"pg_catalog.pg_xact_commit_timestamp(xmin) operator(pg_catalog.>) '{loss.applied_at.isoformat()}'"
    return _number(connection, f"select pg_catalog.count({loss.what.column or '*'}) from {table} where {where}")  # noqa: S608 - the parser quoted the names


def _number(connection: Connection, query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    return int(str(row[0])) if row else 0


def _estimate(connection: Connection, loss: Loss) -> CountedLoss:
    note = "counting timed out, or another session holds a lock on the table"
    row = connection.execute(_ESTIMATE, [loss.what.name]).fetchone()
    if row is None:
        return CountedLoss(loss, None, note=note)
    return CountedLoss(loss, int(str(row[0])), exact=False, note=f"{note}: PostgreSQL's estimate of the table")


def _sum(loss: Loss, parts: list[CountedLoss]) -> CountedLoss:
    rows = sum(part.rows or 0 for part in parts)
    return CountedLoss(loss, rows, note=f"in {len(parts)} table{'' if len(parts) == 1 else 's'}")
