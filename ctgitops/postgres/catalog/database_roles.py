"""Reads the owners of a database's objects from the system catalogs, and detects the provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.schema.database_roles import SIGNS, DatabaseRoles, Owner
from ..connection.names import SCHEMA

if TYPE_CHECKING:
    from ..connection.connect import Connection

_OWNERS = """
with owned(classid, objid, owner, namespace) as (
    select 'pg_catalog.pg_class'::regclass, oid, relowner, relnamespace from pg_catalog.pg_class
        where relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    union all select 'pg_catalog.pg_proc'::regclass, oid, proowner, pronamespace from pg_catalog.pg_proc
    union all select 'pg_catalog.pg_type'::regclass, oid, typowner, typnamespace from pg_catalog.pg_type
        where typtype in ('d', 'e', 'r')
    union all select 'pg_catalog.pg_namespace'::regclass, oid, nspowner, oid from pg_catalog.pg_namespace
)
select r.rolname, count(*), r.rolsuper
from owned o
join pg_catalog.pg_namespace n on n.oid = o.namespace
join pg_catalog.pg_roles r on r.oid = o.owner
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not (o.classid = 'pg_catalog.pg_namespace'::regclass and n.nspname = 'public')
    and not exists (
        select from pg_catalog.pg_depend d
        where d.classid = o.classid and d.objid = o.objid and d.objsubid = 0 and d.deptype = 'e'
    )
group by r.rolname, r.rolsuper order by r.rolname
"""
_LEDGER = """
select pg_catalog.pg_get_userbyid(nspowner) from pg_catalog.pg_namespace where nspname = %s
"""
_SIGN = "select rolname from pg_catalog.pg_roles where rolname = any(%s) order by 1"


def database_roles(connection: Connection) -> DatabaseRoles:
    """Reads the facts that the grants for ctgitops need. Read-only, takes no lock."""
    (database,) = connection.execute("select pg_catalog.current_database()").fetchone() or ("",)
    owners = connection.execute(_OWNERS).fetchall()
    ledger = connection.execute(_LEDGER, [SCHEMA]).fetchone()
    sign = connection.execute(_SIGN, [list(SIGNS)]).fetchone()
    return DatabaseRoles(
        str(database),
        tuple(Owner(str(name), int(str(count)), bool(superuser)) for name, count, superuser in owners),
        str(ledger[0]) if ledger else "",
        str(sign[0]) if sign else "",
    )
