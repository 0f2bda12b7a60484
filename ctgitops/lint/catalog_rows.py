"""Generates rows of PostgreSQL's system catalogs. Lint uses them to evaluate conditions in PL/pgSQL blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ..lazy import regex
from ..sql.nodes import Name, written

if TYPE_CHECKING:
    from .catalog import Catalog, Table

Row = dict[str, str | None]
"""Maps column names to the values of a row. A missing column, or None, means that the value is unknown."""
_KINDS = {"table": "r", "partitioned": "p", "view": "v", "materialized view": "m", "foreign table": "f"}
_TYPES = {
    "int2": "smallint", "int4": "integer", "int8": "bigint", "float4": "real", "float8": "double precision",
    "bool": "boolean", "varchar": "character varying", "bpchar": "character", "text": "text", "uuid": "uuid",
    "json": "json", "jsonb": "jsonb", "numeric": "numeric", "bytea": "bytea", "date": "date",
    "timestamp": "timestamp without time zone", "timestamptz": "timestamp with time zone",
}  # fmt: skip
"""Maps the parser's type names to the type names of information_schema."""
_CONSTRAINTS = {
    "CONSTR_CHECK": ("c", "CHECK"), "CONSTR_FOREIGN": ("f", "FOREIGN KEY"), "CONSTR_PRIMARY": ("p", "PRIMARY KEY"),
    "CONSTR_UNIQUE": ("u", "UNIQUE"), "CONSTR_EXCLUSION": ("x", None),
}  # fmt: skip
_GUESSED = regex(r".*( \d+|_\d+_idx)")
"""Matches names that lint generated, because the statement did not give a name."""


def _tables(catalog: Catalog) -> Iterator[Row]:
    for (schema, name), table in catalog.tables.items():
        if table.kind in {"table", "partitioned"}:
            yield {"table_schema": schema, "schemaname": schema, "table_name": name, "tablename": name}


def _relations(catalog: Catalog) -> Iterator[Row]:
    """The rows of information_schema.tables, which include views."""
    for (schema, name), table in catalog.tables.items():
        if table.kind != "materialized view":
            kind = {"view": "VIEW", "foreign table": "FOREIGN"}.get(table.kind, "BASE TABLE")
            yield {"table_schema": schema, "table_name": name, "table_type": kind}


def _materialized(catalog: Catalog) -> Iterator[Row]:
    for (schema, name), table in catalog.tables.items():
        if table.kind == "materialized view":
            yield {"schemaname": schema, "matviewname": name}


def _classes(catalog: Catalog) -> Iterator[Row]:
    for name, table in catalog.tables.items():
        kind = _KINDS.get(table.kind)
        yield {"relname": name[1], "relkind": kind, "oid": written(name), "nspname": name[0]}
    for name in catalog.indexes:
        yield {"relname": _certain(name[1]), "relkind": "i", "nspname": name[0]}
    for kind in ("S", "c"):  # sequences and composite types are not modelled
        yield {"relkind": kind}


def _columns(catalog: Catalog) -> Iterator[Row]:
    for (schema, name), table in catalog.tables.items():
        whose: Row = {"table_schema": schema, "table_name": name, "attrelid": written((schema, name))}
        whose |= {"nspname": schema, "relname": name}
        for column, each in table.columns.items():
            kind = None if each.type.schema or each.type.array else _TYPES.get(each.type.name)
            nullable = "NO" if each.not_null else "YES"
            yield whose | {"column_name": column, "attname": column, "data_type": kind, "is_nullable": nullable}
        if not table.known or table.kind in {"view", "materialized view"}:
            yield whose


def _indexes(catalog: Catalog) -> Iterator[Row]:
    for (schema, name), index in catalog.indexes.items():
        yield {"schemaname": schema, "indexname": _certain(name), "tablename": index.table[1]}


def _constraints(catalog: Catalog) -> Iterator[Row]:
    for full, table in catalog.tables.items():
        yield from _of(full, table)
    for domain in catalog.domains.values():
        for name in domain.constraints:
            yield {"conname": name}


def _of(full: Name, table: Table) -> Iterator[Row]:
    whose: Row = {"conrelid": written(full), "table_schema": full[0], "table_name": full[1]}
    whose |= {"constraint_schema": full[0]}
    whose |= {"nspname": full[0], "relname": full[1]}
    for name, each in table.constraints.items():
        short, long = _CONSTRAINTS.get(each.kind, (None, None))
        certain = _certain(name)
        yield whose | {"conname": certain, "constraint_name": certain, "contype": short, "constraint_type": long}
    if not table.known and table.kind != "materialized view":
        yield whose


def _certain(name: str) -> str | None:
    return None if _GUESSED.fullmatch(name) else name


LISTED: dict[str, Callable[[Catalog], Iterator[Row]]] = {
    "tables": _relations, "pg_tables": _tables, "columns": _columns, "pg_attribute": _columns, "pg_class": _classes,
    "pg_indexes": _indexes, "pg_constraint": _constraints, "table_constraints": _constraints,
    "pg_matviews": _materialized,
}  # fmt: skip
"""Maps unqualified catalog names to the functions that generate the catalogs' rows."""
