"""Reads the effective settings of the session that runs migrations.

`session/migration_connection.py` sets the timeouts.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg

from ...core.activity.session_settings import RoleDefault, SessionSettings
from .cancellable_query import exchange_or_rollback, rows

if TYPE_CHECKING:
    from .connect import Connection

SHOWN = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "search_path")
KEEPALIVE_SETTINGS = ("client_connection_check_interval", "tcp_keepalives_idle", "tcp_user_timeout")
"""Settings that decide when the server notices a lost client. On a Unix socket, they have no value and no effect."""
_NAMES = ", ".join(f"'{name}'" for name in SHOWN)
_ALL = ", ".join(f"pg_catalog.current_setting('{name}', true)" for name in (*SHOWN, *KEEPALIVE_SETTINGS))
_ASK = f"""
select {_ALL}; begin; set local search_path = pg_catalog;
select case when s.setrole = 0 and s.setdatabase = 0 then 'every session' else
           concat_ws(' in ', 'role ' || r.rolname, 'database ' || d.datname) end,
       split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)
from pg_db_role_setting s
left join pg_database d on d.oid = s.setdatabase
left join pg_roles r on r.oid = s.setrole
cross join unnest(s.setconfig) c
where (s.setdatabase = 0 or d.datname = current_database()) and (s.setrole = 0 or r.rolname = session_user)
  and split_part(c, '=', 1) in ({_NAMES})
order by s.setrole <> 0, s.setdatabase <> 0, c;
commit
"""  # noqa: S608 - constants only
ON_DISK = (
    "select pg_catalog.set_config('synchronous_commit', 'local', true) "
    "where pg_catalog.current_setting('synchronous_commit') operator(pg_catalog.=) 'off'"
)
"""Makes each commit wait for the disk, before its migration is reported as done.

The role, the database or the migration may have set synchronous_commit to `off`. The value `local` waits for the
server's own disk but, like `off`, for no standby.
"""
_MAY_PIN = {
    14: "select rolsuper from pg_catalog.pg_roles where rolname operator(pg_catalog.=) current_user",
    15: "select pg_catalog.has_parameter_privilege('lc_messages', 'set')",
}


def english(connection: Connection) -> dict[str, str]:
    """The setting for English server messages. Empty if the role may not set it, or if `connection` is lost.

    ctgitops does not interpret messages. Call this function before each new connection, because a migration can revoke
    the privilege to set the language.
    """
    query = _MAY_PIN[14 if connection.info.server_version < 150000 else 15]
    with suppress(psycopg.Error):
        return {"lc_messages": "C"} if connection.execute(query.encode()).fetchone() == (True,) else {}
    return {}


def effective_settings(connection: Connection) -> SessionSettings | None:
    """The effective settings. None after a server error, which the first migration then reports. Read-only."""
    answer = exchange_or_rollback(connection, _ASK)
    if answer.failure:
        return None
    values = dict(zip((*SHOWN, *KEEPALIVE_SETTINGS), rows(answer.results[0])[0], strict=True))
    shown = tuple((name, value or "") for name, value in values.items() if name in SHOWN or value not in {"0", None})
    standing = (RoleDefault(*(value or "" for value in row)) for row in rows(answer.results[3]))
    return SessionSettings(shown, tuple(standing))
