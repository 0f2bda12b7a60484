"""Checks of a server: support of its version, free connections, extensions, WAL archiving."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from ...core.doctor.check_list import CHECKS
from ...core.doctor.diagnosis import Diagnosis, note, ok, problem, unknown
from ...core.recovery_point import Archive, ArchiveFacts, archive_of
from ...sql.nodes import identifier
from ..ledger.recovery_point import MAY_CREATE, archive_facts
from ..session.preflight import FREE_CONNECTIONS, FREE_OF_ROLE

if TYPE_CHECKING:
    from ...core.environment.environment import Environment
    from .doctor_session import DoctorSession

SUPPORT_ENDS = {
    14: date(2026, 11, 12),
    15: date(2027, 11, 11),
    16: date(2028, 11, 9),
    17: date(2029, 11, 8),
    18: date(2030, 11, 14),
}
"""The date of the last release of each major version, from PostgreSQL's versioning policy."""
_FREE = f"""
select {FREE_CONNECTIONS}, {FREE_OF_ROLE}
"""
_AVAILABLE = "select name::text from pg_available_extensions"


def server_version(session: DoctorSession, today: date) -> Iterator[Diagnosis]:
    """Whether PostgreSQL's developers still support the server's major version."""
    major = session.connection.info.server_version // 10_000
    end = SUPPORT_ENDS.get(major)
    if end is None:
        yield unknown(
            "server-version", f"this version of ctgitops does not know PostgreSQL {major}", "upgrade ctgitops"
        )
    elif end < today:
        fix = f"upgrade the server to PostgreSQL {max(SUPPORT_ENDS)} with pg_upgrade, or in the provider's console"
        yield problem("server-version", f"support for PostgreSQL {major} ended on {end}", fix)
    else:
        yield ok("server-version", f"PostgreSQL {major} is supported until {end}")


def connections(session: DoctorSession, needed: int) -> Iterator[Diagnosis]:
    """How many more connections the role can open, on the server and in the database."""
    row = session.connection.execute(_FREE.encode(), binary=True).fetchone() or ()
    free = min(int(str(each)) for each in row if each is not None)
    if free < needed:
        user, database = map(identifier, (session.connection.info.user, session.connection.info.dbname))
        fix = "SELECT pid, usename, application_name, state, state_change FROM pg_stat_activity ORDER BY 5;\n"
        fix += f"ALTER ROLE {user} CONNECTION LIMIT …;  -- or ALTER DATABASE {database} CONNECTION LIMIT …;\n"
        fix += "ALTER SYSTEM SET max_connections = …;  -- then restart the server"
        yield problem("connections", f"free connections: {max(free, 0)}; a run needs {needed}", fix)
    else:
        yield ok("connections", f"free connections: {free}; a run needs {needed}")


def extensions(session: DoctorSession, environment: Environment) -> Iterator[Diagnosis]:
    """Whether the server has the extensions that the manifest allows migrations to create."""
    wanted = environment.shadow.extensions
    missing = sorted(set(wanted) - set(session.texts(_AVAILABLE)))
    if missing:
        fix = "install the packages of these extensions on the server, or "
        fix += f"remove them from `shadow.extensions` in {environment.path}"
        yield problem("extensions", f"the server does not have {', '.join(missing)}", fix)
    else:
        yield ok("extensions", f"the server has {', '.join(wanted)}" if wanted else "the manifest names no extensions")


def _archive_fix(facts: ArchiveFacts) -> Iterator[str]:
    """The statements that start the archiver. With `wal_level` minimal, a server with `archive_mode` does not start."""
    if facts.wal_level == "minimal":
        yield "ALTER SYSTEM SET wal_level = replica;"
    yield "ALTER SYSTEM SET archive_command = '…';  -- a command that stores a WAL file, such as pgBackRest's"
    if facts.mode in {"on", "always"}:
        yield "SELECT pg_reload_conf();"
    else:
        yield "ALTER SYSTEM SET archive_mode = on;  -- then restart the server"


def recovery(session: DoctorSession, *, has_backup: bool) -> Iterator[Diagnosis]:
    """Whether the server archives its WAL, and whether the role may create restore points."""
    facts = archive_facts(session.connection)
    archive, why = archive_of(facts)
    fix = "\n".join(_archive_fix(facts))
    if archive is Archive.UNKNOWN:
        yield unknown(
            "recovery", why, "grant pg_read_all_settings, pg_read_all_stats to the role, or see the provider's manual"
        )
    elif archive is Archive.FAILING:
        yield problem("recovery", why, "SELECT * FROM pg_stat_archiver;  -- and correct archive_command")
    elif archive is Archive.NONE and not has_backup:
        yield problem("recovery", f"the manifest has no `backup`, and the server has no WAL archive: {why}", fix)
    elif archive is Archive.NONE:
        yield note("recovery", f"no point-in-time recovery: {why}", fix, why=CHECKS["recovery"].why)
    else:
        yield ok("recovery", why)
    if archive is Archive.ARCHIVED and session.row(MAY_CREATE)[0] is not True:
        user = identifier(session.connection.info.user)
        grant = f"GRANT EXECUTE ON FUNCTION pg_create_restore_point(text) TO {user};"
        what = f"{user} may not create restore points, so the target of a recovery is an LSN"
        named = "A person who recovers the database finds a named restore point more easily than an LSN."
        yield note("recovery", what, grant, why=named)
