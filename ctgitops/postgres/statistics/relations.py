"""Reads the statistics of tables and indexes, without a lock on the tables and indexes. Read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.performance.sample import IndexFigures, TableFigures

if TYPE_CHECKING:
    from ..connection.connect import Connection

# relpages instead of pg_relation_size(), which locks the relation
_TABLES = """
/* ctgitops */ select pg_catalog.format('%I.%I', n.nspname, c.relname),
    greatest(c.reltuples, s.n_live_tup, 0)::float8, s.n_dead_tup, c.relpages::bigint * 8192, s.seq_scan,
    s.seq_tup_read, coalesce(s.idx_scan, 0), s.n_tup_ins + s.n_tup_upd + s.n_tup_del,
    coalesce(pg_catalog.pg_relation_filenode(c.oid), 0)::bigint,
    pg_catalog.md5(coalesce((select pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attnum, a.attname, a.atttypid,
        a.atttypmod, a.attisdropped), ',' order by a.attnum) from pg_catalog.pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0), '') || coalesce((
        select pg_catalog.string_agg(pg_catalog.concat_ws(' ', i.indexrelid, i.indisvalid), ',' order by i.indexrelid)
        from pg_catalog.pg_index i where i.indrelid = c.oid), ''))
from pg_catalog.pg_stat_user_tables s
join pg_catalog.pg_class c on c.oid = s.relid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname <> 'ctgitops' and n.nspname !~ '^pg_'
"""
_INDEXES = """
/* ctgitops */ select pg_catalog.format('%I.%I', n.nspname, x.relname),
    pg_catalog.format('%I.%I', n.nspname, c.relname),
    s.idx_scan, x.relpages::bigint * 8192,
    i.indisunique or i.indisexclusion
from pg_catalog.pg_stat_user_indexes s
join pg_catalog.pg_index i on i.indexrelid = s.indexrelid join pg_catalog.pg_class x on x.oid = s.indexrelid
join pg_catalog.pg_class c on c.oid = s.relid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname <> 'ctgitops' and n.nspname !~ '^pg_'
"""


def read_tables(connection: Connection) -> dict[str, TableFigures]:
    """Maps the quoted names of all tables to the tables' counters. Raises psycopg.Error."""
    return {str(name): _table(more) for name, *more in connection.execute(_TABLES).fetchall()}


def _table(row: list[object]) -> TableFigures:
    rows, *counts, definition = row
    dead, size, seq_scans, seq_rows, index_scans, written, file = (int(str(count or 0)) for count in counts)
    return TableFigures(float(str(rows)), dead, size, seq_scans, seq_rows, index_scans, written, file, str(definition))


def read_indexes(connection: Connection) -> dict[str, IndexFigures]:
    """Maps the quoted names of all indexes to the indexes' counters. Raises psycopg.Error."""
    rows = connection.execute(_INDEXES).fetchall()
    return {
        str(name): IndexFigures(str(table), int(str(scans or 0)), int(str(size)), bool(constrains))
        for name, table, scans, size, constrains in rows
    }
