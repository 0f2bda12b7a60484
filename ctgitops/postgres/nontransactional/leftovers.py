"""Inspects the leftovers of an interrupted statement, compares them with the file, and drops INVALID indexes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.pq import Escaping, abc

from ...core.ledger.recovery import ABSENT, DETACH_PENDING, PRESENT, Present, RelationState, indexes, new_ones
from ...lazy import dataclass
from ...sql.deparse import index_on_probe
from ...sql.interruption import LeftoverKind, Leftovers
from ..connection.cancellable_query import Answer, Failure, exchange, exchange_or_rollback, rows
from ..connection.names import literal
from ..transaction.message import OWN_PATH

if TYPE_CHECKING:
    from ..connection.connect import Connection

_INDEX = """
select i.indexrelid, i.indisvalid and i.indisready from pg_catalog.pg_index i where i.indexrelid = {name_oid}
"""
# An index is in the schema of its table. If the table's name is unqualified, the search path determines the schema.
_INDEX_ON = """
select i.indexrelid, i.indisvalid and i.indisready
from pg_catalog.pg_class t join pg_catalog.pg_namespace n on n.oid = t.relnamespace
join pg_catalog.pg_index i on i.indexrelid
    = pg_catalog.to_regclass(pg_catalog.quote_ident(n.nspname) || '.' || {name})
where t.oid = {table_oid}
"""
_INDEXES_OF = """
select i.indexrelid from pg_catalog.pg_index i where i.indrelid = {table_oid}
"""
# REINDEX … CONCURRENTLY builds a second index, which is INVALID and named after the original, but otherwise equal.
_REINDEXED = r"""
select i.indexrelid from pg_catalog.pg_index i
join pg_catalog.pg_class c on c.oid = i.indexrelid
join pg_catalog.pg_class t on t.oid = i.indrelid
where not i.indisvalid and c.relname ~ '_cc(new|old)\d*$' and {scope} and exists (
    select from pg_catalog.pg_index o join pg_catalog.pg_class oc on oc.oid = o.indexrelid
    where o.indrelid = i.indrelid and o.indexrelid <> i.indexrelid
      and pg_catalog.starts_with(oc.relname, pg_catalog.regexp_replace(c.relname, '_cc(new|old)\d*$', ''))
      and (o.indkey::text, o.indclass::text, o.indcollation::text, o.indoption::text, o.indisunique)
        = (i.indkey::text, i.indclass::text, i.indcollation::text, i.indoption::text, i.indisunique)
      and pg_catalog.pg_get_expr(o.indexprs, o.indrelid) is not distinct from
          pg_catalog.pg_get_expr(i.indexprs, i.indrelid)
      and pg_catalog.pg_get_expr(o.indpred, o.indrelid) is not distinct from
          pg_catalog.pg_get_expr(i.indpred, i.indrelid))
"""
_SCOPES = {
    "index": "i.indrelid = (select o.indrelid from pg_catalog.pg_index o where o.indexrelid = {name_oid})",
    "table": "(i.indrelid = {name_oid} or i.indrelid = (select reltoastrelid from "
    "pg_catalog.pg_class where oid = {name_oid}))",
}
_ANYWHERE = "true"
_DETACHED = """
select inhdetachpending from pg_catalog.pg_inherits where inhrelid = {name_oid} and inhparent = {table_oid}
"""
_LISTED = {
    "database": "select from pg_catalog.pg_database where datname = {name}",
    "tablespace": "select from pg_catalog.pg_tablespace where spcname = {name}",
    "subscription": "select from pg_catalog.pg_subscription s join pg_catalog.pg_database d on d.oid = s.subdbid "
    "where d.datname = pg_catalog.current_database() and s.subname = {name}",
}
_NAMED = """
select pg_catalog.format('%I.%I', n.nspname, c.relname), i.indisvalid and i.indisready, c.relkind,
       pg_catalog.format('%I.%I', tn.nspname, t.relname),
       t.oid = {table_oid}, i.indisunique,
       pg_catalog.substr(d.text, pg_catalog.strpos(d.text, ' USING '))
from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid
cross join lateral pg_catalog.pg_get_indexdef(c.oid) d (text)
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_class t on t.oid = i.indrelid join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
where i.indexrelid = {oid}
"""
_BUILDER_SECONDS = 2
"""How many seconds `drop` waits for the table's lock.

Autovacuum also holds that lock, but gives it up for a session that waits longer than deadlock_timeout, which is one
second.
"""
_PROBE = "ctgitops_probe"
_OIDS = {key: f"current_setting('ctgitops.{key}')::oid" for key in ("name_oid", "table_oid")}
_PROBED = f"(select indexrelid from pg_catalog.pg_index where indrelid = 'pg_temp.{_PROBE}'::regclass)"  # noqa: S608


class CatalogUnreadable(Exception):  # noqa: N818 - the caller turns it into an error
    """The server did not answer a catalog query."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.failure)
        self.answer = answer


@dataclass(frozen=True)
class Index:
    """An existing index."""

    name: str
    """The qualified, quoted name."""
    valid: bool
    plain: bool
    """Whether the index has its own storage. The index of a partitioned table has none."""
    table: str
    on_wanted_table: bool
    definition: tuple[str | None, ...]


def seen(connection: Connection, left: Leftovers) -> RelationState:
    """The current state of a statement's leftovers. Raises CatalogUnreadable."""
    query = _question(left)
    if not query:
        return PRESENT
    name = literal(Escaping(connection.pgconn), left.name)
    found = _ask(connection, query.format(name=name, **_OIDS), name=left.name, table=left.table)
    if query in {_INDEX, _INDEX_ON}:
        return next((Present(int(str(oid)), valid == "t") for oid, valid in found), ABSENT)
    if left.what in {LeftoverKind.INDEX, LeftoverKind.REINDEXED}:
        return indexes(int(str(oid)) for (oid,) in found)
    if left.what is LeftoverKind.DETACHED and ("t",) in found:
        return DETACH_PENDING
    return PRESENT if found else ABSENT


def _question(left: Leftovers) -> str:
    match left.what:
        case LeftoverKind.INDEX:
            return _INDEX_ON if left.name else _INDEXES_OF
        case LeftoverKind.DROPPED_INDEX:
            return _INDEX
        case LeftoverKind.REINDEXED:
            return _REINDEXED.replace("{scope}", _SCOPES.get(left.catalogue, _ANYWHERE)).replace(r"\d", "[0-9]")
        case LeftoverKind.DETACHED:
            return _DETACHED
        case _:
            return _LISTED.get(left.catalogue, "")


def index_of(connection: Connection, oid: int, wanted_on: str = "") -> Index:
    """Reads the index with this OID, and whether the index is on the table `wanted_on`. Raises CatalogUnreadable."""
    found = _ask(connection, _NAMED.format(oid=oid, **_OIDS), table=wanted_on)
    if not found:
        raise CatalogUnreadable(Answer(0, (), Failure(f"index {oid} was dropped meanwhile")))
    name, valid, kind, table, on_it, *definition = found[0]
    return Index(str(name), valid == "t", kind == "i", str(table), on_it == "t", tuple(definition))


def is_wanted(connection: Connection, index: Index, statement: str) -> bool:
    """Whether `statement`, a CREATE INDEX CONCURRENTLY, creates exactly the index `index`.

    Runs the statement on an empty temporary table with the same columns, and rolls back. Compares the definitions of
    the two indexes as PostgreSQL prints them.
    """
    wanted = index_on_probe(statement, _PROBE)
    if not wanted:
        raise CatalogUnreadable(Answer(0, (), Failure("its expressions are nested too deeply")))
    made = f"create temporary table {_PROBE} (like {index.table}); {wanted}"
    answer = exchange(connection, f"begin; {made}; {OWN_PATH}; {_NAMED.format(oid=_PROBED, table_oid='0')}")
    exchange(connection, "rollback")
    if answer.failure:
        raise CatalogUnreadable(answer)
    return tuple(rows(answer.results[-1])[0][5:]) == index.definition


def candidates(left: Leftovers, before: RelationState | None, now: RelationState) -> tuple[int, ...]:
    """OIDs of possible leftovers of CREATE INDEX CONCURRENTLY: the index with its name, or else new indexes."""
    if left.name:
        return (now.oid,) if isinstance(now, Present) and now.oid is not None else ()
    return new_ones(before, now) if before is not None else ()


_FILES_LIMIT = """select setting from pg_catalog.pg_settings
where name operator(pg_catalog.=) 'lock_timeout' and source operator(pg_catalog.=) 'session'"""
"""Queries the lock_timeout in milliseconds if the file set it. The run's own lock_timeout is a connection option."""


def drop(connection: Connection, index: Index) -> Answer:
    """Drops an INVALID index with DROP INDEX CONCURRENTLY. Fails while another session builds the index. Writes.

    A session that builds an index holds a lock on the table.
    """
    if not index.table.startswith("pg_toast."):
        lock = f"lock table only {index.table} in share update exclusive mode"
        answer = exchange(connection, f"begin; set local lock_timeout = '{_BUILDER_SECONDS}s'; {lock}")
        exchange(connection, "rollback")
        if answer.failure:
            return answer
    of_the_file = [str(limit) for result in exchange(connection, _FILES_LIMIT).results for (limit,) in rows(result)]
    exchange(connection, "set lock_timeout = 0")  # DROP waits for old transactions without blocking others
    answer = exchange(connection, f"drop index concurrently {index.name}")
    exchange(connection, f"set lock_timeout = {of_the_file[0]}" if of_the_file else "reset lock_timeout")
    return answer


def _ask(connection: Connection, query: str, *, name: str = "", table: str = "") -> list[tuple[str | None, ...]]:
    """Runs a catalog query. Resolves `name` and `table` on the migration's search path, other names in pg_catalog."""
    escaping = Escaping(connection.pgconn)
    found = ", ".join(_noted(escaping, key, value) for key, value in (("name_oid", name), ("table_oid", table)))
    answer = exchange_or_rollback(connection, f"begin; select {found}; {OWN_PATH}; {query}; commit")
    if answer.failure:
        raise CatalogUnreadable(answer)
    return rows(answer.results[-2])


def _noted(escaping: abc.Escaping, key: str, name: str) -> str:
    oid = f"coalesce(pg_catalog.to_regclass({literal(escaping, name)})::pg_catalog.oid, '0')" if name else "'0'"
    return f"pg_catalog.set_config('ctgitops.{key}', {oid}::pg_catalog.text, true)"
