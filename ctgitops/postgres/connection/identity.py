"""Reads a database's identity from the server and the table `home`. Only this module knows that table's columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.pq import Escaping

from ...core.ledger.identity import Identity, LedgerHome, Site
from ...lazy import dataclass
from .names import SCHEMA, literal

if TYPE_CHECKING:
    from ...core.environment.environment import Environment
    from .connect import Connection, Cursor

FACTS = f"""
select d.oid::bigint, d.datname, pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'execute'),
       pg_catalog.to_regclass('{SCHEMA}.format') is not null,
       pg_catalog.has_table_privilege(pg_catalog.to_regclass('{SCHEMA}.home'), 'select')
from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()
""".encode()  # noqa: S608 - constants only
_CLUSTER = "(select system_identifier from pg_catalog.pg_control_system())"
_FORMAT = (
    f"(select max(version) from {SCHEMA}.format), "  # noqa: S608 - constants only
    f"(select ledger_id::text from {SCHEMA}.format order by version limit 1)"
)
_HOME = f"""left join (
    select environment, system_identifier, database_oid, database_name, since, ledger_id::text
    from {SCHEMA}.home order by id desc limit 1
) home on true"""  # noqa: S608 - constants only


Facts = tuple[object, ...]
"""The row of FACTS."""


@dataclass(frozen=True)
class Found:
    """A database's identity and the format of its ledger. The format is 0 without a ledger."""

    identity: Identity
    format: int = 0


def has_ledger(facts: Facts) -> bool:
    """Whether the database has a ledger."""
    return facts[3] is True


def read_facts(connection: Connection) -> Facts:
    """Reads which tables exist and which privileges the role has. `ask_identity` needs both to choose its query."""
    return connection.execute(FACTS, binary=True).fetchone() or (0, "", False, False, None)


def read_identity(connection: Connection) -> Found:
    """Reads the identity of a connection's database and ledger, in two round trips. Read-only."""
    facts = read_facts(connection)
    asked = ask_identity(connection, facts)
    return identity_from(facts, asked.fetchone() if asked else None)


def ask_identity(connection: Connection, facts: Facts) -> Cursor | None:
    """Sends the query of the identity. None if the role may read nothing more than `facts`."""
    _, _, may_ask, has_format, reads_home = facts  # the last is null without a table `home`
    if not may_ask and not has_format:
        return None
    asked = ", ".join((_CLUSTER if may_ask else "null::bigint", _FORMAT if has_format else "0, null::text"))
    query = f"select {asked}{', home.* from (select) one ' + _HOME if reads_home else ''}"  # noqa: S608
    return connection.execute(query.encode(), binary=True)


def identity_from(facts: Facts, row: tuple[object, ...] | None) -> Found:
    """The identity in `facts` and in the row of `ask_identity`."""
    oid, name, _, _, reads_home = facts
    cluster, newest, first_id, *home = row or (None, 0, None)
    here = Site(cluster, oid, str(name))  # type: ignore[arg-type]
    if not home or home[0] is None:
        return Found(Identity(here, str(first_id or ""), home_unread=reads_home is False), int(str(newest or 0)))
    environment, its_cluster, its_oid, its_name, since, ledger_id = home
    site = Site(its_cluster, its_oid, str(its_name))  # type: ignore[arg-type]
    identity = Identity(here, str(ledger_id), LedgerHome(str(environment), site, since))  # type: ignore[arg-type]
    return Found(identity, int(str(newest or 0)))


def cluster_of(connection: Connection) -> frozenset[str]:
    """Values that identify a server: its start time, and the system identifier that a server and its standbys share.

    Read-only. The system identifier is missing if the role may not read it.
    """
    row = connection.execute("select extract(epoch from pg_catalog.pg_postmaster_start_time())::text").fetchone()
    cluster = read_identity(connection).identity.here.system_identifier
    return frozenset([f"started {row[0]}" if row else "", *([f"cluster {cluster}"] if cluster else [])]) - {""}


def record_home(connection: Connection, environment: Environment, identity: Identity) -> None:
    """Records the ledger's environment, if the ledger has none. Needs the run lock. Writes."""
    if identity.home is None:
        connection.execute(home_sql(connection, environment.name, identity, identity.ledger_id).encode())


def home_sql(connection: Connection, environment: str, identity: Identity, ledger_id: str, reason: str = "") -> str:
    """The INSERT that records the home of `environment`: a database (`identity`) and a ledger ID."""
    escaping = Escaping(connection.pgconn)

    def text(value: str) -> str:
        return literal(escaping, value)

    here = identity.here
    cluster = "null" if here.system_identifier is None else str(here.system_identifier)
    values = (text(environment), cluster, str(here.oid), text(here.name), f"{text(ledger_id)}::uuid", text(reason))
    columns = "environment, system_identifier, database_oid, database_name, ledger_id, reason"
    return f"insert into {SCHEMA}.home ({columns}) values ({', '.join(values)})"  # noqa: S608
