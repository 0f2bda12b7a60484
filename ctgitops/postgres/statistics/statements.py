"""Reads pg_stat_statements, in any version and schema of the extension. Read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import errors, sql

from ...core.performance.sample import Blind, StatementFigures
from ...lazy import dataclass

if TYPE_CHECKING:
    from ..connection.connect import Connection

WHAT = "the statements"
LONGEST_TEXT = 2000
_INSTALLED = """
select n.nspname, pg_catalog.to_regclass(pg_catalog.quote_ident(n.nspname) || '.pg_stat_statements_info') is not null,
       array(select a.attname::text from pg_catalog.pg_attribute a where a.attnum > 0
             and a.attrelid = pg_catalog.to_regclass(pg_catalog.quote_ident(n.nspname) || '.pg_stat_statements'))
from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
where e.extname = 'pg_stat_statements'
"""
# The load does not include ctgitops's own statements and statements that are not queries
_QUERY = r"^\s*(?:/\*.*?\*/\s*|--[^\n]*\n\s*)*\(*\s*(?:select|insert|update|delete|merge|with|values|table|call)\M"
_FIGURES = sql.SQL(r"""
/* ctgitops */ select pg_catalog.md5(s.query), sum(s.calls)::bigint, sum(s.{total})::float8,
    sum(s.calls * (s.{stddev} * s.{stddev} + s.{mean} * s.{mean}))::float8,
    sum(s.shared_blks_hit + s.shared_blks_read)::bigint, max(s.{longest})::float8, max("left"(s.query, {length}))
from {schema}.pg_stat_statements s
where s.dbid = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
    and s.queryid is not null and s.query ~* {pattern} and s.query !~ 'ctgitops'
group by 1
""")
_HIDDEN = sql.SQL("""
/* ctgitops */ select count(*) from {schema}.pg_stat_statements s
where s.dbid = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
    and s.query = '<insufficient privilege>'
""")
_INFO = sql.SQL("/* ctgitops */ select stats_reset::text, dealloc from {schema}.pg_stat_statements_info")


@dataclass(frozen=True)
class Statements:
    """Maps hashes of query texts to the counters of these queries. None if the counters could not be read."""

    figures: dict[str, StatementFigures] | None = None
    reset: str = ""
    blind: tuple[Blind, ...] = ()


def read_statements(connection: Connection) -> Statements:
    """Reads the counters of this database's queries. Raises psycopg.Error."""
    row = connection.execute(_INSTALLED).fetchone()
    if row is None:
        return _unseen("the extension pg_stat_statements is not installed in this database")
    schema, has_info, columns = sql.Identifier(str(row[0])), bool(row[1]), row[2]
    assert isinstance(columns, list)  # noqa: S101 - an array of text
    try:
        rows = connection.execute(_FIGURES.format(schema=schema, **_names(columns))).fetchall()
        hidden = _number(connection, _HIDDEN.format(schema=schema))
        reset = connection.execute(_INFO.format(schema=schema)).fetchone() if has_info else None
    except errors.ObjectNotInPrerequisiteState:
        return _unseen("pg_stat_statements is not in shared_preload_libraries")
    except (errors.InsufficientPrivilege, errors.UndefinedTable, errors.UndefinedColumn) as error:
        return _unseen(" ".join(str(error.diag.message_primary).split()))
    if hidden:
        return _unseen(f"{hidden} statements of other roles are hidden: {_grant(connection)}")
    figures = {str(key): _figures(more) for key, *more in rows}
    return Statements(figures, str(reset[0]) if reset else "")


def _names(columns: list[str]) -> dict[str, sql.Composable]:
    """Maps columns to their names in an extension version. Before 1.8, `total_exec_time` had the name `total_time`."""
    suffix = "exec_time" if "total_exec_time" in columns else "time"
    names = {"total": "total", "mean": "mean", "stddev": "stddev", "longest": "max"}
    found: dict[str, sql.Composable] = {key: sql.Identifier(f"{name}_{suffix}") for key, name in names.items()}
    return {**found, "length": sql.Literal(LONGEST_TEXT), "pattern": sql.Literal(_QUERY)}


def _figures(row: list[object]) -> StatementFigures:
    calls, total, squares, blocks, longest, text = row
    number = [float(str(value or 0)) for value in (total, squares, longest)]
    return StatementFigures(int(str(calls)), number[0], number[1], int(str(blocks or 0)), number[2], str(text))


def _unseen(why: str) -> Statements:
    return Statements(blind=(Blind(WHAT, why),))


def _grant(connection: Connection) -> str:
    row = connection.execute("select pg_catalog.quote_ident(current_user)").fetchone()
    return f"grant pg_read_all_stats to {row[0] if row else 'the role'}"


def _number(connection: Connection, query: sql.Composed) -> int:
    row = connection.execute(query).fetchone()
    return int(str(row[0])) if row else 0
