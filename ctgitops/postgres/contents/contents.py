"""Reads the schema of a throw-away database as statements, with its rows, sequences and roles."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...core.schema.contents import Contents
from ...errors import WorkspaceError
from ...sql.dumped_secrets import without_secrets
from ...sql.script import Script
from ..catalog.database_roles import server_objects
from ..catalog.source_database import POPULATED, dump_of
from ..connection.connect import connected
from .rows import read_rows, read_sequences

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..connection.connect import Address, Connection

PARAMETERS_SINCE = 150000
"""The first server version with privileges on parameters."""
_SETTINGS = {
    "search_path": "pg_catalog",
    "TimeZone": "UTC",
    "DateStyle": "ISO,MDY",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "lc_monetary": "C",
    "xmloption": "content",
    "standard_conforming_strings": "on",
}
_SETS = re.compile(r"(?:SET|RESET) |SELECT pg_catalog\.set_config\('search_path', '', false\)$")
_ACCESS_METHOD = re.compile(r"SET default_table_access_method = (\w+)")
_AUTHORIZATION = re.compile(r"(?:RE)?SET SESSION AUTHORIZATION")
_OWNER = re.compile(r"\AALTER .* OWNER TO \S+\Z", re.DOTALL)
_NAMES_ROLES = frozenset({"GrantStmt", "AlterDefaultPrivilegesStmt"})
_DEFAULT_COMMENTS = """
select pg_catalog.format('%I', e.extname) from pg_catalog.pg_extension e
join pg_catalog.pg_available_extensions a on a.name = e.extname
where pg_catalog.obj_description(e.oid, 'pg_extension') is not distinct from a.comment
"""
"""Queries the extensions whose comment no migration wrote. pg_dump writes it, and only its owner may repeat it."""
_ROLES = """
select r.rolname::text, a.rolpassword is not null, pg_catalog.concat_ws(' ',
    case when r.rolsuper then 'superuser' end, case when r.rolcanlogin then 'login' end,
    case when r.rolcreaterole then 'createrole' end, case when r.rolcreatedb then 'createdb' end,
    case when r.rolreplication then 'replication' end, case when r.rolbypassrls then 'bypassrls' end,
    case when not r.rolinherit then 'noinherit' end,
    case when r.rolconnlimit <> -1 then 'connection limit ' || r.rolconnlimit end),
    pg_catalog.format('%%I', r.rolname), pg_catalog.quote_literal(r.rolname)
from pg_catalog.pg_roles r join pg_catalog.pg_authid a on a.oid = r.oid
where not r.rolname = any(%s) and r.rolname !~ '^pg_' order by r.oid
"""
_SHARED = """
select 'role ' || r.rolname, pg_catalog.concat_ws(' ', r.rolsuper, r.rolcanlogin, r.rolcreaterole, r.rolcreatedb,
    r.rolreplication, r.rolbypassrls, r.rolinherit, r.rolconnlimit, r.rolvaliduntil,
    pg_catalog.shobj_description(r.oid, 'pg_authid'))
from pg_catalog.pg_roles r where r.rolname !~ '^pg_' and r.rolname <> %(role)s
union all
select 'privileges on the database', d.datacl::text
from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()
union all
select 'comment on the database', pg_catalog.shobj_description(d.oid, 'pg_database')
from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()
union all
select 'security label on ' || objname, pg_catalog.concat_ws(' ', objtype, provider, label) from pg_catalog.pg_seclabels
union all
select 'state of the trigger of the constraint ' || k.conname, pg_catalog.concat_ws(' ',
    k.conrelid::pg_catalog.regclass, t.tgrelid::pg_catalog.regclass, t.tgtype, t.tgenabled)
from pg_catalog.pg_trigger t join pg_catalog.pg_constraint k on k.oid = t.tgconstraint
where t.tgisinternal and t.tgenabled <> 'O'
union all
select 'subscription ' || s.subname, '' from pg_catalog.pg_subscription s
union all
select 'tablespace ' || t.spcname, '' from pg_catalog.pg_tablespace t
order by 1, 2
"""
_PARAMETERS = "select 'privileges on the parameter ' || parname, paracl::text from pg_catalog.pg_parameter_acl"
_MEMBERS = """
select g.rolname::text, m.rolname::text, pg_catalog.format('%%I', g.rolname), pg_catalog.format('%%I', m.rolname),
    pg_catalog.bool_or(x.admin_option),
    pg_catalog.bool_or(coalesce((pg_catalog.to_jsonb(x) ->> 'set_option')::bool, true)
        or coalesce((pg_catalog.to_jsonb(x) ->> 'inherit_option')::bool, true))
from pg_catalog.pg_auth_members x
join pg_catalog.pg_roles g on g.oid = x.roleid join pg_catalog.pg_roles m on m.oid = x.member
where not (g.rolname = any(%s) and m.rolname = any(%s)) and g.rolname !~ '^pg_' group by 1, 2, 3, 4 order by 1, 2
"""


def schema_statements(address: Address, major: int, section: str, role: str) -> tuple[str, ...]:
    """The statements of pg_dump for one section: `pre-data` or `post-data`. Raises WorkspaceError, LedgerError.

    `role` owns what the migrations create. The statements name it as CURRENT_USER, or leave it out.
    """
    text = dump_of(address, major, (f"--section={section}",))
    if without_secrets(text) != text:
        what = "the migrations store a password in the schema, such as that of a user mapping or a subscription"
        hint = "squash only the migrations before it: `ctgitops squash --to NNN`"
        raise WorkspaceError(what, state="nothing was written", hint=hint)
    script = Script(text, "pg_dump")
    found = (_without_role(script.text_of(statement), statement.kind, role) for statement in script.statements)
    return tuple(filter(None, found))


def _without_role(text: str, kind: str, role: str) -> str:
    """The statement for any role that applies. Empty if a migration does not need it. Raises WorkspaceError."""
    if _SETS.match(text):
        access_method = _ACCESS_METHOD.match(text)
        if not _AUTHORIZATION.match(text) and (access_method is None or access_method[1] == "heap"):
            return ""
        raise _not_expressible(f"`{text}`")
    if kind in _NAMES_ROLES or _OWNER.search(text):
        text = re.sub(rf"\b{role}\b", "CURRENT_USER", text)
        return "" if text.endswith(" OWNER TO CURRENT_USER") else text
    if role in text:
        raise _not_expressible(f"the name of the role that applies them: `{' '.join(text.split())[:200]}`")
    return text


def _not_expressible(what: str) -> WorkspaceError:
    said = f"the schema of the migrations contains {what}, which a squashed file cannot contain"
    return WorkspaceError(said, state="nothing was written", hint="squash fewer migrations: `ctgitops squash --to NNN`")


def contents_of(address: Address, major: int, role: str, given: Collection[str]) -> Contents:
    """Everything that the database at `address` contains. Read-only. Raises WorkspaceError, LedgerError.

    `role` applies the migrations. `given` are the roles that no migration creates.
    """
    with connected(address, "ctgitops/shadow", _SETTINGS) as connection:
        tables, of_extensions = read_rows(connection)
        (large,) = connection.execute("select count(*) from pg_catalog.pg_largeobject_metadata").fetchone() or (0,)
        uncommented = [str(name) for (name,) in connection.execute(_DEFAULT_COMMENTS).fetchall()]
        return Contents(
            major,
            _without_comments(schema_statements(address, major, "pre-data", role), uncommented),
            schema_statements(address, major, "post-data", role),
            tables,
            read_sequences(connection),
            tuple(str(name) for (name,) in connection.execute(POPULATED).fetchall()),
            of_extensions,
            int(str(large)),
            _roles(connection, role, list(given)),
            server_objects(connection),
            _shared(connection, role),
        )


def _shared(connection: Connection, role: str) -> tuple[tuple[str, str], ...]:
    found = connection.execute(_SHARED, {"role": role}).fetchall()
    if connection.info.server_version >= PARAMETERS_SINCE:
        found += connection.execute(_PARAMETERS).fetchall()
    return tuple((str(name), str(value or "")) for name, value in found)


def _without_comments(statements: tuple[str, ...], extensions: list[str]) -> tuple[str, ...]:
    comments = tuple(f"COMMENT ON EXTENSION {name} IS " for name in extensions)
    return tuple(each for each in statements if not each.startswith(comments))


def _roles(connection: Connection, role: str, given: list[str]) -> tuple[str, ...]:
    """The statements that create the roles of the migrations, and make them members. Raises WorkspaceError."""
    made: list[str] = []
    for name, password, options, quoted, literal in connection.execute(_ROLES, [given]).fetchall():
        if password:
            what = f"the migrations give the role {name} a password, which a squashed file must not contain"
            hint = "squash only the migrations before it: `ctgitops squash --to NNN`"
            raise WorkspaceError(what, state="nothing was written", hint=hint)
        create = f"create role {quoted} {options}".rstrip()
        made.append(
            f"do $squash$ begin if not exists (select from pg_catalog.pg_roles where rolname = {literal}) "
            f"then {create}; end if; end $squash$"
        )
    for _, member, group, quoted, admin, usable in connection.execute(_MEMBERS, [given, given]).fetchall():
        if usable or member != role:  # the role that creates a role has the admin option anyway
            to = "current_user" if member == role else quoted
            made.append(f"grant {group} to {to}{' with admin option' if admin and member != role else ''}")
    return tuple(made)
