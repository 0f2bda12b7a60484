"""Builds the message for one migration: the file's SQL, between statements that protect its effect and its entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import Place
from ...lazy import dataclass
from ...sql.redact import redact
from ...sql.traits import Trait
from ..connection.effective_settings import ON_DISK
from ..connection.names import SCHEMA, application_of
from ..ledger.ledger import BEGAN

if TYPE_CHECKING:
    from ...core.plan.plan import Step
    from ...sql.parse import Statement
    from ...sql.script import Script

CLEAN = (
    "close all; set session authorization default; reset all; deallocate all; unlisten *; "
    "select pg_catalog.pg_advisory_unlock_all(); discard temp; discard sequences"
)
"""The parts of DISCARD ALL that reset state.

DISCARD ALL itself would need a separate message. Its DISCARD PLANS would also free the cached plans of the ledger's
trigger, and each entry would then take 90 µs longer (measured).
"""

SETTLE = f"""
set constraints all immediate; {CLEAN}; do $settle$
declare
    names text;
begin
    select pg_catalog.string_agg(pg_catalog.format('%I.%I', d.nspname, d.conname), ', ') into names from (
        select n.nspname, c.conname from pg_catalog.pg_constraint c
        join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.connamespace
        where n.nspname operator(pg_catalog.!~) '^pg_(temp|toast)' and pg_catalog.has_schema_privilege(n.oid, 'usage')
        group by n.nspname, c.conname having bool_and(c.condeferred)) d;
    if names is not null then
        execute pg_catalog.concat('set constraints ', names, ' deferred');
    end if;
end
$settle$"""  # noqa: S608 - constants only
"""Runs between two migrations of one transaction. Replaces COMMIT and CLEAN, which run between separate transactions.

This SQL checks deferred constraints. A failure is then reported for the migration that caused it, and the next
migration can ALTER the table. Unlike DISCARD ALL, CLEAN may run in a transaction (measured, 14 to 18).
"""

OWN_PATH = "set local search_path = pg_catalog"
"""Sets the search path for ctgitops's own queries on the migrations' connection.

The search path of a migration may contain functions and operators with the same names as PostgreSQL's own.
"""

FLUSH = (
    f"begin; {ON_DISK}; "
    "select pg_catalog.pg_logical_emit_message(true, 'ctgitops', 'all of the run is on disk'); commit"
)
"""A transaction whose commit waits for the disk. This commit confirms all earlier commits."""


@dataclass(frozen=True)
class Message:
    """The SQL of one message: `before`, `script`, `after`. `leading` is the number of statements in `before`."""

    before: str
    script: Script
    after: str
    leading: int

    @property
    def text(self) -> str:
        """The whole message. The script is on separate lines, so a comment at its end does not include `after`."""
        return f"{self.before}\n{self.script.sent}\n;{self.after}"

    def offset_of(self, position: int) -> int | None:
        """Converts a `position` in the message, from 1, to an offset in the script. None for a position outside."""
        offset = position - len(self.before) - 2
        return offset if 0 <= offset <= len(self.script.sql) else None

    def statement_at(self, done: int) -> int | None:
        """The index, from 0, of the statement after the message's first `done` statements. None if there is none."""
        index = done - self.leading
        return index if 0 <= index < len(self.script.statements) else None


def opening(step: Step, *, local: bool, waits_for_disk: bool = True, begins: bool = True) -> tuple[str, int]:
    """The statements before a file, and their number. The statements set the migration's name and the search path.

    The search path includes record_migration if the file calls it. With `local`, the settings end with the transaction,
    and the statements begin that transaction unless `begins` is false.

    Without `waits_for_disk`, the commit is still atomic. But a server crash can lose the migration together with its
    entry, until a later commit waits for the disk. The last commit of a plan always waits.
    """
    if local and Trait.SETS_TRANSACTION in step.script.traits:  # SET TRANSACTION must come before any query
        return _without_query(step)
    inside = str(local).lower()
    began = f"pg_catalog.set_config('{BEGAN}', extract(epoch from pg_catalog.clock_timestamp())::text, {inside})"
    named = f"pg_catalog.set_config('application_name', '{application_of(step)}', {inside})"
    statements = [f"select pg_catalog.set_config('ctgitops.run', {quoted(step.name)}, {inside}), {began}, {named}"]
    if not waits_for_disk:
        statements.append("set local synchronous_commit = off")
    if Trait.RECORDS in step.script.traits:
        path = "concat_ws(', ', nullif(pg_catalog.current_setting('search_path'), ''), " + quoted(SCHEMA) + ")"
        statements.append(f"select pg_catalog.set_config('search_path', {path}, {inside})")
    if local and begins:
        statements.insert(0, "begin")
    return "; ".join(statements) + ";", len(statements)


def _without_query(step: Step) -> tuple[str, int]:
    named = f"set local application_name to '{application_of(step)}'"
    statements = ["begin", f"set local ctgitops.run to {quoted(step.name)}", named]
    if Trait.RECORDS in step.script.traits:
        statements.append(f'set local search_path to "$user", public, {SCHEMA}')
    return "; ".join(statements) + ";", len(statements)


def quoted(text: str) -> str:
    """A string constant that is valid with either value of standard_conforming_strings."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f" E'{escaped}'"


@dataclass(frozen=True)
class Spot:
    """The part of a file that failed: file, line and column, the statement, and the statement's first line."""

    place: Place | None = None
    statement: str = ""
    line: int | None = None

    @property
    def place_shown(self) -> Place | None:
        """The place of the error. Leaves out the column if a redacted password shifts it."""
        if self.place and redact(self.statement) != self.statement:
            return Place(self.place.path, self.place.line)
        return self.place


def spot_of(message: Message, position: int | None, done: int, inside: tuple[str, int] | None = None) -> Spot:
    """The part of the file that failed. Empty if the error is not in the file.

    `inside` contains the body of a statement, such as a DO block, and a position in this body.
    """
    script = message.script
    offset = message.offset_of(position) if position else None
    index = message.statement_at(done)
    if index is not None:
        return spot_within(script, script.statements[index], offset, inside)
    if offset is None:
        return Spot()
    # The server reports a syntax error before it runs any statement of the message
    statement = next((each for each in script.statements if each.start <= offset <= each.end), None)
    return spot_in(script, statement, offset) if statement else Spot(script.place(offset))


def spot_within(script: Script, statement: Statement, offset: int | None, inside: tuple[str, int] | None) -> Spot:
    """The spot at `offset`, if `offset` is in the statement. Otherwise, the spot of the error in the statement's body.

    `inside` contains the body and the position of the error. Without it, the spot is the start of the statement.
    """
    if offset is not None and statement.start <= offset <= statement.end:
        return spot_in(script, statement, offset)
    body, position = inside or ("", 0)
    text = script.sql[statement.start : statement.end]
    # The server converts the position only if the message contains the body once: ours repeats it in the ledger entry
    found = statement.start + text.index(body) + position - 1 if text.count(body) == 1 else statement.start
    return spot_in(script, statement, found)


def spot_after(script: Script, statement: Statement, before: int, position: int | None) -> Spot:
    """The spot of `position` in a message. Positions count from 1. `before` characters precede the statement.

    If the position is outside the statement, the spot is the start of the statement.
    """
    start = script.start_of(statement)
    inside = (position or 0) - before - 1
    return spot_in(script, statement, start + inside if 0 <= inside <= statement.end - start else start)


def spot_in(script: Script, statement: Statement, at: int) -> Spot:
    """The spot at the offset `at` of `script`. The offset must be in `statement`."""
    return Spot(script.place(at), script.sql[statement.start : statement.end], script.place(statement.start).line)
