"""Which database this is, as the server and the ledger's `home` tell it; only this knows that table's columns."""

from __future__ import annotations

from psycopg.pq import Escaping

from ..core.environment import Environment
from ..core.identity import Home, Identity, Site, refuse_wrong
from .connect import Connection
from .names import SCHEMA, literal

_HERE = "select oid::bigint, datname from pg_catalog.pg_database where datname = pg_catalog.current_database()"
_MAY_ASK = "select pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'execute')"
_CLUSTER = "select system_identifier from pg_catalog.pg_control_system()"
_HAS = "select " + ", ".join(f"pg_catalog.to_regclass('{SCHEMA}.{name}') is not null" for name in ("format", "home"))
_FIRST_ID = f"select ledger_id::text from {SCHEMA}.format order by version limit 1"  # noqa: S608 - constants only
_HOME = f"""
select environment, system_identifier, database_oid, database_name, since, ledger_id::text
from {SCHEMA}.home order by id desc limit 1
"""  # noqa: S608 - constants only


def read_identity(connection: Connection) -> Identity:
    """Which database a connection leads to. Read-only."""
    here = _here(connection)
    has_format, has_home = connection.execute(_HAS.encode()).fetchone() or (False, False)
    if not has_format:
        return Identity(here)
    home = connection.execute(_HOME.encode(), binary=True).fetchone() if has_home else None
    if home is None:
        first = connection.execute(_FIRST_ID.encode()).fetchone()
        return Identity(here, str(first[0]) if first else "")
    environment, cluster, oid, name, since, ledger_id = home
    site = Site(cluster, oid, str(name))  # type: ignore[arg-type]
    return Identity(here, str(ledger_id), Home(str(environment), site, since))  # type: ignore[arg-type]


def _here(connection: Connection) -> Site:
    oid, name = connection.execute(_HERE.encode(), binary=True).fetchone() or (0, "")
    cluster = None
    if connection.execute(_MAY_ASK.encode()).fetchone() == (True,):
        row = connection.execute(_CLUSTER.encode(), binary=True).fetchone()
        cluster = row[0] if row else None
    return Site(cluster, oid, str(name))  # type: ignore[arg-type]


def refuse_before_a_ledger(connection: Connection, environment: Environment) -> None:
    """Raises LedgerError where the manifest pins a ledger and the database has none: none is made there then."""
    identity = read_identity(connection)
    if not identity.ledger_id:
        refuse_wrong(environment, identity)


def settle(connection: Connection, environment: Environment) -> None:
    """Writes down whose the ledger is, where nobody has; the run lock is held. Writes."""
    identity = read_identity(connection)
    if identity.home is None:
        connection.execute(home_sql(connection, environment.name, identity, identity.ledger_id).encode())


def home_sql(connection: Connection, environment: str, identity: Identity, ledger_id: str, reason: str = "") -> str:
    """The statement that says: from now on this ledger, under this id, is that of `environment`, here."""
    escaping = Escaping(connection.pgconn)

    def text(value: str) -> str:
        return literal(escaping, value)

    here = identity.here
    cluster = "null" if here.system_identifier is None else str(here.system_identifier)
    values = (text(environment), cluster, str(here.oid), text(here.name), f"{text(ledger_id)}::uuid", text(reason))
    columns = "environment, system_identifier, database_oid, database_name, ledger_id, reason"
    return f"insert into {SCHEMA}.home ({columns}) values ({', '.join(values)})"  # noqa: S608
