"""Reads the identity of a database and rows of its ledger in one round trip."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from typing import TYPE_CHECKING

import psycopg

from ...lazy import dataclass
from ..connection.identity import ask_identity, has_ledger, identity_from

if TYPE_CHECKING:
    from ..connection.connect import Connection, Cursor
    from ..connection.identity import Facts, Found

Row = tuple[object, ...]


@dataclass(frozen=True)
class LedgerQuery:
    """A query whose rows are read in binary format: times as text depend on the role's DateStyle."""

    sql: str
    values: tuple[object, ...] = ()

    def sent(self, connection: Connection) -> Cursor:
        """Sends the query. In a pipeline, does not wait for the rows."""
        return connection.execute(self.sql.encode(), self.values or None, binary=True)


def read_at_once(
    connection: Connection, facts: Facts, queries: Iterable[LedgerQuery], *, newest: int, shared: bool = False
) -> tuple[Found, tuple[list[Row], ...]]:
    """Reads the identity, and in the same round trip the rows of `queries`. No rows if the format is not `newest`.

    With `shared`, uses no pipeline, because statements of another thread would become part of the pipeline.
    """
    asked: Cursor | None = None
    failure: psycopg.Error | None = None
    sent: list[Cursor] = []
    try:
        with nullcontext() if shared else connection.pipeline():
            asked = ask_identity(connection, facts)
            sent += [query.sent(connection) for query in queries] if has_ledger(facts) else []
    except psycopg.Error as error:
        if connection.closed or asked is None or asked.description is None:
            raise
        failure = error  # a ledger of another format can lack what `queries` read
    found = identity_from(facts, asked.fetchone() if asked else None)
    if found.format != newest:
        return found, ()
    if failure:
        raise failure
    return found, tuple(cursor.fetchall() for cursor in sent)
