"""The statements with which tools record and remove a migration in their ledgers, and the locks that they hold. Pure.

Each statement is one that the tool's own source runs, with qualified names: a migration may have changed the search
path. `{table}` and `{schema}` are quoted names. The other fields are quoted literals.
"""
# ruff: noqa: S608 - templates, whose values the caller quotes

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

from ..core.environment.layout import LayoutName


@dataclass(frozen=True)
class LedgerWriter:
    """How one tool records a migration, removes the record, and excludes other runs."""

    insert: tuple[str, ...]
    delete: tuple[str, ...]
    lock: Callable[[str, str, str], int] | None = None
    """Computes the key of the tool's advisory lock from the names of database, schema and table. None without one."""
    for_each: tuple[tuple[str, str], ...] = ()
    """A statement for each additional row of a record, by the row's `kind`."""
    after: tuple[str, ...] = ()
    """Statements that follow the additional rows."""
    version_only: bool = False
    """Whether the ledger has one row, with the newest version."""
    in_order: bool = True
    """Whether the tool refuses or skips a pending migration that precedes an applied one."""


def _constant(key: int) -> Callable[[str, str, str], int]:
    return lambda _database, _schema, _table: key


def golang_migrate_lock(database: str, schema: str, table: str) -> int:
    """`GenerateAdvisoryLockId` in `database/util.go`: a CRC-32 with a salt, modulo 2^32."""
    return zlib.crc32(f"{schema}\0{table}\0{database}".encode()) * 1486364155 % (1 << 32)


def sqlx_lock(database: str, _schema: str, _table: str) -> int:
    """`generate_lock_id` in `sqlx-postgres/src/migrate.rs`: a CRC-32 of the database's name, times a constant."""
    return 0x3D32AD9E * zlib.crc32(database.encode())


def flyway_lock(_database: str, schema: str, table: str) -> int:
    """`PostgreSQLAdvisoryLockTemplate.java`: `Flyway` as a number, plus Java's hash code of the table's quoted name."""
    code = 0
    units = f'"{schema}"."{table}"'.encode("utf-16-be")
    for high, low in zip(units[::2], units[1::2], strict=True):
        code = (code * 31 + (high << 8 | low)) % (1 << 32)
    return int.from_bytes(b"Flyway") + (code - (1 << 32) if code >= 1 << 31 else code)


def atlas_lock(_database: str, _schema: str, _table: str) -> int:
    """`Driver.Lock` in `sql/postgres/driver.go`: the 32-bit FNV-1 hash of the lock's name."""
    code = 2166136261
    for byte in b"atlas_migrate_execute":
        code = code * 16777619 % (1 << 32) ^ byte
    return code


_NOW = "pg_catalog.now()"
_BY_KEY = "delete from {{table}} where {} operator(pg_catalog.=) {{key}}"
_NEWEST = (
    "delete from {table}",
    "insert into {table} (version, dirty) select {newest}, false where {newest} is not null",
)
_TERN = ("update {table} set version = coalesce({newest}, 0)",)
_CHANGE = (
    "change_id, script_hash, change, project, note, committed_at, committer_name, committer_email, planned_at, "
    "planner_name, planner_email"
)
_PLANNED = "{planned_at}, {planner}, {email}"
_COMMITTED = "pg_catalog.clock_timestamp(), {actor}, ''"


def _of_change(column: str, table: str, more: str = "") -> str:
    return (
        f"coalesce((select pg_catalog.array_agg({column}) from {{schema}}.{table} x where x.change_id "
        f"operator(pg_catalog.=) c.change_id{more}), array[]::pg_catalog.text[])"
    )


def _event(event: str) -> str:
    """The statement that logs a deploy or a revert of Sqitch, while the change and its rows exist."""
    requires = _of_change("dependency", "dependencies", " and x.type operator(pg_catalog.=) 'require'")
    conflicts = _of_change("dependency", "dependencies", " and x.type operator(pg_catalog.=) 'conflict'")
    return (
        "insert into {schema}.events (event, change_id, change, project, note, requires, conflicts, tags, "
        "committed_at, committer_name, committer_email, planned_at, planner_name, planner_email) "
        f"select '{event}', c.change_id, c.change, c.project, c.note, {requires}, {conflicts}, "
        f"{_of_change('tag', 'tags')}, {_COMMITTED}, c.planned_at, c.planner_name, c.planner_email "
        "from {table} c where c.change_id operator(pg_catalog.=) {key}"
    )


WRITERS: dict[LayoutName, LedgerWriter] = {
    LayoutName.DBMATE: LedgerWriter(
        ("insert into {table} (version) values ({key})",), (_BY_KEY.format("version"),), in_order=False
    ),
    LayoutName.SUPABASE: LedgerWriter(
        ("insert into {table} (version, name, statements) values ({key}, {name}, {statements})",),
        (_BY_KEY.format("version"),),
    ),
    LayoutName.GOLANG_MIGRATE: LedgerWriter(
        _NEWEST,
        _NEWEST,
        golang_migrate_lock,
        version_only=True,
    ),
    LayoutName.TERN: LedgerWriter(
        _TERN,
        _TERN,
        _constant(9628173550095224),
        version_only=True,
    ),
    LayoutName.GOOSE: LedgerWriter(
        ("insert into {table} (version_id, is_applied) values ({key}, true)",),
        (_BY_KEY.format("version_id"),),
        _constant(5887940537704921958),
    ),
    LayoutName.FLYWAY: LedgerWriter(
        (
            "insert into {table} (installed_rank, version, description, type, script, checksum, installed_by, "
            "execution_time, success) select coalesce(pg_catalog.max(installed_rank), 0) operator(pg_catalog.+) 1, "
            "{key}, {description}, 'SQL', {script}, {checksum}, current_user, 0, true from {table}",
        ),
        (_BY_KEY.format("version"),),
        flyway_lock,
    ),
    LayoutName.SQLX: LedgerWriter(
        (
            "insert into {table} (version, description, success, checksum, execution_time) values "
            "({key}, {description}, true, pg_catalog.decode({checksum}, 'hex'), 0)",
        ),
        (_BY_KEY.format("version"),),
        sqlx_lock,
        in_order=False,
    ),
    LayoutName.DIESEL: LedgerWriter(
        ("insert into {table} (version) values ({key})",), (_BY_KEY.format("version"),), in_order=False
    ),
    LayoutName.PRISMA: LedgerWriter(
        (
            "insert into {table} (id, checksum, finished_at, migration_name, started_at, applied_steps_count) values "
            f"(pg_catalog.gen_random_uuid()::text, {{checksum}}, {_NOW}, {{key}}, {_NOW}, 1)",
        ),
        (_BY_KEY.format("migration_name"),),
        _constant(72707369),
        in_order=False,
    ),
    LayoutName.DRIZZLE: LedgerWriter(
        (
            "lock table {table} in share row exclusive mode",
            "insert into {table} (hash, created_at) values ({checksum}, {key})",
        ),
        (_BY_KEY.format("created_at"),),
    ),
    LayoutName.NODE_PG_MIGRATE: LedgerWriter(
        (f"insert into {{table}} (name, run_on) values ({{key}}, {_NOW})",),
        (_BY_KEY.format("name"),),
        _constant(7241865325823964),
    ),
    LayoutName.GRAPHILE_MIGRATE: LedgerWriter(
        (
            "insert into {table} (hash, previous_hash, filename) values "
            "({checksum}, case when {previous} operator(pg_catalog.<>) '' then {previous} end, {key})",
        ),
        (_BY_KEY.format("filename"),),
        _constant(4727445306447283),
    ),
    LayoutName.ATLAS: LedgerWriter(
        (
            "insert into {table} (version, description, type, applied, total, executed_at, execution_time, error, "
            "error_stmt, hash, partial_hashes, operator_version) values ({key}, {description}, 2, {count}, {count}, "
            f"{_NOW}, 0, '', '', {{checksum}}, 'null', 'ctgitops')",
        ),
        (_BY_KEY.format("version"),),
        atlas_lock,
    ),
    LayoutName.SQITCH: LedgerWriter(
        (
            "lock table {table} in exclusive mode",
            f"insert into {{table}} ({_CHANGE}) values ({{key}}, {{script_hash}}, {{change}}, {{project}}, {{note}}, "
            f"{_COMMITTED}, {_PLANNED})",
        ),
        (
            "lock table {table} in exclusive mode",
            _event("revert"),
            "delete from {schema}.tags where change_id operator(pg_catalog.=) {key}",
            "delete from {schema}.dependencies where change_id operator(pg_catalog.=) {key}",
            _BY_KEY.format("change_id"),
        ),
        _constant(75474063),
        (
            (
                "require",
                "insert into {schema}.dependencies (change_id, type, dependency, dependency_id) values "
                "({key}, 'require', {name}, {id})",
            ),
            (
                "conflict",
                "insert into {schema}.dependencies (change_id, type, dependency) values ({key}, 'conflict', {name})",
            ),
            (
                "tag",
                "insert into {schema}.tags (tag_id, tag, project, change_id, note, committed_at, committer_name, "
                "committer_email, planned_at, planner_name, planner_email) values ({id}, {name}, {project}, {key}, "
                f"{{note}}, {_COMMITTED}, {_PLANNED})",
            ),
        ),
        (_event("deploy"),),
    ),
}
"""The tools with whose ledgers ctgitops can keep in step."""
