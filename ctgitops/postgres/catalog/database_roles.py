"""Reads the roles of a database from the system catalogs, their memberships and settings, and detects the provider."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...core.schema.database_roles import SIGNS, DatabaseRoles, Owner
from ...core.schema.snapshot import SchemaObject, Snapshot, SnapshotSource
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
_ROLES = """
with recursive used(id) as (
    select refobjid from pg_catalog.pg_shdepend
        where refclassid = 'pg_catalog.pg_authid'::regclass
        and dbid = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
    union select setrole from pg_catalog.pg_db_role_setting
        where setrole <> 0
        and setdatabase = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
    union select case when m.roleid = u.id then m.member else m.roleid end
        from used u join pg_catalog.pg_auth_members m on u.id in (m.roleid, m.member)
), r as (
    select r.* from pg_catalog.pg_roles r join used u on u.id = r.oid where r.rolname !~ '^pg_'
)
"""
"""The roles that own objects of the database, have privileges or settings in it, or share a membership with one."""
_ATTRIBUTES = f"""{_ROLES}
select rolname, rolsuper, rolcanlogin, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolinherit,
    rolconnlimit
from r order by rolname
"""  # noqa: S608 - constants only
_MEMBERSHIPS = f"""{_ROLES}
select m.member::regrole::text, m.roleid::regrole::text, bool_or(m.admin_option),
    bool_or(coalesce((to_jsonb(m) ->> 'inherit_option')::bool, true)),
    bool_or(coalesce((to_jsonb(m) ->> 'set_option')::bool, true))
from pg_catalog.pg_auth_members m where m.member in (select oid from r) group by 1, 2 order by 1, 2
"""  # noqa: S608 - constants only
_SETTINGS = f"""{_ROLES}
select case when s.setrole <> 0 then s.setrole::regrole::text else '' end, s.setdatabase <> 0, unnest(s.setconfig)
from pg_catalog.pg_db_role_setting s
left join pg_catalog.pg_database d on d.oid = s.setdatabase
where (s.setrole = 0 or s.setrole in (select oid from r))
and (s.setdatabase = 0 or d.datname = pg_catalog.current_database())
"""  # noqa: S608 - constants only
_DATABASE = """
select pg_catalog.pg_encoding_to_char(encoding), datcollate, datctype, datconnlimit,
    pg_catalog.current_setting('server_version')
from pg_catalog.pg_database where datname = pg_catalog.current_database()
"""
_WORDS = ("superuser", "login", "create role", "create database", "replication", "bypass RLS", "inherit")
_SECRET = re.compile(r"secret|passw|token|key|credential", re.IGNORECASE)
_KEY = secrets.token_bytes(16)
"""Makes secret values comparable inside this process only."""
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


def server_objects(connection: Connection) -> Snapshot:
    """What the schema does not contain: the database, its roles, their memberships, and the settings of each.

    The objects have the kinds `database`, `role`, `membership` and `setting`. Leaves out the roles that PostgreSQL
    creates. Read-only, takes no lock.
    """
    encoding, collation, ctype, limit, version = connection.execute(_DATABASE).fetchone() or ("", "", "", -1, "")
    database = {"encoding": encoding, "collation": collation, "ctype": ctype, **_limit(limit)}
    found = [SchemaObject("database", "(this database)", "", {name: str(value) for name, value in database.items()})]
    found += _roles(connection)
    return Snapshot.of(found, SnapshotSource(str(version)))


def _roles(connection: Connection) -> Iterator[SchemaObject]:
    for name, *flags, limit in connection.execute(_ATTRIBUTES).fetchall():
        words = {word: "yes" for word, flag in zip(_WORDS, flags, strict=True) if flag}
        yield SchemaObject("role", str(name), "", {**words, **_limit(limit)})
    for member, role, admin, inherits, may_set in connection.execute(_MEMBERSHIPS).fetchall():
        options = {"admin": admin, "inherit": inherits, "set": may_set}
        yield SchemaObject("membership", f"{member} in {role}", "", {each: "yes" for each, on in options.items() if on})
    for role, here, setting in connection.execute(_SETTINGS).fetchall():
        name, _, value = str(setting).partition("=")
        parts = [f"role {role}"] * bool(role) + ["this database"] * bool(here)
        yield SchemaObject(
            "setting", f"{name} of {' in '.join(parts) or 'all roles'}", "", {"value": _safe(name, value)}
        )


def _limit(limit: object) -> dict[str, str]:
    return {} if limit in {-1, None} else {"connection limit": str(limit)}


def _safe(name: str, value: str) -> str:
    """The value of a setting. The value of a secret is replaced by text that tells only whether two values differ."""
    if not _SECRET.search(name):
        return value
    return f"*** ({hmac.new(_KEY, value.encode(), hashlib.sha256).hexdigest()[:6]})"
