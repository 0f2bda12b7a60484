"""Reads table sizes and write rates from the server's statistics, and measures the server's speed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from psycopg import sql

from ...core.impact.size import Column, Rates, Size

if TYPE_CHECKING:
    from ..connection.connect import Connection

CALIBRATION_ROWS = 100_000
FOUND_ROWS = 20_000
# Leaves out most_common_vals and histogram_bounds, because they contain values of rows
_COLUMNS = """
select w.name, s.attname::text, s.null_frac, s.n_distinct
from pg_catalog.unnest(%s::text[]) w(name)
join pg_catalog.pg_class c on c.oid = pg_catalog.to_regclass(w.name)
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_stats s on s.schemaname = n.nspname and s.tablename = c.relname and not s.inherited
"""
_SIZES = """
with since(began) as (
    select coalesce(d.stats_reset, pg_catalog.pg_postmaster_start_time())
    from pg_catalog.pg_stat_database d where d.datname = pg_catalog.current_database()
)
select w.name, case when c.reltuples >= 0 then c.reltuples else coalesce(s.n_live_tup, 0) end, c.relpages,
       coalesce((select sum(x.relpages) from pg_catalog.pg_index i
                 join pg_catalog.pg_class x on x.oid = i.indexrelid where i.indrelid = c.oid), 0),
       (s.n_tup_ins + s.n_tup_upd + s.n_tup_del) * 60.0
           / greatest(extract(epoch from pg_catalog.clock_timestamp() - since.began), 60),
       array(select e.name from (values (4, 'Insert'), (8, 'Delete'), (16, 'Update')) e(bit, name) where exists (
           select from pg_catalog.pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal and t.tgenabled <> 'D'
           and t.tgtype & 1 = 1 and t.tgtype & e.bit = e.bit)),
       (select count(*) from pg_catalog.pg_index i where i.indrelid = c.oid),
       (select count(*) from pg_catalog.pg_constraint f where f.conrelid = c.oid and f.contype = 'f'),
       k.indexed, k.rows
from pg_catalog.unnest(%s::text[]) w(name) cross join since
join pg_catalog.pg_class c on c.oid = pg_catalog.to_regclass(w.name)
left join pg_catalog.pg_stat_all_tables s on s.relid = c.oid
cross join lateral (
    select count(*) filter (where i.there) indexed, coalesce(sum(r.reltuples) filter (where not i.there), 0) "rows"
    from pg_catalog.pg_constraint f join pg_catalog.pg_class r on r.oid = f.conrelid cross join lateral (select exists (
        select from pg_catalog.pg_index x where x.indrelid = r.oid and x.indkey[0] = f.conkey[1]) there) i
    where f.confrelid = c.oid and f.contype = 'f'
) k
where c.relkind in ('r', 'm')
"""
_TABLE = sql.SQL(
    "create schema ctgitops_calibration;"
    "create table ctgitops_calibration.p (id int primary key);"
    "create table ctgitops_calibration.t (id int, b text, p int);"
    "create table ctgitops_calibration.u (id int, b text, p int);"
    "insert into ctgitops_calibration.p select n from generate_series(0, 999) n;"
    "insert into ctgitops_calibration.t select n, md5(n::text), n % 1000 from generate_series(1, {}) n;"
).format(CALIBRATION_ROWS)
_SCAN = "alter table ctgitops_calibration.t alter id set not null"
_CHECK = "alter table ctgitops_calibration.t add foreign key (p) references ctgitops_calibration.p"
_INDEX = "create index on ctgitops_calibration.t (b)"
_REWRITE = "alter table ctgitops_calibration.t alter id type bigint"
_READ = "select count(*) from ctgitops_calibration.t where b <> ''"
_FIND = """
select count(*) from (select n % 1000 n from generate_series(1, 20000) n) x
join lateral (select from ctgitops_calibration.p where id = n offset 0) y on true
"""
_INSERT = "insert into ctgitops_calibration.u select * from ctgitops_calibration.t"
_UPDATE = "update ctgitops_calibration.u set p = 1"
_PAGES = "select pg_catalog.pg_relation_size('ctgitops_calibration.t') / 8192"


def sizes(connection: Connection, tables: Iterable[str]) -> dict[str, Size]:
    """Maps each table in `tables` that exists to its size. Read-only, takes no lock."""
    names = list(tables)
    columns: dict[str, dict[str, Column]] = {}
    for table, column, nulls, distinct in connection.execute(_COLUMNS.encode(), [names]).fetchall():
        columns.setdefault(str(table), {})[str(column)] = Column(float(str(nulls)), float(str(distinct)))
    found = connection.execute(_SIZES.encode(), [names]).fetchall()
    return {str(row[0]): _size(row, columns.get(str(row[0]), {})) for row in found}


def _size(row: Sequence[object], columns: Mapping[str, Column]) -> Size:
    _, rows, pages, indexes, per, fires, count, keys, referenced, unindexed = row
    return Size(
        float(str(rows)),
        int(str(pages)),
        int(str(indexes)),
        None if per is None else float(str(per)),
        columns,
        frozenset(cast("list[str]", fires)),
        int(str(count)),
        int(str(keys)),
        int(str(referenced)),
        max(float(str(unindexed)), 0.0),
    )


def calibrate(connection: Connection) -> Rates:
    """Measures how fast the server does each kind of work. Takes half a second.

    Works on a table that it creates in a transaction and rolls back.
    """
    connection.execute("begin")
    try:
        connection.execute(_TABLE)
        row = connection.execute(_PAGES.encode()).fetchone()
        pages = float(str(row[0])) if row else 1.0
        scan, check = _seconds(connection, _SCAN), _seconds(connection, _CHECK)
        read, find = _seconds(connection, _READ), _seconds(connection, _FIND)
        insert, update = _seconds(connection, _INSERT), _seconds(connection, _UPDATE)
        rewrite, index = _seconds(connection, _REWRITE), _seconds(connection, _INDEX)
    finally:
        connection.execute("rollback")
    return Rates(
        scanned=CALIBRATION_ROWS / scan,
        checked=CALIBRATION_ROWS / check,
        indexed=CALIBRATION_ROWS / index,
        rewritten=CALIBRATION_ROWS / rewrite,
        pages=2 * pages / rewrite,
        read=CALIBRATION_ROWS / read,
        found=FOUND_ROWS / find,
        inserted=CALIBRATION_ROWS / insert,
        updated=CALIBRATION_ROWS / update,
    )


def _seconds(connection: Connection, statement: str) -> float:
    began = time.perf_counter()
    connection.execute(statement.encode())
    return max(time.perf_counter() - began, 1e-6)
