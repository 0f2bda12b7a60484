"""Writes to the ledger of another tool, in the transaction of the migration, under the tool's own lock."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from ...core.environment.layout import LayoutName
from ...core.migration.tool_record import ToolRecord
from ...errors import LedgerError, MustWaitError
from ...layouts.ledger_creation import NEW_LEDGERS
from ...layouts.ledger_writers import WRITERS, LedgerWriter
from ...sql.nodes import quoted_name
from ..connection.names import literal

if TYPE_CHECKING:
    from psycopg.pq.abc import Escaping

    from ...core.ledger.foreign_ledger import ForeignLedger
    from ...core.migration.migration import Migration
    from ...sql.script import Script
    from ..connection.connect import Connection

POLL_SECONDS = 0.5
_MAY_WRITE = "select pg_catalog.has_table_privilege(%s, 'insert'), pg_catalog.has_table_privilege(%s, 'delete')"


@dataclass(frozen=True)
class ToolLedger:
    """The table in which a tool records its migrations, and the files of those migrations."""

    foreign: ForeignLedger
    migrations: tuple[Migration, ...]
    actor: str = ""
    """Who applies, for tools that record a person."""
    _files: dict[int, Migration] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_files", {migration.number: migration for migration in self.migrations})

    @property
    def writer(self) -> LedgerWriter:
        """The tool's statements. Raises LedgerError if ctgitops does not know them."""
        found = WRITERS.get(LayoutName(self.foreign.tool))
        if found is None:
            what = f"ctgitops cannot write to {self.foreign.table}, the ledger of {self.foreign.title}"
            known = ", ".join(sorted(name.value for name in WRITERS))
            raise LedgerError(what, state="nothing was changed", hint=f"it can keep in step with: {known}")
        return found

    @property
    def _qualified(self) -> tuple[str, str]:
        schema, _, table = self.foreign.table.partition(".")
        return quoted_name(schema), f"{quoted_name(schema)}.{quoted_name(table)}"

    def take_lock(self, connection: Connection, wait: timedelta) -> None:
        """Takes the tool's advisory lock for the rest of the session. Raises MustWaitError if the tool keeps it."""
        if self.writer.lock is None:
            return
        schema, _, table = self.foreign.table.partition(".")
        key = _signed(self.writer.lock(connection.info.dbname, schema, table))
        deadline = time.monotonic() + wait.total_seconds()
        while connection.execute("select pg_catalog.pg_try_advisory_lock(%s::int8)", [key]).fetchone() != (True,):
            if time.monotonic() >= deadline:
                what = f"{self.foreign.title} holds its advisory lock {key}"
                hint = f"wait until {self.foreign.title} has ended, then run the command again"
                raise MustWaitError(what, state="nothing was changed", hint=hint)
            time.sleep(POLL_SECONDS)

    def refuse_unwritable(self, connection: Connection) -> None:
        """Raises LedgerError if this role may not write to the table, or if a file cannot be recorded."""
        _, table = self._qualified
        _ = self.writer  # raises if the tool is not supported
        if connection.execute(_MAY_WRITE, [table, table]).fetchone() != (True, True):
            what = f"this role may not write to {table}, the ledger of {self.foreign.title}"
            hint = f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {quoted_name(connection.info.user)}"
            raise LedgerError(what, state="nothing was changed", hint=hint)

    def refuse_taken_name(self, connection: Connection) -> None:
        """Raises LedgerError if the table is new, but the database already has a relation of this name."""
        _, table = self._qualified
        if connection.execute("select pg_catalog.to_regclass(%s)::oid", [table]).fetchone() != (None,):
            what = f"{self.foreign.table} exists, and is not a ledger of {self.foreign.title}"
            hint = "rename it, then run the command again"
            raise LedgerError(what, state="the database was not changed", hint=hint)

    def created(self, escaping: Escaping) -> str:
        """The statements that create the ledger as the tool does."""
        values = next((each.record.values for each in self.migrations if each.record), {})
        names = {name: literal(escaping, values.get(name, "")) for name in ("project", "uri")}
        statements = NEW_LEDGERS[LayoutName(self.foreign.tool)].create
        return f"{statements.format(actor=literal(escaping, self.actor or 'ctgitops'), **names)} "

    def added(self, escaping: Escaping, number: int, applied: Collection[int]) -> str:
        """The statements that record a migration. `applied` has the numbers that are applied afterwards."""
        record = self._record(number)
        statements = [self._filled(escaping, each, record, applied, number) for each in self.writer.insert]
        for_each = dict(self.writer.for_each)
        for row in record.more:
            values = ToolRecord(record.key, record.checksums, {**record.values, **row})
            statements.append(self._filled(escaping, for_each[row["kind"]], values, applied, number))
        statements += [self._filled(escaping, each, record, applied, number) for each in self.writer.after]
        return "".join(f"{statement}; " for statement in statements)

    def removed(self, escaping: Escaping, number: int, applied: Collection[int]) -> str:
        """The statements that remove the record of a migration. `applied` has the numbers that remain applied."""
        record = self._record(number)
        statements = [self._filled(escaping, each, record, applied, number) for each in self.writer.delete]
        return "".join(f"{statement}; " for statement in statements)

    def _record(self, number: int) -> ToolRecord:
        file = self._files.get(number)
        if file is None or file.record is None:
            name = file.name if file else f"migration {number:03}"
            what = f"{name} cannot be recorded in {self.foreign.table} of {self.foreign.title}"
            why = f"restore the file as {self.foreign.title} expects it" if file else "restore its file"
            hint = f"{why}, or end this with the option `--no-keep-in-step` of `ctgitops baseline`"
            raise LedgerError(what, state="this migration was not begun", hint=hint)
        return file.record

    def _filled(
        self, escaping: Escaping, template: str, record: ToolRecord, applied: Collection[int], number: int
    ) -> str:
        schema, table = self._qualified
        newest = max(applied, default=None)
        script = self._files[number].up
        fields = {name: literal(escaping, text) for name, text in record.values.items()}
        return template.format(
            schema=schema,
            table=table,
            newest="null" if newest is None else str(newest),
            actor=literal(escaping, self.actor or "ctgitops"),
            **{"key": literal(escaping, record.key), "checksum": literal(escaping, record.checksum), **fields},
            statements=_array(escaping, script) if "{statements}" in template else "",
            count=str(len(script.statements)) if "{count}" in template else "",
        )


def _array(escaping: Escaping, script: Script) -> str:
    texts = ", ".join(literal(escaping, script.text_of(each)) for each in script.statements)
    return f"array[{texts}]::pg_catalog.text[]"


def _signed(key: int) -> int:
    """Converts an unsigned 64-bit key to the signed integer with the same bits, as Rust and Java do."""
    key %= 1 << 64
    return key - (1 << 64) if key >= 1 << 63 else key
