"""Scratch databases on a server, and the roles that must exist before a dump can be restored there."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg import sql

from ...core.schema.source_database import Locale
from ...errors import BackupError
from ..connection.connect import Address, Connection, connect, connected

# Objects that neither the server nor an extension created
THINGS = """
with of_extensions as (select classid, objid from pg_catalog.pg_depend where deptype = 'e')
select format('schema %I', nspname)
from pg_catalog.pg_namespace n
where nspname !~ '^pg_' and nspname not in ('information_schema', 'public')
    and ('pg_catalog.pg_namespace'::regclass, n.oid) not in (select classid, objid from of_extensions)
union all
select format('%I.%I', n.nspname, c.relname)
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')
    and ('pg_catalog.pg_class'::regclass, c.oid) not in (select classid, objid from of_extensions)
union all
select format('function %I.%I', n.nspname, p.proname)
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where n.nspname = 'public'
    and ('pg_catalog.pg_proc'::regclass, p.oid) not in (select classid, objid from of_extensions)
order by 1
"""
PROOF = "ctgitops_proof_"
"""The prefix of the names of databases in which backups are restored on the server of `backup.verify_server`."""
# Advisory locks are local to a database, and two runs may connect to two databases of the server: so this reads
# pg_locks, which has the locks of all databases
_LEFT = """
select d.datname
from pg_catalog.pg_database d
where d.datname ~ %s and pg_catalog.pg_has_role(d.datdba, 'member')
    and not exists (select from pg_catalog.pg_stat_activity a where a.datid = d.oid)
    and not exists (
        select from pg_catalog.pg_locks l
        where l.locktype = 'advisory' and l.objsubid = 1
            and (l.classid::bigint << 32 | l.objid::bigint) = pg_catalog.hashtextextended(d.datname, 0)
    )
"""
_HOLD = "select pg_catalog.pg_advisory_lock(pg_catalog.hashtextextended(%s, 0))"
END_SECONDS = 5
_END = "select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity where datname = %s"
"""Terminates a database's sessions. A rename fails while the database has sessions."""


def objects_in(address: Address) -> tuple[str, ...]:
    """The schemas, and the objects in `public`. Empty if the database has neither. Read-only."""
    with connected(address, "ctgitops restore") as connection:
        return tuple(str(name) for (name,) in connection.execute(THINGS).fetchall())


def missing_roles(address: Address, roles: Iterable[str]) -> tuple[str, ...]:
    """The roles in `roles` that do not exist on the server. Read-only."""
    with connected(address, "ctgitops restore") as connection:
        there = {str(name) for (name,) in connection.execute("select rolname from pg_catalog.pg_roles").fetchall()}
    return tuple(sorted(set(roles) - there))


def may_give_to(address: Address, roles: Iterable[str]) -> bool:
    """Whether the role of `address` may make every role in `roles` the owner of an object. Read-only."""
    query = """
        select coalesce(bool_and(pg_catalog.pg_has_role(r.oid, 'member')), true)
        from pg_catalog.pg_roles r
        where r.rolname = any(%s)
    """
    with connected(address, "ctgitops restore") as connection:
        row = connection.execute(query, [list(roles)]).fetchone()
    return bool(row and row[0])


def has_tablespaces(address: Address) -> bool:
    """Whether the server has user-defined tablespaces. Read-only."""
    query = "select from pg_catalog.pg_tablespace where spcname !~ '^pg_' limit 1"
    with connected(address, "ctgitops restore") as connection:
        return connection.execute(query).rowcount > 0


def create_roles(address: Address, roles: Iterable[str]) -> None:
    """Creates the missing roles without login. Only for a throw-away server. Writes.

    The roles are superusers, because only a superuser can own an event trigger or a foreign data wrapper.
    """
    with connected(address, "ctgitops") as connection:
        for role in missing_roles(address, roles):
            connection.execute(sql.SQL("create role {} superuser nologin").format(sql.Identifier(role)))


def role_statements(roles: Iterable[str]) -> str:
    """SQL for `psql` that creates `roles`, without attributes, memberships or passwords."""
    statements = [f"CREATE ROLE {_quoted(role)} NOLOGIN;\n" for role in sorted(set(roles))]
    return "-- The roles that own or may use something in this dump.\n" + "".join(statements)


def roles_in(statements: str) -> tuple[str, ...]:
    """The roles in the output of `role_statements`."""
    prefix, suffix = 'CREATE ROLE "', '" NOLOGIN;'
    lines = [line for line in statements.split("\n") if line.startswith(prefix) and line.endswith(suffix)]
    return tuple(line.removeprefix(prefix).removesuffix(suffix).replace('""', '"') for line in lines)


def make_copy(
    connection: Connection, name: str, template: str = "template0", options: sql.Composable | None = None
) -> None:
    """Creates a database from `template`. Without a template, the database is empty, even if template1 is not. Writes.

    Copies files if the server runs without fsync, as only a throw-away server does. This needs two checkpoints, but
    takes a third of the CPU time. By default, PostgreSQL 15 writes all pages to the WAL.
    """
    statement = sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template))
    if connection.info.server_version >= 150000 and connection.execute("show fsync").fetchone() == ("off",):
        statement += sql.SQL(" strategy file_copy")
    connection.execute(statement + (options or sql.SQL("")))


def create_like(connection: Connection, name: str, locale: Locale) -> None:
    """Creates an empty database with the locale `locale`. Writes. Raises psycopg.Error if the server lacks it."""
    options = sql.SQL(" encoding {} lc_collate {} lc_ctype {}").format(locale.encoding, locale.collate, locale.ctype)
    if locale.provider != "c":
        word = "icu" if locale.provider == "i" else "builtin"
        options += sql.SQL(f" locale_provider {word} {word}_locale {{}}").format(locale.icu)
    make_copy(connection, name, options=options)


def create_like_or_c(connection: Connection, name: str, locale: Locale) -> str:
    """Creates an empty database with the locale `locale`. Uses the locale C if the server lacks `locale`. Writes.

    Returns why the database has the locale C, or an empty string. The reason matters because CHECK constraints,
    generated columns and partition bounds can depend on encoding and locale.
    """
    try:
        create_like(connection, name, locale)
    except psycopg.Error as error:
        create_like(connection, name, Locale(encoding=locale.encoding))
        wanted = locale.icu or locale.collate
        return f"restored with locale C: {wanted} is not available there: {error.diag.message_primary}"
    return ""


def create_proof_database(address: Address, name: str, locale: Locale) -> str:
    """Creates a database in which a backup is restored as a proof. Returns what `create_like_or_c` returns. Writes.

    Raises BackupError.
    """
    try:
        with connect(address, "ctgitops") as connection:
            return create_like_or_c(connection, name, locale)
    except psycopg.Error as error:
        said = error.diag.message_primary or str(error)
        what = f"cannot create a throw-away database with encoding {locale.encoding}: {said}"
        raise BackupError(what, hint="set `backup.verify_server` to a server that has it") from None


def move_away(connection: Connection, name: str, to: str) -> bool:
    """Renames the database `name`, to free the name for another database. False if no such database exists. Writes."""
    if not connection.execute("select from pg_catalog.pg_database where datname = %s", [name]).rowcount:
        return False
    rename(connection, name, to)
    return True


def rename(connection: Connection, name: str, to: str) -> None:
    """Terminates a database's sessions and renames it. Writes."""
    deadline = time.monotonic() + END_SECONDS
    while connection.execute(_END, [name]).rowcount and time.monotonic() < deadline:
        time.sleep(0.002)
    connection.execute(sql.SQL("alter database {} rename to {}").format(sql.Identifier(name), sql.Identifier(to)))


@contextmanager
def scratch_database(address: Address, name: str, locale: Locale) -> Iterator[tuple[str, str]]:
    """An empty database for the duration of a block, on the server of `address`. Writes there.

    The block receives the server's version, and the result of `create_like_or_c`. Drops the databases that killed runs
    left. Raises BackupError if the role may not create a database.
    """
    with connect(address, "ctgitops") as holder:
        try:
            holder.execute(_HOLD, [name])
            _drop_left(holder)
            note = create_like_or_c(holder, name, locale)
        except psycopg.Error as error:
            said = address.hidden(error.diag.message_primary or str(error)).strip()
            what = f"cannot create a throw-away database on {address.label}: {said}"
            raise BackupError(what, hint="`alter role NAME createdb` on that server") from None
        try:
            yield str(holder.info.parameter_status("server_version")).split(" ", maxsplit=1)[0], note
        finally:
            with connected(address, "ctgitops") as connection:
                drop = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
                connection.execute(drop)


def _drop_left(connection: Connection) -> None:
    """Drops the databases of killed runs. A running backup holds a lock with its database's name. Writes."""
    for (left,) in connection.execute(_LEFT, [f"^{PROOF}[0-9a-f]{{12}}$"]).fetchall():
        with suppress(psycopg.Error):  # another run drops it too
            connection.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(str(left))))


def _quoted(role: str) -> str:
    return '"' + role.replace('"', '""') + '"'
