"""Reads the ledgers of other migration tools in a database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import psycopg

from ...core.environment.layout import LayoutName
from ...core.ledger.foreign_ledger import ForeignLedger, ForeignRow
from ...errors import LedgerError
from ...layouts.flyway import version_number
from ...layouts.ledgers import LEDGER_TABLES, LedgerTable
from ...sql.nodes import quoted_name
from ..connection.names import SCHEMA

if TYPE_CHECKING:
    from ..connection.connect import Connection

_FIND = """
select n.nspname, c.relname, array_agg(a.attname::text)
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relkind = 'r' and n.nspname <> %s and n.nspname not like 'pg\\_%%'
group by 1, 2
having c.relname = any(%s) or array_agg(a.attname::text order by a.attname::text collate "C")
  in (select string_to_array(x, ' ') from unnest(%s::text[]) x)
order by 1, 2
"""

_BY_KEY = {"Sqitch", "Drizzle Kit", "Prisma Migrate", "node-pg-migrate", "Liquibase"}
"""Tools whose keys are names or hashes. The digits in a name of the last two need not be unique."""


def foreign_ledgers(connection: Connection, version_parts: int) -> tuple[ForeignLedger, ...]:
    """The ledgers of other tools. Read-only. Raises LedgerError if this role may not read one of these ledgers."""
    names = sorted({each.table for each in LEDGER_TABLES})
    columns = [" ".join(sorted(each.all_columns)) for each in LEDGER_TABLES if each.all_columns]
    found = connection.execute(_FIND, [SCHEMA, names, columns]).fetchall()
    return tuple(ledger for row in found for ledger in _ledgers(connection, row, version_parts))


def _ledgers(connection: Connection, row: tuple[object, ...], version_parts: int) -> Iterator[ForeignLedger]:
    schema, table, columns = str(row[0]), str(row[1]), frozenset(cast("list[str]", row[2]))
    for each in LEDGER_TABLES:
        named = each.table == table and each.columns <= columns and not each.without & columns
        if named or each.all_columns == columns:
            qualified = f"{quoted_name(schema)}.{quoted_name(table)}"
            plain = f"{schema}.{table}"
            rows = _rows(connection, each, qualified, version_parts)
            shown = f"{_shown(schema)}.{_shown(table)}"
            own = () if schema == "public" else (f"schema {_shown(schema)}",)
            objects = (shown, f"table {shown}", f"{shown}_*", f"* {shown}_*", *own, *each.more)
            by_name = each.tool is LayoutName.PRISMA
            yield ForeignLedger(each.tool, each.title, plain, rows, each.all_before, objects, by_name)
            return


def _shown(name: str) -> str:
    """A name as snapshots show it: quoted only if it must be."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else quoted_name(name)


def _rows(connection: Connection, table: LedgerTable, qualified: str, version_parts: int) -> tuple[ForeignRow, ...]:
    try:
        found = connection.execute(table.query.format(table=qualified).encode()).fetchall()
    except psycopg.errors.InsufficientPrivilege:
        what = f"this role may not read {qualified}, the ledger of {table.title}"
        raise LedgerError(what, state="nothing was changed", hint=f"grant select on {qualified} to it") from None
    return tuple(
        ForeignRow(_number(table, key, version_parts), key, bool(complete), at, by, checksum)  # type: ignore[arg-type]
        for key, complete, at, by, checksum in found
    )


def _number(table: LedgerTable, key: str, version_parts: int) -> int | None:
    if table.title == "Flyway":
        return version_number(key, version_parts)
    digits = re.match(r"[0-9][0-9-]*", key)
    return None if table.title in _BY_KEY or digits is None else int(digits[0].replace("-", ""))
