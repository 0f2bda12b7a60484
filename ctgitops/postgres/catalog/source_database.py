"""Reads what a copy of a database needs: schema (with pg_dump), roles, settings, extensions and locale."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import psycopg

from ...core.schema.source_database import Locale, Membership, Role, SourceDatabase
from ...errors import LedgerError
from ...sql.dumped_secrets import without_secrets
from ...sql.nodes import quoted_name
from ...sql.script import Script
from ..connection.connect import Address, Connection, connected
from ..connection.identity import cluster_of
from ..connection.names import SCHEMA
from ..server.libpq_environment import environment_for, role_options, wants_tls
from ..server.os_account import run_as
from ..server.programs import client_for

if TYPE_CHECKING:
    from ...core.environment.given import Given

LOCK_WAIT = "10s"
"""pg_dump's --lock-wait-timeout: how long pg_dump waits for a table that another session alters."""
AFFECTS_MEANING = frozenset({
    "search_path", "timezone", "datestyle", "intervalstyle", "xmloption", "transform_null_equals", "array_nulls",
    "default_table_access_method", "check_function_bodies", "standard_conforming_strings",
})  # fmt: skip
"""Parameters that change the meaning of SQL. Other parameters are not copied, because they may hold a secret."""
_META = re.compile(r"^\\(un)?restrict .*$", re.MULTILINE)
"""Matches the psql meta-commands `restrict` and `unrestrict`, which pg_dump writes since August 2025."""
_PUBLIC = re.compile(r"^ALTER SCHEMA public OWNER TO .*;$", re.MULTILINE)
"""Matches a line that pg_dump 15 and later write for a server before 15, where the cluster's creator owns `public`."""
_DENIED = re.compile(r"ERROR: +(permission denied for .+?)(?: / |$)")
_AS_MADE = "select from pg_catalog.pg_namespace where nspname = 'public' and nspowner = 10"
_ROLES = """
select r.rolname, r.rolsuper, r.rolcreaterole, r.rolinherit, r.rolbypassrls, r.rolcreatedb,
    (select pg_catalog.jsonb_agg(to_jsonb(m) || pg_catalog.jsonb_build_object(
            'group', pg_catalog.pg_get_userbyid(m.roleid), 'by', pg_catalog.pg_get_userbyid(m.grantor)
        ) order by m.roleid, m.grantor)
        from pg_catalog.pg_auth_members m where m.member = r.oid)
from pg_catalog.pg_roles r where r.rolname !~ '^pg_' or r.oid >= 16384 order by 1
"""
_SETTABLE = "select parname from pg_catalog.pg_parameter_acl"
"""Queries parameters that a role without superuser rights may be allowed to set. Needs PostgreSQL 15."""
_PREDEFINED = "select rolname from pg_catalog.pg_roles where rolname ~ '^pg_'"
POPULATED = """
select pg_catalog.format('%I.%I', n.nspname, c.relname)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'm' and c.relispopulated and not c.relpersistence = 't' order by c.oid
"""
_SETTINGS = """
select coalesce(r.rolname, ''), split_part(c, '=', 1), substr(c, pg_catalog.strpos(c, '=') + 1)
from pg_catalog.pg_db_role_setting s
left join pg_catalog.pg_roles r on r.oid = s.setrole
cross join pg_catalog.unnest(s.setconfig) c
where s.setdatabase in (0, (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()))
order by s.setdatabase <> 0, 1, 2
"""
_OWNER_OF_DATABASE = 5
_APPLYING = """
with applying(name, source) as (
    values (%(role)s::text, 1)
    union all
    select pg_catalog.pg_get_userbyid(c.relowner)::text, 2
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = %(schema)s and c.relname = 'ledger' and c.relkind = 'r'
    union all
    select r.rolname::text, 3 from pg_catalog.pg_roles r
    where r.rolname = current_user and not r.rolsuper
        and pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create')
    union all
    select pg_catalog.min(r.rolname::text), 4
    from pg_catalog.pg_database d, pg_catalog.aclexplode(d.datacl) a join pg_catalog.pg_roles r on r.oid = a.grantee
    where d.datname = current_database() and a.privilege_type = 'CREATE' and a.grantee <> d.datdba
        and r.rolcanlogin and not r.rolsuper
    having pg_catalog.count(distinct r.oid) = 1
    union all
    select pg_catalog.pg_get_userbyid(datdba)::text, 5 from pg_catalog.pg_database where datname = current_database()
)
select name, source from applying where name is not null order by source limit 1
"""
"""Queries the role that applies migrations: the manifest's role, or else the owner of the ledger.

Without a ledger, it is the connecting role if this role has the privileges for an apply. Otherwise, it is the login
role with a granted CREATE on the database, if exactly one role has it. Otherwise, it is assumed to be the owner of the
database.
"""
_DATABASE = """
select to_jsonb(d) || jsonb_build_object(
    'owner', pg_catalog.pg_get_userbyid(d.datdba), 'encoding', pg_catalog.pg_encoding_to_char(d.encoding),
    'creates', pg_catalog.has_database_privilege(r.oid, d.oid, 'create'), 'connected', current_user,
    'all', (select pg_catalog.jsonb_agg(o.datname) from pg_catalog.pg_database o),
    'tablespaces', (select pg_catalog.jsonb_agg(t.spcname) from pg_catalog.pg_tablespace t),
    'grants', (
        select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(
            case a.grantee when 0 then '' else pg_catalog.pg_get_userbyid(a.grantee) end,
            a.privilege_type, a.is_grantable))
        from pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) a
        where a.grantee <> d.datdba
    )
)
from pg_catalog.pg_database d, pg_catalog.pg_roles r
where d.datname = pg_catalog.current_database() and r.rolname = %s
"""


def original_at(address: Address, role: str = "") -> SourceDatabase:
    """Reads what a copy of the database at `address` needs. Read-only. Raises LedgerError.

    `role` is the role that the manifest sets for an apply, if it sets one. Raises BackupError if no installed pg_dump
    is usable for this server.
    """
    settings = {"default_transaction_read_only": "on"}
    with connected(address, "ctgitops/read", settings) as connection:
        try:
            read = _read(connection, *_applying(connection, address, role))
            as_made = connection.execute(_AS_MADE).rowcount > 0
        except psycopg.ProgrammingError as error:
            what = f"cannot read the system catalogs of {address.label}: {error.diag.message_primary}"
            raise LedgerError(what, state="nothing was changed", hint="use a role that can read the catalogs") from None
    schema = schema_of(address, read.major or 0)
    return replace(read, schema=_PUBLIC.sub("", schema) if as_made else schema)


def _applying(connection: Connection, address: Address, role: str) -> tuple[str, bool]:
    """The name of the role that applies migrations, and whether the name is an assumption.

    This role can differ from the role that connects.

    Raises LedgerError if the role does not exist.
    """
    name, source = connection.execute(_APPLYING, {"role": role or None, "schema": SCHEMA}).fetchone() or ("", 0)
    if connection.execute("select from pg_catalog.pg_roles where rolname = %s", [name]).rowcount == 0:
        what = f"the role {name}, which `database.role` names, does not exist in {address.label}"
        raise LedgerError(what, state="nothing was changed", hint="create the role, or correct `database.role`")
    return str(name), source == _OWNER_OF_DATABASE


def _read(connection: Connection, role: str, assumed: bool) -> SourceDatabase:  # noqa: FBT001 - two results of one query
    (row,) = connection.execute(_DATABASE, [role]).fetchall()
    about = cast("dict[str, Any]", row[0])
    rows = connection.execute("select extname, extversion from pg_catalog.pg_extension").fetchall()
    settings = [(str(a), str(b), str(c)) for a, b, c in connection.execute(_SETTINGS).fetchall()]
    settable = connection.execute(_SETTABLE).fetchall() if connection.info.server_version >= 150000 else []
    return SourceDatabase(
        role=role,
        assumed=assumed,
        connected_as=about["connected"],
        major=connection.info.server_version // 10000,
        roles=tuple(_role(row) for row in connection.execute(_ROLES).fetchall()),
        owner=about["owner"],
        creates=about["creates"],
        settings=tuple(each for each in settings if each[1].lower() in AFFECTS_MEANING),
        withheld=frozenset(name for who, name, _ in settings if "." in name and who in {"", role}),
        narrow_createrole=connection.info.server_version >= 160000,
        settable=frozenset(str(name) for (name,) in settable),
        database=about["datname"],
        databases=frozenset(about["all"]),
        tablespaces=frozenset(about["tablespaces"]),
        grants=tuple((who, privilege, grantable) for who, privilege, grantable in about["grants"] or ()),
        populated=tuple(str(name) for (name,) in connection.execute(POPULATED).fetchall()),
        predefined=frozenset(str(name) for (name,) in connection.execute(_PREDEFINED).fetchall()),
        extensions={str(name): str(version) for name, version in rows},
        cluster=cluster_of(connection),
        locale=locale_of(about),
    )


def _role(row: tuple[Any, ...]) -> Role:
    name, superuser, creates_roles, inherits, bypasses, creates_databases, members = row
    member_of = tuple(_membership(each) for each in members or ())
    return Role(name, superuser, creates_roles, inherits, bypasses, member_of, creates_databases)


def _membership(row: dict[str, Any]) -> Membership:
    """Converts a row of pg_auth_members, which has the options INHERIT and SET since PostgreSQL 16."""
    return Membership(
        row["group"], row["admin_option"], row.get("inherit_option"), row.get("set_option", True), row["by"]
    )


_TRIGGER_FUNCTION = re.compile(r"EXECUTE (?:FUNCTION|PROCEDURE) (?:\"([^\"]+)\"|(\w+))\.", re.IGNORECASE)
_GIVEN = """
select nspname, pg_catalog.current_setting('server_version_num')::int / 10000 from pg_catalog.pg_namespace
where nspname = any(%s) order by 1
"""


APPLYING = "ctgitops_applying"
"""Stands for the role that runs migrations in the SQL of `given_sql`."""
_BESIDE = f"""
with applying as (
    select coalesce(
        (select n.nspowner from pg_catalog.pg_namespace n where n.nspname = '{SCHEMA}'),
        (select r.oid from pg_catalog.pg_roles r where r.rolname = current_user)
    ) as oid
)
select pg_catalog.format('create publication %%I with (publish = %%L)', p.pubname, pg_catalog.concat_ws(', ',
    case when p.pubinsert then 'insert' end, case when p.pubupdate then 'update' end,
    case when p.pubdelete then 'delete' end, case when p.pubtruncate then 'truncate' end))
from pg_catalog.pg_publication p where p.pubname = any(%s) and not p.puballtables
union all
select pg_catalog.format('alter default privileges for role {APPLYING} in schema public grant %%s on %%s to %%I',
    case when pg_catalog.count(*) = (
        select pg_catalog.count(*) from pg_catalog.aclexplode(pg_catalog.acldefault(
            case d.defaclobjtype when 'S' then 's' else d.defaclobjtype end, d.defaclrole)) b
        where b.grantee = d.defaclrole
    ) then 'all' else pg_catalog.string_agg(a.privilege_type, ', ') end,
    case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' else 'types' end,
    r.rolname)
from applying
join pg_catalog.pg_default_acl d on d.defaclrole = applying.oid and d.defaclnamespace = 'public'::regnamespace
cross join lateral pg_catalog.aclexplode(d.defaclacl) a
join pg_catalog.pg_roles r on r.oid = a.grantee and r.rolname = any(%s)
group by d.oid, d.defaclrole, d.defaclobjtype, r.rolname
"""  # noqa: S608 - constants only


def schema_of(address: Address, major: int, only: tuple[str, ...] = ()) -> str:
    """The output of `pg_dump -s`, without the schema `ctgitops`. Read-only.

    With `only`, the output contains only these schemas, without owners and privileges. Raises LedgerError, BackupError.
    """
    options = ("--no-owner", "--no-privileges") if only else ()
    return without_secrets(dump_of(address, major, (*options, *(f"--schema={quoted_name(name)}" for name in only))))


def dump_of(address: Address, major: int, options: tuple[str, ...] = ()) -> str:
    """The output of `pg_dump -s` with more options, with the passwords in it. Raises LedgerError, BackupError."""
    client = client_for(major, tls=wants_tls(address))
    command = [client.path("pg_dump"), "--schema-only", "--no-password", f"--exclude-schema={SCHEMA}"]
    command += ["--no-subscriptions", "--no-security-labels", "--no-tablespaces", f"--lock-wait-timeout={LOCK_WAIT}"]
    command += [*role_options(address), *options]
    done = run_as(None, command, environment_for(client, address))
    if done.returncode:
        raise _not_dumped(address, client.version, done.stderr)
    return _META.sub("", done.stdout)


def given_sql(address: Address, given: Given, major: int | None) -> str:
    """The SQL that creates what the platform made in the database. Read-only.

    Schemas are without owners and privileges, and publications without tables. Default privileges are those that the
    role APPLYING grants to roles of the platform. Raises LedgerError if this role may not read one of the schemas.
    """
    with connected(address, "ctgitops/read") as connection:
        found = connection.execute(_GIVEN, [list(given.schemas)]).fetchall()
        beside = [str(sql) for (sql,) in connection.execute(_BESIDE, [list(given.publications), list(given.roles)])]
    names = tuple(str(name) for name, _ in found)
    dump = _of_the_platform(schema_of(address, major or int(str(found[0][1])), names), names) if names else ""
    return ";\n".join(filter(None, (dump, *beside)))


def _of_the_platform(dump: str, schemas: tuple[str, ...]) -> str:
    """Removes what migrations add to given schemas: policies, and triggers with functions of other schemas."""
    script = Script(dump, "pg_dump")
    for statement in reversed(script.statements):
        text = script.text_of(statement)
        function = _TRIGGER_FUNCTION.search(text) if statement.kind == "CreateTrigStmt" else None
        foreign = function is not None and (function[1] or function[2]) not in schemas
        if foreign or statement.kind == "CreatePolicyStmt":
            dump = dump[: script.start_of(statement)] + dump[statement.end :].removeprefix(";")
    return dump


def _not_dumped(address: Address, version: object, stderr: str) -> LedgerError:
    """The error for a failed pg_dump. The hint is the command that prints the grants if a privilege is missing."""
    said = " / ".join(line for line in address.hidden(stderr).splitlines() if line.strip())[:500]
    what = f"pg_dump {version} cannot read the schema of {address.label}: {said}"
    hint = "correct the cause that pg_dump names, then run the command again"
    if denied := _DENIED.search(said):
        what = f"the role of the URL may not read the schema of {address.label}: {denied[1]}"
        hint = f"grant what `ctgitops roles --env {address.label.partition(' (')[0]} --only plan` prints"
    return LedgerError(what, state="nothing was changed", hint=hint)


def locale_of(row: dict[str, Any]) -> Locale:
    """The locale in a row of pg_database. The names of its columns differ between major versions."""
    return Locale(
        row.get("datlocprovider", "c"),
        row["datcollate"] or "",
        row["datctype"] or "",
        row.get("datlocale") or row.get("daticulocale") or "",
        row["encoding"],
    )
