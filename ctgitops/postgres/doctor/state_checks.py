"""Checks of a database's state: ledger, run lock, settings of roles, indexes, statistics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...core.doctor.diagnosis import Diagnosis, note, ok, problem
from ...sql.nodes import identifier
from ..ledger.ledger import read_ledger
from ..lock.run_lock import holder_of

if TYPE_CHECKING:
    from .doctor_session import DoctorSession

LARGE_BYTES = 8 << 20
"""The minimum size in bytes of a table whose statistics are checked. Plans for smaller tables rarely need them."""
STALE_PART = 0.3
"""A table's statistics count as stale if this share of its rows has changed since the last ANALYZE."""
SHOWN = 5
_INVALID = """
select format('%I.%I', n.nspname, c.relname)
from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
where not i.indisvalid and c.relkind = 'i' and not exists (
    select from pg_stat_progress_create_index p where p.index_relid = i.indexrelid
)
order by 1
"""
_STALE = """
select format('%%I.%%I', n.nspname, c.relname)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
left join pg_stat_all_tables s on s.relid = c.oid
where c.relkind in ('r', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and pg_relation_size(c.oid) > %s
    and (c.reltuples < 0 or s.n_mod_since_analyze > %s * greatest(c.reltuples, 1))
order by 1
"""
_SETTINGS = """
select split_part(c, '=', 1), substr(c, strpos(c, '=') + 1), coalesce(r.rolname::text, ''),
       coalesce(d.datname::text, '')
from pg_db_role_setting s
left join pg_database d on d.oid = s.setdatabase
left join pg_roles r on r.oid = s.setrole
cross join unnest(s.setconfig) c
where (s.setdatabase = 0 or d.datname = current_database()) and (s.setrole = 0 or r.rolname = session_user)
    and split_part(c, '=', 1) in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout',
                                  'idle_session_timeout', 'transaction_timeout', 'default_transaction_read_only')
order by 1
"""
_READS_ONLY_WRONGLY = """
select n.nspowner::regrole::text from pg_namespace n
where n.nspname = 'ctgitops' and pg_has_role(session_user, n.nspowner, 'member')
    and not (select rolsuper from pg_roles where rolname = session_user)
"""
_OFF = {"transaction_timeout": "0", "default_transaction_read_only": "off"}


def ledger(session: DoctorSession, environment: str) -> Iterator[Diagnosis]:
    """Whether the ledger is readable, and whether a migration is unfinished."""
    found = read_ledger(session.connection, session.address)
    if not found.entries:
        yield ok("ledger", "the ledger has no entries yet")
    for entry in found.unfinished.values():
        fix = f"ctgitops status --env {environment}\nctgitops apply --env {environment}"
        yield problem("ledger", f"{entry.name} is unfinished since {entry.started_at:%Y-%m-%d %H:%M} UTC", fix)
    if changed := found.broken_at():
        what = f"the hash of entry {changed.id} does not match the chain, so the ledger was changed by hand"
        yield problem("ledger", what, f"ctgitops verify --env {environment}")
    elif found.entries and not found.unfinished:
        yield ok("ledger", f"{len(found.applied)} migrations applied, none unfinished")


def run_lock(session: DoctorSession, environment: str) -> Iterator[Diagnosis]:
    """Whether the run lock is free, or held by a run that is alive."""
    holder = holder_of(session.connection)
    if holder is None:
        yield ok("run-lock", "the run lock is free")
    elif holder.alive or holder.busy:
        yield note("run-lock", f"a run is active: {holder}")
    else:
        yield problem(
            "run-lock",
            f"held by a run that no longer reports its state: {holder}",
            f"ctgitops unlock --env {environment} --end",
        )


def role_settings(session: DoctorSession) -> Iterator[Diagnosis]:
    """Settings of the role and the database: those that a run does not override, and those that it overrides."""
    clean = True
    wrongly = bool(session.rows(_READS_ONLY_WRONGLY))
    for name, value, role, database in session.rows(_SETTINGS):
        off = _OFF.get(str(name))
        if value in {"0", off} or (name == "default_transaction_read_only" and not wrongly):
            continue
        clean = False
        where = " in ".join(filter(None, (f"role {role}" if role else "", f"database {database}" if database else "")))
        said = f"{name} = {value}, set for {where or 'every role'}"
        if off:
            user = identifier(session.connection.info.user)
            here = identifier(session.connection.info.dbname)
            yield problem("role-settings", said, f"ALTER ROLE {user} IN DATABASE {here} SET {name} = {off};")
        else:
            yield note("role-settings", f"{said}; runs override it")
    if clean:
        yield ok("role-settings", "no setting of the role or the database limits a run")


def invalid_indexes(session: DoctorSession) -> Iterator[Diagnosis]:
    """Indexes that no query uses, because their builds were interrupted."""
    names = session.texts(_INVALID)
    if names:
        fix = "\n".join(f"REINDEX INDEX CONCURRENTLY {name};" for name in names)
        yield problem("invalid-indexes", f"invalid: {_shown(names)}", fix)
    else:
        yield ok("invalid-indexes", "every index is valid")


def statistics(session: DoctorSession) -> Iterator[Diagnosis]:
    """Large tables without statistics, or with many changes since the last ANALYZE."""
    names = session.texts(_STALE, LARGE_BYTES, STALE_PART)
    if names:
        fix = "\n".join(f"ANALYZE {name};" for name in names)
        yield problem("statistics", f"missing or stale statistics: {_shown(names)}", fix)
    else:
        yield ok("statistics", "the statistics of each large table are current")


def _shown(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
