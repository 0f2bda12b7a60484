"""Passes credentials to pg_dump and pg_restore in environment variables, which `ps` does not show."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from psycopg import pq

from ...errors import UsageError
from ..connection.connect import Address, on_one_server
from ..connection.session_pooler import dropped_by_pooler

if TYPE_CHECKING:
    from .programs import Programs

KEPT = ("PATH", "HOME", "TMPDIR", "TZ", "PG", "KRB5", "SSL_CERT_", "USER", "LOGNAME")
"""Prefixes of the environment variables to pass on. Other variables may contain tokens and secrets."""
WITHOUT_VARIABLE = ("keepalives", "tcp_user_timeout", "fallback_application_name")
"""Prefixes of connection parameters to drop. libpq has no variable for them, and they do not change results."""


def environment_for(programs: Programs, address: Address, *, database: str | None = None) -> dict[str, str]:
    """The environment variables with which `programs` connect to `address`. Other users cannot read them.

    Raises UsageError for a URL with a parameter that an environment variable cannot pass on.
    """
    # No service file: `parameters` include its values, and libpq would prefer it to the variables
    environment = {n: v for n, v in os.environ.items() if n.startswith(KEPT) and not n.startswith("PGSERVICE")}
    variables = {o.keyword.decode(): o.envvar.decode() for o in pq.Conninfo.get_defaults() if o.envvar}
    parameters = on_one_server(address)
    if dropped := dropped_by_pooler(parameters):
        parameters = {**parameters, "options": dropped[0]}
    for keyword, value in parameters.items():
        if keyword in variables:
            environment[variables[keyword]] = value
        elif not keyword.startswith(WITHOUT_VARIABLE):
            what = f"pg_dump does not support `{keyword}`, which is in the URL of {address.label}"
            raise UsageError(what, hint=f"remove {keyword} from the URL")
    if database:
        environment["PGDATABASE"] = database
    # English messages, because pg_restore's are parsed to separate data loss from harmless errors
    return {**environment, **programs.environment, "LC_ALL": "C", "LANGUAGE": "C", "PGAPPNAME": "ctgitops backup"}


def role_options(address: Address) -> tuple[str, ...]:
    """The option with which pg_dump and pg_restore set the role, if a pooler would drop the role of `address`.

    These programs set all other settings that change results by SQL.
    """
    dropped = dropped_by_pooler(on_one_server(address))
    return (f"--role={dropped[1]['role']}",) if dropped and "role" in dropped[1] else ()


def database_of(address: Address) -> str:
    """The name of the database in a URL."""
    parameters = on_one_server(address)
    return str(parameters.get("dbname") or os.environ.get("PGDATABASE") or parameters.get("user") or "")


def wants_tls(address: Address) -> bool:
    """Whether the URL or PGSSLMODE requires TLS. If so, clients that were built without TLS cannot be used."""
    mode = on_one_server(address).get("sslmode") or os.environ.get("PGSSLMODE")
    return mode in {"require", "verify-ca", "verify-full"}
