"""What a statement does to tables in use, as PostgreSQL tells it: the judge of what lint says.

Its DEBUG1 messages name every rewrite, scan, validation and index build, also on empty tables; pg_locks tells under
which lock, and a changed relfilenode that a table got a new file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
from psycopg.errors import Error

from ctgitops.sql.locks import LockMode

_RELATIONS = """
select c.oid::bigint, c.relname, coalesce(x.indrelid, c.oid)::bigint,
    coalesce(pg_relation_filenode(c.oid), 0)::bigint
from pg_class c left join pg_index x on x.indexrelid = c.oid
where c.relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    and c.relkind in ('r', 'm', 'p', 'i') and c.relpersistence <> 't'
    and c.relnamespace::regnamespace::text !~ '^pg_'"""
_CONSTRAINTS = "select conname, conrelid::bigint from pg_constraint where conrelid <> 0"
_LOCKS = """
select relation::bigint, mode from pg_locks
where pid = pg_backend_pid() and locktype = 'relation' and granted and relation >= 16384"""
_EVENTS = (
    ("rewrites", re.compile(r'^rewriting table "(.+)"')),
    ("scans", re.compile(r'^verifying table "(.+)"')),
    ("looks up", re.compile(r'^validating foreign key constraint "(.+)"')),
    ("builds", re.compile(r'^building index "(?!pg_toast)(?:.+)" on table "(.+?)"')),
)
_MODES = {mode.in_pg_locks: mode for mode in LockMode}
_DEFAULTS = "select oid::bigint from pg_class where pg_get_expr(relpartbound, oid) = 'DEFAULT'"
_PARTITION = re.compile(r"\bpartition\s+of\b", re.IGNORECASE)
_DOMAIN = re.compile(r"^\s*alter\s+domain\b", re.IGNORECASE)


@dataclass(frozen=True)
class Truth:
    """What one statement did, as far as it made others wait for work."""

    work: tuple[str, ...] = ()
    """`rewrites orders`, under a lock that blocks writes, on a table that others see."""
    failed: str = ""

    @property
    def blocks(self) -> bool:
        """Whether it blocks writes while it works."""
        return bool(self.work)


@dataclass
class Judge:
    """One database, brought on file by file."""

    connection: psycopg.Connection
    _messages: list[str] = field(default_factory=list)
    _visible: dict[int, tuple[str, int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.connection.add_notice_handler(lambda d: self._messages.append(d.message_primary or ""))
        self.connection.execute("set client_min_messages = debug1")

    def file(self, statements: list[str], *, transactional: bool) -> list[Truth]:
        """Runs the statements of one file; a file that fails leaves no trace, and the rest of it is not judged."""
        connection = self.connection
        self._visible = self._relations()
        found: list[Truth] = []
        if transactional:
            connection.execute("begin")
        for sql in statements:
            try:
                found.append(self._statement(sql))
            except Error as error:
                found.append(Truth(failed=str(error).split("\n")[0]))
                break
        if transactional:
            connection.execute("rollback" if found and found[-1].failed else "commit")
        return found

    def _statement(self, sql: str) -> Truth:
        self._messages.clear()
        before = self._relations()
        constraints: dict[str, int] = dict(self.connection.execute(_CONSTRAINTS).fetchall())
        self._messages.clear()
        self.connection.execute(sql.encode())
        said = list(self._messages)
        if re.search(r"\bconcurrently\b", sql, re.IGNORECASE):
            return Truth()
        constraints |= dict(self.connection.execute(_CONSTRAINTS).fetchall())
        held = self._held()
        strong = {oid for oid, mode in held.items() if mode >= LockMode.SHARE}
        worked = [*self._events(said, constraints), *self._new_files(before)]
        if _DOMAIN.match(sql) and "not valid" not in sql.lower():
            worked += [("scans", oid) for oid in strong]  # it says nothing of these
        if _PARTITION.search(sql):
            defaults = {oid for (oid,) in self.connection.execute(_DEFAULTS).fetchall()}
            worked += [("scans", oid) for oid in strong & defaults]
        in_transaction = self.connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE
        return Truth(tuple(dict.fromkeys(
            f"{what} {self._visible[oid][0]}"
            for what, oid in worked
            if oid in self._visible and (oid in strong or not in_transaction)
        )))  # fmt: skip

    def _events(self, said: list[str], constraints: dict[str, int]) -> Iterator[tuple[str, int]]:
        tables: dict[str, list[int]] = {}
        for oid, (name, _, _) in self._visible.items():
            tables.setdefault(name, []).append(oid)
        for message in said:
            for what, pattern in _EVENTS:
                match = pattern.match(message)
                if match and what == "looks up":
                    yield what, constraints.get(match[1], 0)
                elif match:
                    now = self._relations()
                    same = [oid for oid in tables.get(match[1], ()) if oid in now]
                    yield from ((what, oid) for oid in same)

    def _new_files(self, before: dict[int, tuple[str, int, int]]) -> Iterator[tuple[str, int]]:
        now = self._relations()
        for oid, (_, table, file) in before.items():
            if oid == table and oid in now and now[oid][2] != file:
                yield "new file for", oid

    def _relations(self) -> dict[int, tuple[str, int, int]]:
        rows = self.connection.execute(_RELATIONS).fetchall()
        return {oid: (name, table, file) for oid, name, table, file in rows}

    def _held(self) -> dict[int, LockMode]:
        held: dict[int, LockMode] = {}
        for oid, mode in self.connection.execute(_LOCKS).fetchall():
            held[oid] = max(_MODES[mode], held.get(oid, _MODES[mode]))
        return held
