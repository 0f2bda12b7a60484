"""Reads what a copy of a database needs: its schema from pg_dump, roles, settings, extensions and locale."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, cast

import psycopg

from ..core.original import Locale, Original, Role
from ..errors import LedgerError
from .account import run_as
from .connect import Address, Connection, connect, told_if_lost
from .handover import environment_for, wants_tls
from .identity import cluster_of
from .names import SCHEMA
from .programs import client_for

LOCK_WAIT = "10s"
"""For so long pg_dump waits for a table that somebody changes."""
MEANS = frozenset({
    "search_path", "timezone", "datestyle", "intervalstyle", "xmloption", "transform_null_equals", "array_nulls",
    "default_table_access_method", "check_function_bodies", "standard_conforming_strings",
})  # fmt: skip
"""Parameters that change what SQL means. Others, such as an application's own, may hold secrets and stay there."""
_META = re.compile(r"^\\(un)?restrict .*$", re.MULTILINE)
"""Orders to psql, which pg_dump writes since August 2025."""
_PUBLIC = re.compile(r"^ALTER SCHEMA public OWNER TO .*;$", re.MULTILINE)
"""What a pg_dump since 15 writes of a server before 15, where initdb gave that schema to whoever made the cluster."""
_AS_MADE = "select from pg_catalog.pg_namespace where nspname = 'public' and nspowner = 10"
_OPTIONS = r" OPTIONS \((?:[^']|'(?:[^']|'')*')*?\);"
_MAPPING = re.compile(rf"^(CREATE USER MAPPING FOR .* SERVER .*?){_OPTIONS}", re.MULTILINE)
_SERVER = re.compile(rf"^CREATE SERVER .*?{_OPTIONS}", re.MULTILINE)
_SECRET = re.compile(r"\b(\w*(?:pass|secret|token|sslkey)\w*) '(?:[^']|'')*'", re.IGNORECASE)
_ROLES = """
select r.rolname, r.rolsuper, r.rolcreaterole, r.rolinherit, r.rolbypassrls,
    array(select g.rolname::text from pg_catalog.pg_auth_members m join pg_catalog.pg_roles g on g.oid = m.roleid
        where m.member = r.oid order by 1)
from pg_catalog.pg_roles r where r.rolname !~ '^pg_' order by 1
"""
_SETTINGS = """
select coalesce(r.rolname, ''), split_part(c, '=', 1), substr(c, pg_catalog.strpos(c, '=') + 1)
from pg_catalog.pg_db_role_setting s
left join pg_catalog.pg_roles r on r.oid = s.setrole
cross join pg_catalog.unnest(s.setconfig) c
where s.setdatabase in (0, (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()))
order by s.setdatabase <> 0, 1, 2
"""
_DATABASE = """
select to_jsonb(d) || jsonb_build_object(
    'owner', pg_catalog.pg_get_userbyid(d.datdba), 'encoding', pg_catalog.pg_encoding_to_char(d.encoding),
    'creates', pg_catalog.has_database_privilege(d.oid, 'create'), 'user', current_user
)
from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()
"""


def original_at(address: Address) -> Original:
    """The database at `address`. Read-only. Raises LedgerError, BackupError where there is no pg_dump that fits."""
    settings = {"default_transaction_read_only": "on"}
    with connect(address, "ctgitops/read", settings) as connection, told_if_lost(address):
        try:
            read = _read(connection)
            as_made = connection.execute(_AS_MADE).rowcount > 0
        except psycopg.ProgrammingError as error:
            what = f"the catalogues of {address.label} cannot be read: {error.diag.message_primary}"
            raise LedgerError(what, state="nothing was changed", hint="use a role that may read them") from None
    schema = schema_of(address, read.major or 0)
    return replace(read, schema=_PUBLIC.sub("", schema) if as_made else schema)


def _read(connection: Connection) -> Original:
    (row,) = connection.execute(_DATABASE).fetchall()
    about = cast("dict[str, Any]", row[0])
    rows = connection.execute("select extname, extversion from pg_catalog.pg_extension").fetchall()
    return Original(
        role=about["user"],
        major=connection.info.server_version // 10000,
        roles=tuple(_role(row) for row in connection.execute(_ROLES).fetchall()),
        owner=about["owner"],
        creates=about["creates"],
        settings=tuple(
            (str(role), str(name), str(value))
            for role, name, value in connection.execute(_SETTINGS).fetchall()
            if str(name).lower() in MEANS
        ),
        extensions={str(name): str(version) for name, version in rows},
        cluster=cluster_of(connection),
        locale=Locale(
            about.get("datlocprovider", "c"),
            about["datcollate"] or "",
            about["datctype"] or "",
            about.get("datlocale") or about.get("daticulocale") or "",
            about["encoding"],
        ),
    )


def _role(row: tuple[Any, ...]) -> Role:
    name, superuser, creates_roles, inherits, bypasses, member_of = row
    return Role(name, superuser, creates_roles, inherits, bypasses, tuple(member_of))


def schema_of(address: Address, major: int) -> str:
    """What `pg_dump -s` says of a database, without our own schema. Read-only. Raises LedgerError, BackupError."""
    client = client_for(major, tls=wants_tls(address))
    command = [client.path("pg_dump"), "--schema-only", "--no-password", f"--exclude-schema={SCHEMA}"]
    command += ["--no-subscriptions", "--no-security-labels", "--no-tablespaces", f"--lock-wait-timeout={LOCK_WAIT}"]
    done = run_as(None, command, environment_for(client, address))
    if done.returncode:
        said = " / ".join(line for line in address.hidden(done.stderr).splitlines() if line.strip())[:500]
        what = f"pg_dump {client.version} cannot read the schema of {address.label}: {said}"
        hint = "the role of this URL must be the tables' owner, or may read them: `grant pg_read_all_data to NAME`"
        raise LedgerError(what, state="nothing was changed", hint=hint)
    return _without_secrets(_META.sub("", done.stdout))


def _without_secrets(schema: str) -> str:
    """User mappings without their logins, and foreign servers without what is called a secret."""
    schema = _MAPPING.sub(r"\1;", schema)
    return _SERVER.sub(lambda server: _SECRET.sub(r"\1 '***'", server[0]), schema)
