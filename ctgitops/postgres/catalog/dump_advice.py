"""Lists objects that pg_dump leaves out, and advises how to change objects that make a dump fail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files

import psycopg
from psycopg import sql

from ...errors import CtgitopsError
from ...lazy import dataclass
from ..connection.connect import Address, Connection, connect

_IN_FUNCTION = re.compile(
    r"""(?:SQL|PL/\w+)\ function\ (?:"(?P<name>(?:[^"]|"")+)"
        |(?P<signature>(?:"(?:[^"]|"")+"|[\w$]+)\.(?:"(?:[^"]|"")+"|[\w$]+)\([^)]*\))
        |(?P<bare>[\w$]+)\([^)]*\))""",
    re.VERBOSE,
)
"""Matches a function in the CONTEXT of an error. The first match is the innermost call.

The CONTEXT has the signature of a PL/pgSQL function, but only the name of an SQL function.
"""
_MISSING = re.compile(
    r'(?:relation|type|text search \w+|collation) "(?P<relation>[\w$]+)" does not exist'
    r"|(?:function|procedure) (?P<function>[\w$]+)\([^)]*\) does not exist"
)
_WORDS = re.compile(r"[^\W\d][\w$]*")
_NOT_THERE = re.compile(r"\bdoes not exist\b")
_VIOLATED = re.compile(r'(?:relation|table) "([^"]+)" violates (?:check|foreign key) constraint "([^"]+)"')
_DUPLICATED = re.compile(r'could not create unique index "([^"]+)"')
_FUNCTIONS = """
select p.oid::pg_catalog.regprocedure::text, e.extname, n.nspname::text, p.prosrc
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_language l on l.oid = p.prolang
left join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid
    and d.deptype = 'e'
left join pg_catalog.pg_extension e on e.oid = d.refobjid
where (p.proname = %s or p.oid = pg_catalog.to_regprocedure(%s)) and l.lanname not in ('c', 'internal')
    and n.nspname <> 'pg_catalog'
order by 1
"""
_SCHEMAS_OF = """
select distinct n.nspname::text
from pg_catalog.pg_namespace n
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and (
    exists (select from pg_catalog.pg_class c where c.relnamespace = n.oid and c.relname = any(%(names)s))
    or exists (select from pg_catalog.pg_proc p where p.pronamespace = n.oid and p.proname = any(%(names)s))
    or exists (select from pg_catalog.pg_type t where t.typnamespace = n.oid and t.typname = any(%(names)s))
)
order by 1
"""
_CONSTRAINTS = """
select c.conrelid::pg_catalog.regclass::text, pg_catalog.quote_ident(c.conname), pg_catalog.pg_get_constraintdef(c.oid)
from pg_catalog.pg_constraint c
join pg_catalog.pg_class t on t.oid = c.conrelid
where c.conname = %s and t.relname = %s and c.contype in ('c', 'f') and c.convalidated and c.conparentid = 0
order by 1
"""


def not_dumped(connection: Connection) -> tuple[str, ...]:
    """Objects that a dump leaves out, one line each with the reason. Reads only catalogs, takes no table lock."""
    query = files("ctgitops").joinpath("postgres", "sql", "not_dumped.sql").read_text(encoding="utf-8")
    return tuple(str(line) for (line,) in connection.execute(query.encode()).fetchall())


def denied(role: str) -> Mapping[str, str]:
    """Maps patterns of error messages about missing privileges to advice on how to let `role` read everything."""
    name = sql.Identifier(role).as_string()
    return {
        r"row-level security": f"row-level security hides rows from the dump: as a superuser, run `alter role {name} "
        "bypassrls`; if row-level security is forced, the owner of the table needs this too",
        r"large object": f"run `grant select on large object … to {name}` as its owner, or back up as a superuser",
        r"permission denied": f"back up as the tables' owner, or run `grant pg_read_all_data to {name}` as a superuser",
    }


def cure_for(address: Address, said: str) -> str:
    """Advice for a message from the server or pg_restore (`said`). Empty if the message is unknown. Read-only."""
    try:
        with connect(address, "ctgitops/read", {"default_transaction_read_only": "on"}) as connection:
            path = connection.execute("select pg_catalog.current_schemas(false)::text[]").fetchall()[0][0]
            connection.execute("set search_path = ''")
            return (
                _of_search_path(_Source(connection, tuple(map(str, path or ()))), said)  # type: ignore[call-overload]
                or _of_constraint(connection, said)
                or _of_index(said)
            )
    except (CtgitopsError, psycopg.Error):
        return ""


@dataclass(frozen=True)
class _Source:
    connection: Connection
    path: tuple[str, ...]
    """The schemas in which a session of this role resolves unqualified names."""


def _of_search_path(source: _Source, said: str) -> str:
    """Advice for an error in a function that uses unqualified names and sets no search_path. Empty for other errors."""
    found = _IN_FUNCTION.search(said)
    if found is None or not _NOT_THERE.search(said):
        return ""
    name = (found["name"] or found["bare"] or "").replace('""', '"')
    functions = source.connection.execute(_FUNCTIONS, [name, found["signature"]]).fetchall()
    if not functions:
        return ""
    missing = _MISSING.search(said)
    what = f"`{missing['relation'] or missing['function']}`" if missing else "something"
    why = f"{functions[0][0]} names {what} without its schema, and pg_dump and pg_restore run with an empty search_path"
    if functions[0][1] is not None:
        return (
            f"{why}; it belongs to extension {functions[0][1]}, so use your own function instead, which sets "
            "search_path and calls it"
        )
    cures = " ".join(_alter(source, str(one), str(schema), str(body)) for one, _, schema, body in functions)
    return f"{why}: run `{cures}` in psql as its owner and try again; add the same statement as a migration"


def _alter(source: _Source, signature: str, schema: str, body: str) -> str:
    """An ALTER FUNCTION statement that sets search_path to the session's schemas and those of objects in `body`."""
    named = source.connection.execute(_SCHEMAS_OF, {"names": list(set(_WORDS.findall(body)))}).fetchall()
    wanted = list(dict.fromkeys((schema, *source.path, *(str(each) for (each,) in named), "pg_temp")))
    quoted = (
        b"select pg_catalog.string_agg(pg_catalog.quote_ident(s), ', ' order by n)"
        b" from pg_catalog.unnest(%s::text[]) with ordinality u(s, n)"
    )
    rows = source.connection.execute(quoted, [wanted]).fetchall()
    return f"ALTER FUNCTION {signature} SET search_path = {rows[0][0]};"


def _of_constraint(connection: Connection, said: str) -> str:
    """Advice for a constraint that existing rows violate."""
    found = _VIOLATED.search(said)
    if found is None:
        return ""
    rows = connection.execute(_CONSTRAINTS, [found[2], found[1]]).fetchall()
    cures = [
        f"ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} {d} NOT VALID;" for table, name, d in rows
    ]
    if not cures:
        return ""
    return (
        f"rows of {rows[0][0]} violate {rows[0][1]}: correct them (`ctgitops verify --deep` counts them), or run "
        f"`{' '.join(cures)}` in psql, which keeps these rows; then retry"
    )


def _of_index(said: str) -> str:
    found = _DUPLICATED.search(said)
    if found is None:
        return ""
    return (
        f"duplicate rows in the unique index {found[1]}: it is corrupt, for example after a change of the system's "
        f"collation; remove the duplicates, then `REINDEX INDEX {found[1]};`"
    )
