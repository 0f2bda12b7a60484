"""Owner and privileges of the schema `public`. A dump contains changes of both, but not the schema itself."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
from psycopg import sql

from ...core.receipt import Grant, SchemaRights
from ..connection.connect import Address, Connection, connected

# initdb makes the bootstrap superuser the owner of `public` before PostgreSQL 15, and pg_database_owner since 15
_OWNER = """
select case
    when n.nspowner = 10 and current_setting('server_version_num')::int < 150000 then ''
    when r.rolname = 'pg_database_owner' then ''
    else r.rolname::text
end
from pg_catalog.pg_namespace n
join pg_catalog.pg_roles r on r.oid = n.nspowner
where n.nspname = 'public'
"""
# The owner's own privileges are left out: ALTER SCHEMA … OWNER TO transfers them to the new owner
_GRANTS = """
select coalesce(r.rolname::text, 'public'), a.grantee = 0, a.privilege_type, a.is_grantable
from pg_catalog.pg_namespace n
cross join lateral pg_catalog.aclexplode(coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))) a
left join pg_catalog.pg_roles r on r.oid = a.grantee
where n.nspname = 'public' and a.grantee <> n.nspowner
order by 1, 2, 3
"""


def rights_of_public(connection: Connection) -> SchemaRights | None:
    """The owner and privileges of the schema `public`. The owner is empty if initdb set it. None without the schema."""
    owner = connection.execute(_OWNER).fetchone()
    if owner is None:
        return None
    rows = connection.execute(_GRANTS).fetchall()
    grants = (Grant("" if everyone else str(who), str(what), bool(again)) for who, everyone, what, again in rows)
    return SchemaRights(str(owner[0]), tuple(grants))


def restore_rights_of_public(address: Address, wanted: SchemaRights) -> tuple[str, ...]:
    """Restores the owner and privileges of `public`, as far as this role may change them. Writes.

    Returns the other statements, which a superuser must run.
    """
    with connected(address, "ctgitops restore", {"search_path": "pg_catalog"}) as connection:
        left = [each for each in _owner(connection, wanted) if not _done(connection, each)]
        left += [each for each in _grants(connection, wanted) if not _done(connection, each)]
        return tuple(each.as_string(connection) + ";" for each in left)


def _owner(connection: Connection, wanted: SchemaRights) -> Iterator[sql.Composed]:
    there = rights_of_public(connection)
    if there and wanted.owner and there.owner != wanted.owner:
        yield sql.SQL("ALTER SCHEMA public OWNER TO {}").format(sql.Identifier(wanted.owner))


def _grants(connection: Connection, wanted: SchemaRights) -> Iterator[sql.Composed]:
    there = rights_of_public(connection)
    if there is None:
        return
    for each in there.grants:
        if each not in wanted.grants and each.grantee != wanted.owner:
            yield _statement("REVOKE {} ON SCHEMA public FROM {}", each)
    for each in wanted.grants:
        if each not in there.grants and each.grantee != there.owner:
            again = " WITH GRANT OPTION" if each.grantable else ""
            yield _statement("GRANT {} ON SCHEMA public TO {}" + again, each)


def _statement(form: str, grant: Grant) -> sql.Composed:
    grantee = sql.Identifier(grant.grantee) if grant.grantee else sql.SQL("PUBLIC")
    return sql.SQL(form).format(sql.SQL(grant.privilege), grantee)


def _done(connection: Connection, statement: sql.Composed) -> bool:
    """Runs the statement, and returns whether it took effect.

    Compares the privileges before and after, because PostgreSQL only warns if a role may not grant a privilege.
    """
    before = rights_of_public(connection)
    try:
        connection.execute(statement)
    except psycopg.errors.DatabaseError:
        return False
    return rights_of_public(connection) != before
