"""Fills tables of a copy with generated rows, as the migrations' role, so that no trigger runs as a superuser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import psycopg

from ...core.trial.generated_table import GeneratedColumn, GeneratedKey, GeneratedTable, in_order_of_keys
from ...core.trial.generated_value import insert_sql, unsupported, variants_of
from ...errors import WorkspaceError

if TYPE_CHECKING:
    from ..connection.connect import Connection

Statistics = Mapping[str, Mapping[str, tuple[float, float]]]
"""Maps each table to its columns, and each column to its null fraction and `n_distinct`."""
HINT = "write the rows of this table in a seed file, or remove the table from `rows` in migrations/policy.yaml"
_TABLE = """
select c.oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid = pg_catalog.to_regclass(%s) and c.relkind in ('r', 'p')
"""
_COLUMNS = """
with recursive base(attnum, type, modifier, checks, not_null) as (
    select a.attnum, a.atttypid, a.atttypmod, array[]::text[], a.attnotnull
    from pg_catalog.pg_attribute a where a.attrelid = %(table)s and a.attnum > 0 and not a.attisdropped
    union all
    select b.attnum, t.typbasetype, case when t.typtypmod >= 0 then t.typtypmod else b.modifier end,
        b.checks || array(select pg_catalog.substr(pg_catalog.pg_get_constraintdef(k.oid), 7)
            from pg_catalog.pg_constraint k where k.contypid = t.oid and k.contype = 'c'),
        b.not_null or t.typnotnull
    from base b join pg_catalog.pg_type t on t.oid = b.type where t.typtype = 'd'
)
select a.attname::text, pg_catalog.format('%%I.%%I', n.nspname, t.typname), b.modifier, b.not_null, t.typtype::text,
    t0.typcategory = 'A' and t0.typelem <> 0,
    (select count(*) from pg_catalog.pg_enum e where e.enumtypid = t.oid), b.checks,
    a.attgenerated <> '' or a.attidentity <> '' or coalesce(
        pg_catalog.pg_get_expr(d.adbin, d.adrelid) like 'nextval(%%', false)
from base b
join pg_catalog.pg_attribute a on a.attrelid = %(table)s and a.attnum = b.attnum
join pg_catalog.pg_type t0 on t0.oid = b.type and t0.typtype <> 'd'
join pg_catalog.pg_type t on t.oid = case when t0.typcategory = 'A' and t0.typelem <> 0 then t0.typelem else t0.oid end
join pg_catalog.pg_namespace n on n.oid = t.typnamespace
left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
order by a.attnum
"""
_KEYS = """
select k.conname::text, array(select a.attname::text from pg_catalog.unnest(k.conkey) with ordinality u(num, at)
        join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.num order by u.at),
    pg_catalog.format('%%I.%%I', n.nspname, c.relname),
    array(select a.attname::text from pg_catalog.unnest(k.confkey) with ordinality u(num, at)
        join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.num order by u.at)
from pg_catalog.pg_constraint k join pg_catalog.pg_class c on c.oid = k.confrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where k.conrelid = %s and k.contype = 'f' and k.conparentid = 0 order by 1
"""
_UNIQUES = """
select array(select a.attname::text from pg_catalog.unnest(i.indkey::int2[]) with ordinality u(num, at)
    join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = u.num
    where u.at <= i.indnkeyatts order by u.at)
from pg_catalog.pg_index i where i.indrelid = %s and i.indisunique
"""
_CHECKS = """
select pg_catalog.pg_get_expr(k.conbin, k.conrelid) from pg_catalog.pg_constraint k
where k.conrelid = %s and k.contype = 'c' and not k.connoinherit order by k.conname
"""
_ROWS = "select exists (select from {})"


def generate_rows(connection: Connection, rows: Mapping[str, int], statistics: Statistics) -> tuple[str, ...]:
    """Adds generated rows to tables. Returns what differs from the wanted rows, as text. Writes.

    The connection has an empty `search_path`. Raises WorkspaceError if a table cannot be filled.
    """
    tables: list[GeneratedTable] = []
    for name, number in rows.items():
        with _errors_refused(name):
            tables.append(_table(connection, name, number, statistics.get(name, {})))
    try:
        ordered, notes = in_order_of_keys(tables)
    except ValueError as error:
        raise _refused(str(error)) from None
    found = list(notes)
    for table in ordered:
        with _errors_refused(table.name):
            added = _fill(connection, _without_empty(connection, table))
        if added < table.rows:
            found.append(f"{table.name}: {added:,} rows instead of {table.rows:,}, because others violate a constraint")
    return tuple(found)


def _fill(connection: Connection, table: GeneratedTable) -> int:
    for column in unsupported(table):
        raise _refused(f"{table.name}: the column {column.name} must have a value, and no values of type {column.type} "
                       "can be generated")  # fmt: skip
    added = _insert(connection, table)
    connection.execute(f"analyze {table.name}".encode())
    if not added:
        which = f", such as {table.checks[0]}" if table.checks else ""
        raise _refused(f"{table.name}: no generated row satisfies the constraints of the table{which}")
    return added


def _insert(connection: Connection, table: GeneratedTable) -> int:
    """Inserts rows from as few candidates as possible. Returns the number of rows."""
    every = variants_of(table)
    for variants in every:
        with connection.transaction() as transaction:
            # A hash join keeps the order of the candidates, so LIMIT ends it early, and does not prefer some keys
            connection.execute("set local enable_mergejoin = off; set local enable_nestloop = off")
            added = connection.execute(insert_sql(table, variants).encode()).rowcount
            if added >= table.rows or variants == every[-1]:
                return added
            raise psycopg.Rollback(transaction)
    return 0


def _without_empty(connection: Connection, table: GeneratedTable) -> GeneratedTable:
    """Leaves out the foreign keys to empty tables, which are NULL then. Raises WorkspaceError if one cannot be NULL."""
    empty: set[str] = set()
    for key in table.keys:
        if connection.execute(_ROWS.format(key.table).encode()).fetchone() != (True,):
            if key.name not in table.optional:
                raise _refused(f"{table.name} references {key.table}, which has no rows: add it to `rows` too")
            empty.add(key.name)
    return table.without_keys(frozenset(empty))


def _table(
    connection: Connection, name: str, rows: int, statistics: Mapping[str, tuple[float, float]]
) -> GeneratedTable:
    found = connection.execute(_TABLE, [name]).fetchone()
    if found is None:
        raise _refused(f"there is no table {name} in the copy")
    oid, quoted = found
    columns: list[GeneratedColumn] = []
    others: list[tuple[str, str]] = []
    for row in connection.execute(_COLUMNS, {"table": oid}).fetchall():
        column = _column(row, statistics)
        if row[8]:
            others.append((column.name, f"{column.type}{'[]' if column.array else ''}"))
        else:
            columns.append(column)
    return GeneratedTable(
        str(quoted),
        rows,
        tuple(columns),
        tuple(GeneratedKey(str(key), *_key(rest)) for key, *rest in connection.execute(_KEYS, [oid]).fetchall()),
        tuple(tuple(cast("list[str]", each)) for (each,) in connection.execute(_UNIQUES, [oid]).fetchall()),
        tuple(str(check) for (check,) in connection.execute(_CHECKS, [oid]).fetchall()),
        tuple(others),
    )


def _key(row: list[Any]) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    columns, table, targets = row
    return tuple(columns), str(table), tuple(targets)


def _column(row: tuple[Any, ...], statistics: Mapping[str, tuple[float, float]]) -> GeneratedColumn:
    name, type_, modifier, not_null, kind, array, labels, checks, _ = row
    nulls, distinct = statistics.get(name, (0.0, 0.0))
    return GeneratedColumn(
        name, type_, modifier, not_null, labels, kind, array, tuple(checks), nulls=nulls, distinct=distinct
    )


@contextmanager
def _errors_refused(table: str) -> Iterator[None]:
    """Raises WorkspaceError for an error of PostgreSQL, such as a missing privilege."""
    try:
        yield
    except psycopg.Error as error:
        said = error.diag.message_primary or str(error)
        raise _refused(f"{table}: no rows can be generated: {' '.join(said.split())}") from None


def _refused(what: str) -> WorkspaceError:
    return WorkspaceError(what, state="no real database was changed", hint=HINT)
