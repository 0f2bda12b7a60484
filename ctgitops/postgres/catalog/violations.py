"""Counts rows that would make a migration fail. Read-only, waits for no lock, and has a time limit.

If a count exceeds the time limit, the result says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors

from ...core.trial.violation import Risk, Violation
from ...lazy import dataclass
from ...sql.guard import SqlSyntaxError, guarded
from ...sql.parse import trees
from ...sql.row_requirements import Demand, References, demands

if TYPE_CHECKING:
    from ..connection.connect import Connection

ALL_SECONDS = 60.0
MOST = 100_000
"""Maximum number of rows to count. For more rows, the report says `at least` this number."""
SHOWN = 5
_DATA = "22"
"""The SQLSTATE class of invalid values, such as a text that is too long or a text that is not a number."""
_KEYS = """
select pg_catalog.quote_ident(a.attname) from pg_catalog.pg_index i
cross join pg_catalog.unnest(i.indkey::int2[]) with ordinality k(number, place)
join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
where i.indisprimary and i.indrelid = pg_catalog.to_regclass(%s) order by k.place
"""
_CONSTRAINT = """
select pg_catalog.pg_get_constraintdef(c.oid) from pg_catalog.pg_constraint c
where c.conrelid = pg_catalog.to_regclass(%s) and c.conname = %s and not c.convalidated
"""
_WHY: dict[type[psycopg.Error], str] = {
    errors.QueryCanceled: "statement timeout",
    errors.LockNotAvailable: "lock timeout: another session locks the table",
    errors.InsufficientPrivilege: "permission denied for this role",
    errors.UndefinedTable: "the table does not exist yet",
    errors.UndefinedColumn: "the column does not exist yet",
    errors.UndefinedObject: "the type does not exist yet",
}


class ViolationsUnreadable(Exception):  # noqa: N818 - it is not an error
    """The error if the rows cannot be counted. Its message says why."""


@dataclass
class ViolationCounter:
    """Counts the violating rows of one database. With `keys`, which a manifest must allow, also returns some keys."""

    connection: Connection
    keys: bool = False

    def count(self, risks: Iterable[Risk]) -> Iterator[Violation]:
        """Yields each risk with the number of rows that would make its statement fail."""
        until = time.monotonic() + ALL_SECONDS
        for risk in risks:
            if time.monotonic() > until:
                yield Violation(risk, None, why="no time left to read rows")
                continue
            try:
                yield from self._looked(risk)
            except ViolationsUnreadable as cannot:
                yield Violation(risk, None, why=str(cannot))
            except psycopg.DatabaseError as error:
                why = next((words for kind, words in _WHY.items() if isinstance(error, kind)), f"{error.sqlstate}")
                yield Violation(risk, None, why=why)

    def _looked(self, risk: Risk) -> Iterator[Violation]:
        demand = risk.demand
        if demand.unseen:
            raise ViolationsUnreadable(demand.unseen)
        if demand.constraint:
            for each in self._of_constraint(demand):
                yield from self._looked(replace(risk, demand=each))
        elif demand.references:
            condition = self._orphans(demand.references, demand.table)
            yield self._counted(replace(risk, demand=replace(demand, violating=condition)))
        elif demand.converts[0]:
            yield self._converted(risk)
        else:
            yield self._counted(risk)

    def _counted(self, risk: Risk) -> Violation:
        table, condition = risk.demand.table, risk.demand.violating
        some = f"select from {table} where {condition} limit {MOST}"
        rows = self._number(f"select count(*) from ({some}) each")  # noqa: S608 - the parser quoted the names
        keys = self._first(table, condition) if rows and self.keys else ()
        return Violation(risk, rows, at_least=rows == MOST, keys=keys)

    def _converted(self, risk: Risk) -> Violation:
        column, new = risk.demand.converts
        try:
            self._number(f"select count({column}::{new}) from {risk.demand.table}")  # noqa: S608 - quoted
        except psycopg.DatabaseError as error:
            if not (error.sqlstate or "").startswith(_DATA):
                raise
            return Violation(risk, 1, at_least=True)  # the server's message quotes the value, which must stay private
        return Violation(risk, 0)

    def _of_constraint(self, demand: Demand) -> list[Demand]:
        row = self.connection.execute(_CONSTRAINT.encode(), [demand.table, demand.constraint]).fetchone()
        if row is None:
            raise ViolationsUnreadable("the NOT VALID constraint does not exist yet")
        definition = str(row[0]).removesuffix(" NOT VALID")
        found = _demands_of(f"alter table {demand.table} add {definition}")
        # `replace` keeps `unseen`, so a part that must not be evaluated is still reported as unknown
        return [replace(each, says=f"{demand.says}: {each.says}") for each in found]

    def _orphans(self, references: References, table: str) -> str:
        keys = references.keys or tuple(str(k) for (k,) in self._rows(_KEYS, [references.parent]))
        if len(keys) != len(references.columns):
            raise ViolationsUnreadable("the referenced table does not have the key yet")
        pairs = list(zip(references.columns, keys, strict=True))
        there = " and ".join(f"parent.{key} = {table}.{column}" for column, key in pairs)
        given = " and ".join(f"{column} is not null" for column in references.columns)
        return f"{given} and not exists (select from {references.parent} parent where {there})"

    def _first(self, table: str, condition: str) -> tuple[str, ...]:
        columns = [str(name) for (name,) in self._rows(_KEYS, [table])]
        if not columns:
            return ()
        listed = ", ".join(f"{column}::text" for column in columns)
        query = f"select {listed} from {table} where {condition} order by {', '.join(columns)} limit {SHOWN}"  # noqa: S608
        return tuple(" / ".join(map(str, row)) for row in self._rows(query, None))

    def _number(self, query: str) -> int:
        # With binary results, a message can have only one statement
        row = self.connection.execute(query.encode(), binary=True).fetchone()
        return int(str(row[0])) if row else 0

    def _rows(self, query: str, values: list[object] | None) -> list[tuple[object, ...]]:
        return self.connection.execute(query.encode(), values, binary=True).fetchall()


def _demands_of(sql: str) -> list[Demand]:
    """The requirements of a constraint on rows. Raises ViolationsUnreadable for syntax that only newer servers have."""
    try:
        return guarded("a constraint")(
            lambda: [each for tree in trees(sql) for each in demands(tree.kind, tree.node)]
        )()
    except SqlSyntaxError as error:
        raise ViolationsUnreadable(f"its definition cannot be read: {error.message}") from None
