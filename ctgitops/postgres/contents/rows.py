"""Reads the rows of all tables, and the positions of all sequences, of a throw-away database."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from ...core.schema.contents import StoredColumn, TableRows
from ...errors import WorkspaceError
from ..connection.names import SCHEMA

if TYPE_CHECKING:
    from ..connection.connect import Connection

MOST_ROWS = 1_000_000
"""The maximum number of rows in all tables. More rows are data, not reference data."""
_TABLES = """
with hashed(root) as (
    select pg_catalog.pg_partition_root(partrelid) from pg_catalog.pg_partitioned_table where partstrat = 'h'
)
select pg_catalog.format('%%I.%%I', n.nspname, c.relname), exists (
        select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    ),
    (select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
            pg_catalog.quote_ident(a.attname), a.attidentity = 'a',
            coalesce(pg_catalog.pg_get_expr(x.adbin, x.adrelid) ~* '\\mcurrent_|\\mlocaltime' or exists (
                select from pg_catalog.regexp_matches(
                    pg_catalog.pg_get_expr(x.adbin, x.adrelid), '([a-z_0-9]+)\\(', 'gi') m
                join pg_catalog.pg_proc p on p.proname = m[1] and p.provolatile <> 'i' and p.proname <> 'nextval'
            ), false)
        ) order by a.attnum)
    from pg_catalog.pg_attribute a
    left join pg_catalog.pg_attrdef x on x.adrelid = a.attrelid and x.adnum = a.attnum
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''),
    case c.relkind when 'r' then 'only ' else '' end
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where case c.relkind
        when 'r' then coalesce(pg_catalog.pg_partition_root(c.oid) not in (select root from hashed), true)
        when 'p' then c.oid in (select root from hashed)
        else false end
    and c.relpersistence <> 't' and n.nspname !~ '^pg_'
    and n.nspname not in ('information_schema', %s)
order by 1
"""
"""Queries each table with rows of its own, and instead of hash partitions the table at their root.

The hash of an enum value is another one in each database, so a row may belong into another partition there.
"""
_SEQUENCES = """
select pg_catalog.format('%%I.%%I', n.nspname, c.relname)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'S' and c.relpersistence <> 't' and n.nspname !~ '^pg_'
    and n.nspname not in ('information_schema', %s)
    and not exists (
        select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
order by 1
"""


def read_rows(connection: Connection) -> tuple[tuple[TableRows, ...], tuple[tuple[str, str], ...]]:
    """The tables that have rows, and a hash of the rows of each table of an extension. Raises WorkspaceError."""
    found: list[TableRows] = []
    hashes: list[tuple[str, str]] = []
    total = 0
    for table, of_extension, columns, only in connection.execute(_TABLES, [SCHEMA]).fetchall():
        name = str(table)
        if of_extension:
            hashes.append((name, _hash(connection, name)))
        elif rows := _rows(connection, (str(only), name), cast("list[Any]", columns or [])):
            total += len(rows.rows)
            if total > MOST_ROWS:
                what = f"the migrations fill their tables with more than {MOST_ROWS:,} rows"
                hint = "squash fewer migrations with `--to`; so many rows do not belong into a file"
                raise WorkspaceError(what, state="nothing was written", hint=hint)
            found.append(rows)
    return tuple(found), tuple(hashes)


def _rows(connection: Connection, source: tuple[str, str], columns: list[Any]) -> TableRows | None:
    only, name = source
    stored = tuple(StoredColumn(str(column), bool(fills), bool(always)) for column, always, fills in columns)
    # Not a cast to text, because a migration may have created one: format() calls the output function of the type
    values = ", ".join(f"pg_catalog.format('%L', {column.name})" for column in stored)
    rows = connection.execute(f"select {values} from {only}{name}".encode()).fetchall()  # noqa: S608 - quoted names
    if not rows:
        return None
    (today,) = connection.execute("select pg_catalog.quote_literal(current_date::text)").fetchone() or ("",)
    stored = tuple(
        replace(column, today=column.fills_itself and all(row[at] == today for row in rows))
        for at, column in enumerate(stored)
    )
    return TableRows(name, stored, tuple(tuple(_in_a_file(str(value)) for value in row) for row in rows))


def _in_a_file(literal: str) -> str:
    """The literal without carriage returns, because files are read with LF line ends."""
    if "\r" not in literal:
        return literal
    return ("" if literal.startswith("E'") else "E") + literal.replace("\r", "\\r")


def _hash(connection: Connection, name: str) -> str:
    rows = "pg_catalog.string_agg(t::text, E'\\n' order by t::text)"
    query = f"select pg_catalog.md5(coalesce({rows}, '')) from only {name} t"  # noqa: S608 - a quoted name
    (value,) = connection.execute(query.encode()).fetchone() or ("",)
    return str(value)


def read_sequences(connection: Connection) -> tuple[tuple[str, str, str], ...]:
    """The name, the last value and `is_called` of each sequence."""
    found = []
    for (name,) in connection.execute(_SEQUENCES, [SCHEMA]).fetchall():
        query = f"select last_value::text, is_called from {name}"  # noqa: S608 - a quoted name
        last, called = connection.execute(query.encode()).fetchone() or ("1", False)
        found.append((str(name), str(last), "true" if called else "false"))
    return tuple(found)
