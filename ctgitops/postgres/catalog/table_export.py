"""Exports the rows of tables in a snapshot. Loads exported rows into another database, to compare them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import LiteralString

import psycopg
from psycopg import sql

from ...core.table_export import TEMPORAL, TEXT, ExportColumn, ExportedRows, is_text, parquet_type
from ...errors import BackupError
from ...lazy import dataclass
from ..connection.connect import Address, Connection, connect
from .exported_snapshot import PREPARE, ExportedSnapshot
from .table_copy import TableName

UNTOUCHED = "nothing was changed"
CORRECT = "correct `backup.export.tables` in the manifest; add a new table after the migration that creates it"
_RELATION = """
select c.oid::bigint, c.relkind::text, exists (
    with recursive below as (
        select c.oid as oid
        union select i.inhrelid from below join pg_catalog.pg_inherits i on i.inhparent = below.oid
    )
    select from below join pg_catalog.pg_class part on part.oid = below.oid where part.relkind = 'f'
)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = %s and c.relname = %s and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
"""
# A domain's column has the modifier of the domain's definition
_COLUMNS = """
select a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,
    case when b.typnamespace = 'pg_catalog'::regnamespace then b.typname::text else '' end, b.modifier
from pg_catalog.pg_attribute a
cross join lateral (
    with recursive of_domain as (
        select a.atttypid as oid, a.atttypmod as modifier, 1 as depth
        union all
        select t.typbasetype, t.typtypmod, depth + 1 from of_domain join pg_catalog.pg_type t on t.oid = of_domain.oid
        where t.typtype = 'd'
    )
    select t.typnamespace, t.typname, of_domain.modifier from of_domain
    join pg_catalog.pg_type t on t.oid = of_domain.oid
    order by depth desc limit 1
) as b
where a.attrelid = %s and a.attnum > 0 and not a.attisdropped
order by a.attnum
"""
_TABLES = """
select n.nspname::text, c.relname::text from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
"""
_KINDS = {
    "v": "a view, which can hide rows; name the tables that it reads",
    "m": "a materialized view; name the tables that it reads",
    "f": "a foreign table, whose rows are on another server",
    "S": "a sequence",
    "i": "an index",
    "I": "an index",
    "c": "a type",
    "t": "a TOAST table",
}
# `.*` means the row, even if a column has the name of the alias
_ROWS: LiteralString = """count(*)::text,
    coalesce(sum(('x' || substr(md5((ctgitops_row.*)::text), 1, 16))::bit(64)::bigint::numeric), 0)::text"""
_LOADED = sql.Identifier("pg_temp", "ctgitops_loaded")


@dataclass(frozen=True)
class ExportTable:
    """A table to export, with its columns."""

    name: TableName
    columns: tuple[ExportColumn, ...]

    @property
    def _names(self) -> sql.Composed:
        return sql.SQL(", ").join(sql.Identifier(each.name) for each in self.columns)

    @property
    def select(self) -> sql.Composed:
        """The query for all rows, including the rows of partitions and inheriting tables."""
        return sql.SQL("select {} from {}").format(self._names, self.name.sql)


def tables_to_export(snapshot: ExportedSnapshot, names: Iterable[str]) -> tuple[ExportTable, ...]:
    """The tables with these names. Reads no rows. Raises BackupError if a table cannot be exported completely.

    If a row security policy would hide rows from this role, the query fails, because `row_security` is off.
    """
    with snapshot.reader() as connection:
        found = [_found(connection, name) for name in names]
        if wrong := [each for each in found if isinstance(each, str)]:
            what = f"`backup.export.tables` cannot be exported: {'; '.join(wrong)}"
            raise BackupError(what, state=UNTOUCHED, hint=CORRECT)
        tables = tuple(each for each in found if isinstance(each, ExportTable))
        for table in tables:
            connection.execute(sql.SQL("{} limit 0").format(table.select))
    return tables


def not_exportable(connection: Connection, names: Iterable[str]) -> tuple[str, ...]:
    """The tables that cannot be exported, each with the reason. Reads only the catalogs."""
    return tuple(each for name in names if isinstance(each := _found(connection, name), str))


def _found(connection: Connection, text: str) -> ExportTable | str:
    """The table with this name, or why it cannot be exported."""
    name = TableName.parse(text)
    row = connection.execute(_RELATION, [name.schema, name.name]).fetchone()
    if why := _why_not(connection, name, row):
        return f"{name} {why}"
    table = ExportTable(name, _columns(connection, row[0] if row else None))
    return table if table.columns else f"{name} has no columns"


def _why_not(connection: Connection, name: TableName, row: tuple[object, ...] | None) -> str:
    if row is None:
        tables = [str(TableName(str(schema), str(table))) for schema, table in connection.execute(_TABLES).fetchall()]
        near = difflib.get_close_matches(str(name), tables, n=1)
        return "does not exist" + (f" (did you mean {near[0]}?)" if near else "")
    kind, foreign = str(row[1]), row[2]
    if kind not in {"r", "p"}:
        return f"is {_KINDS.get(kind, 'not a table')}"
    return "has a partition or inheriting table that is a foreign table" if foreign else ""


def _columns(connection: Connection, oid: object) -> tuple[ExportColumn, ...]:
    columns = []
    for name, written, not_null, base, modifier in connection.execute(_COLUMNS, [oid]).fetchall():
        stored = parquet_type(str(base), int(str(modifier)))
        note = "" if stored != TEXT or is_text(str(base)) else "PostgreSQL's text form"
        columns.append(ExportColumn(str(name), str(written), bool(not_null), stored, note))
    return tuple(columns)


def profile(connection: Connection, table: ExportTable) -> tuple[ExportTable, ExportedRows]:
    """Counts the rows, computes their digest, and finds columns with values that their Parquet type lacks.

    Read-only.
    """
    parts: list[sql.Composable] = [sql.SQL(_ROWS)]
    parts += [sql.SQL("coalesce(bool_or({}), false)").format(_unfit(each)) for each in table.columns]
    query = sql.SQL("select {} from ({}) as ctgitops_row").format(sql.SQL(", ").join(parts), table.select)
    row = connection.execute(query).fetchone() or ()
    columns = (
        ExportColumn(each.name, each.type, each.not_null, TEXT, f"has values that {each.stored} does not have")
        if unfit
        else each
        for each, unfit in zip(table.columns, row[2:], strict=True)
    )
    return ExportTable(table.name, tuple(columns)), ExportedRows(int(str(row[0])), str(row[1]))


def _unfit(column: ExportColumn) -> sql.Composable:
    """An SQL condition that is true for a value that the column's Parquet type cannot store."""
    name = sql.Identifier(column.name)
    if column.stored.startswith("decimal"):
        return sql.SQL("{}::numeric in ('NaN', 'Infinity', '-Infinity')").format(name)
    if column.stored in TEMPORAL:
        return sql.SQL("{} not between '0001-01-02' and '9999-12-30'").format(name)
    return sql.SQL("false")


def csv_rows(connection: Connection, table: ExportTable) -> Iterator[bytes]:
    """The header and the rows as CSV, each as a separate piece. Every value except NULL is quoted."""
    options = "format csv, header true, force_quote *, encoding 'UTF8'"
    with connection.cursor() as cursor, cursor.copy(_copy_out(table, options)) as copy:
        for piece in copy:
            yield bytes(piece)


def text_rows(connection: Connection, table: ExportTable) -> Iterator[tuple[str | None, ...]]:
    """The rows, with each value as PostgreSQL prints it. Raises BackupError if a text is not UTF-8."""
    with connection.cursor() as cursor, cursor.copy(_copy_out(table, "encoding 'UTF8'")) as copy:
        try:
            yield from copy.rows()
        except UnicodeDecodeError:
            what = f"{table.name} has texts that are not UTF-8, which Parquet requires"
            hint = "set `backup.export.format: csv` in the manifest"
            raise BackupError(what, state=UNTOUCHED, hint=hint) from None


def _copy_out(table: ExportTable, options: LiteralString) -> sql.Composed:
    return sql.SQL("copy ({}) to stdout ({})").format(table.select, sql.SQL(options))


def load_and_count(
    address: Address, database: str, table: ExportTable, blocks: Iterable[bytes], counter: Callable[[int], None]
) -> ExportedRows:
    """Loads CSV rows into a temporary table with the column types of `table`. Returns their count and digest. Writes.

    The temporary table contains only one block at a time. Calls `counter` with the number of rows of each block. Raises
    BackupError if the database refuses a row.
    """
    names = sql.SQL(", ").join(sql.Identifier(each.name) for each in table.columns)
    copy_in = sql.SQL("copy {} ({}) from stdin (format csv, encoding 'UTF8')").format(_LOADED, names)
    count = sql.SQL("select {} from {} as ctgitops_row").format(sql.SQL(_ROWS), _LOADED)
    rows, digest = 0, 0
    try:
        with closing(connect(address, "ctgitops backup", database=database)) as connection:
            connection.execute(PREPARE)
            connection.execute(
                sql.SQL("create temporary table ctgitops_loaded as {} with no data").format(table.select)
            )
            for block in blocks:
                with connection.cursor() as cursor, cursor.copy(copy_in) as copy:
                    copy.write(block)
                row = connection.execute(count).fetchone() or (0, 0)
                rows, digest = rows + int(str(row[0])), digest + int(str(row[1]))
                counter(int(str(row[0])))
                connection.execute(sql.SQL("truncate {}").format(_LOADED))
    except psycopg.Error as error:
        said = address.hidden(error.diag.message_primary or str(error)).strip()
        raise BackupError(f"the export of {table.name} cannot be loaded: {said}", state=UNTOUCHED) from None
    return ExportedRows(rows, str(digest))
