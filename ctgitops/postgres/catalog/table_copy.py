"""Copies the rows of one table from a dump into a new table of another database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from ...errors import BackupError, UsageError
from ...lazy import dataclass
from ..connection.connect import Address, Connection, connect

NOTHING = "nothing was restored"
_COLUMNS = """
select a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated,
       pg_catalog.pg_get_expr(d.adbin, d.adrelid),
       case when a.attcollation <> t.typcollation
            then (select format('%%I.%%I', n.nspname, c.collname) from pg_catalog.pg_collation c
                  join pg_catalog.pg_namespace n on n.oid = c.collnamespace where c.oid = a.attcollation) end
from pg_catalog.pg_attribute a
join pg_catalog.pg_type t on t.oid = a.atttypid
left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attrelid = %s and a.attnum > 0 and not a.attisdropped
order by a.attnum
"""
_PARTS = """
with recursive part as (
    select %s::oid as oid
    union all
    select i.inhrelid from part join pg_catalog.pg_class c on c.oid = part.oid and c.relkind = 'p'
    join pg_catalog.pg_inherits i on i.inhparent = part.oid
)
select n.nspname, c.relname from part
join pg_catalog.pg_class c on c.oid = part.oid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r'
order by 1, 2
"""
_NAME = re.compile(r'("(?:[^"]|"")+"|[^".]+)\.("(?:[^"]|"")+"|[^".]+)')


@dataclass(frozen=True, order=True)
class TableName:
    """The name of a table, with its schema."""

    schema: str
    name: str

    @classmethod
    def parse(cls, text: str) -> TableName:
        """Parses `schema.name`. A part that contains a dot must be in double quotes. Raises UsageError."""
        found = _NAME.fullmatch(text)
        if not found:
            hint = "write it as schema.name, such as public.projects"
            raise UsageError(f"`{text}` is not the name of a table with its schema", hint=hint)
        parts = [part[1:-1].replace('""', '"') if part.startswith('"') else part for part in found.groups()]
        return cls(*parts)

    def __str__(self) -> str:
        parts = (self.schema, self.name)
        return ".".join(f'"{part}"' if "." in part or '"' in part else part for part in parts)

    @property
    def sql(self) -> sql.Identifier:
        """The quoted name."""
        return sql.Identifier(self.schema, self.name)


@dataclass(frozen=True)
class TableDefinition:
    """The columns of a table, and the tables that contain the rows: the table itself, or its partitions."""

    columns: tuple[sql.Composable, ...]
    stored: tuple[str, ...]
    """The names of the columns whose values are in a dump. Generated columns are not in a dump."""
    parts: tuple[TableName, ...]


def table_definition(address: Address, database: str, table: TableName) -> TableDefinition | None:
    """The definition of a table. None if it does not exist. Read-only."""
    with connect(address, "ctgitops restore", {"search_path": ""}, database=database) as connection:
        query = """
            select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
            where n.nspname = %s and c.relname = %s and c.relkind in ('r', 'p')
        """
        row = connection.execute(query, [table.schema, table.name]).fetchone()
        if row is None:
            return None
        columns = connection.execute(_COLUMNS, [row[0]]).fetchall()
        parts = connection.execute(_PARTS, [row[0]]).fetchall()
    return TableDefinition(
        tuple(_column(*map(_text, each)) for each in columns),
        tuple(str(each[0]) for each in columns if not each[3]),
        tuple(TableName(str(schema), str(name)) for schema, name in parts),
    )


def _text(value: object) -> str:
    return "" if value is None or value is False else str(value)


def _column(  # noqa: PLR0913, PLR0917 - the columns of one row
    name: str, of_type: str, not_null: str, generated: str, expression: str, collation: str
) -> sql.Composable:
    line = f" {of_type}" + (f" collate {collation}" if collation else "")
    if generated:
        line += f" generated always as ({expression}) {'virtual' if generated == 'v' else 'stored'}"
    return sql.SQL("{}{}").format(sql.Identifier(name), sql.SQL(line + (" not null" if not_null else "")))


@dataclass(frozen=True)
class NewTable:
    """A table that a transaction creates. The table exists when the transaction commits."""

    connection: Connection
    name: TableName
    definition: TableDefinition

    def copy_in(self, rows: Iterable[bytes], encoding: str) -> None:
        """Adds rows in the text format of COPY. Writes."""
        self.connection.execute(sql.SQL("set local client_encoding = {}").format(sql.Literal(encoding)))
        columns = sql.SQL(", ").join(map(sql.Identifier, self.definition.stored))
        copy = sql.SQL("copy {} ({}) from stdin").format(self.name.sql, columns)
        with self.connection.cursor() as cursor, cursor.copy(copy) as into:
            for line in rows:
                into.write(line)

    def count(self) -> int:
        """The table's number of rows."""
        row = self.connection.execute(sql.SQL("select count(*) from {}").format(self.name.sql)).fetchone()
        return int(str(row[0])) if row else 0


@contextmanager
def new_table(address: Address, name: TableName, definition: TableDefinition) -> Iterator[NewTable]:
    """Creates a table, and its schema if the schema is missing. Commits at the end of the block. Writes.

    Raises UsageError if the table exists, BackupError if the database refuses something. An error changes nothing.
    """
    settings = {"search_path": "", "statement_timeout": "0", "DateStyle": "ISO,MDY", "IntervalStyle": "postgres"}
    try:
        with connect(address, "ctgitops restore", settings) as connection, connection.transaction():
            _refuse_existing(connection, name)
            if not connection.execute("select from pg_catalog.pg_namespace where nspname = %s", [name.schema]).rowcount:
                connection.execute(sql.SQL("create schema {}").format(sql.Identifier(name.schema)))
            columns = sql.SQL(", ").join(definition.columns)
            connection.execute(sql.SQL("create table {} ({})").format(name.sql, columns))
            yield NewTable(connection, name, definition)
    except psycopg.Error as error:
        said = address.hidden(error.diag.message_primary or str(error)).strip()
        hint = "restore the whole backup into an empty database, if the type or function was dropped"
        raise BackupError(f"cannot restore into {name}: {said}", state=NOTHING, hint=hint) from None


def _refuse_existing(connection: Connection, name: TableName) -> None:
    query = """
        select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where n.nspname = %s and c.relname = %s
    """
    if connection.execute(query, [name.schema, name.name]).rowcount:
        hint = "choose another name with `--as`, or drop that table"
        raise UsageError(f"{name} already exists, and is not overwritten", state=NOTHING, hint=hint)
