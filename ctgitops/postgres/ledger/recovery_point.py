"""Takes the recovery point of a run: the end of the WAL before the first step, and a restore point if permitted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, LiteralString

import psycopg

from ...core.recovery_point import ArchiveFacts, RecoveryPoint, archive_of, restore_point_name
from ...core.schema.database_roles import SIGNS
from ..connection.connect import Address, Connection, lost_as_error

# A managed server may not support one of these functions. So each query may fail, and is a transaction of its own
_NOW = "select pg_catalog.clock_timestamp()"
_SETTINGS = """
select pg_catalog.current_setting('archive_mode', true), pg_catalog.current_setting('wal_level', true),
       (select pg_catalog.min(rolname) from pg_catalog.pg_roles
        where rolname operator(pg_catalog.=) any (%s::pg_catalog.text[]))
"""
# pg_settings hides a value from roles that may not read it; `(disabled)` is shown while archive_mode is off
_COMMAND = """
select pg_catalog.bool_or(setting operator(pg_catalog.<>) all (array['', '(disabled)']))
from pg_catalog.pg_settings
where name operator(pg_catalog.=) any (array['archive_command', 'archive_library'])
"""
_ARCHIVER = "select last_archived_time, last_failed_time from pg_catalog.pg_stat_archiver"
# A standby reports what it has replayed; pg_receivewal, Barman's receiver and the like have nothing to replay.
# pg_basebackup also receives WAL, but only for the time that it runs. Without pg_read_all_stats, `state` is null
_RECEIVERS = """
select pg_catalog.count(*) filter (where state operator(pg_catalog.=) 'streaming' and replay_lsn is null
                                   and application_name operator(pg_catalog.<>) 'pg_basebackup'),
       pg_catalog.bool_or(state is null)
from pg_catalog.pg_stat_replication
"""
_END = "select pg_catalog.pg_current_wal_insert_lsn()::pg_catalog.text"
_TIMELINE = "select pg_catalog.substr(pg_catalog.pg_walfile_name(%s::pg_catalog.pg_lsn), 1, 8)"
_CREATE = "select pg_catalog.pg_create_restore_point(%s)::pg_catalog.text"
MAY_CREATE = "select pg_catalog.has_function_privilege('pg_catalog.pg_create_restore_point(text)', 'execute')"


def take_recovery_point(connection: Connection, address: Address, fingerprint: str) -> RecoveryPoint:
    """Reads the end of the WAL. Creates a restore point if the role may. Writes nothing else. Raises LedgerError.

    Leaves out each value that the server refuses to return to this role.
    """
    with lost_as_error(address):
        return _taken(connection, fingerprint)


def _taken(connection: Connection, fingerprint: str) -> RecoveryPoint:
    (at,) = _row(connection, _NOW) or (datetime.now(UTC),)
    archive, why = archive_of(archive_facts(connection))
    name = restore_point_name(at, fingerprint)
    created = _row(connection, _CREATE, name) if _row(connection, MAY_CREATE) == (True,) else None
    (lsn,) = created or _row(connection, _END) or ("",)
    (file,) = (_row(connection, _TIMELINE, lsn) if lsn else None) or ("",)
    timeline = int(str(file), 16) if file else None
    return RecoveryPoint(at, str(lsn), timeline, name if created else "", archive, why)


def archive_facts(connection: Connection) -> ArchiveFacts:
    """How the server archives WAL. A value that the role may not read is unknown. Read-only."""
    mode, wal_level, managed = _row(connection, _SETTINGS, list(SIGNS)) or (None, None, "")
    (command,) = _row(connection, _COMMAND) or (None,)
    archived, failed = _row(connection, _ARCHIVER) or (None, None)
    receivers, hidden = _row(connection, _RECEIVERS) or (0, True)
    shown = None if hidden and not receivers else int(receivers)
    return ArchiveFacts(mode, wal_level, command, archived, failed, shown, managed or "")


def _row(connection: Connection, query: LiteralString, *values: object) -> tuple[Any, ...] | None:
    """The row of a query. None if the server refuses it. Raises psycopg.OperationalError after a lost connection."""
    try:
        return connection.execute(query, values or None, binary=True).fetchone()
    except psycopg.Error:
        if connection.closed:
            raise
        return None
