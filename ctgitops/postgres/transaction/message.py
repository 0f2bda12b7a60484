"""Builds the message that is sent for one migration: what is sent of its file, between statements that make it safe."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.plan.plan import Step
from ...errors import Place
from ...sql.parse import Statement
from ...sql.redact import redact
from ...sql.script import Script
from ...sql.traits import Trait
from ..connection.names import SCHEMA, application_of
from ..ledger.ledger import BEGAN

CLEAN = (
    "close all; set session authorization default; reset all; deallocate all; unlisten *; "
    "select pg_catalog.pg_advisory_unlock_all(); discard temp; discard sequences"
)
"""The parts of DISCARD ALL that carry state; it itself must be a message of its own, and DISCARD PLANS frees a cache.

That cache holds the plans of the ledger's own trigger: without it each entry takes 90 µs longer (measured)."""

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
"""What a commit does to the session and its checks, between two migrations of one transaction.

What was deferred is checked where a commit would check it, so that a failure names its migration and the next one may
ALTER that table. All of CLEAN may be run in a transaction; of DISCARD, only ALL may not (measured, 14 to 18)."""

OWN_PATH = "set local search_path = pg_catalog"
"""For questions of ours on the migrations' connection, whose search path is theirs: it may lead to functions and
operators that are called like PostgreSQL's own."""

FLUSH = "select pg_catalog.pg_logical_emit_message(true, 'ctgitops', 'all of the run is on disk')"
"""A commit that waits for the disk, and with it for every commit before it."""


@dataclass(frozen=True)
class Message:
    """SQL for one exchange: `before`, then the script, then `after`; `leading` statements stand in `before`."""

    before: str
    script: Script
    after: str
    leading: int

    @property
    def text(self) -> str:
        """All of it. The script stands on lines of its own, so that its last comment ends where it ends."""
        return f"{self.before}\n{self.script.sent}\n;{self.after}"

    def offset_of(self, position: int) -> int | None:
        """Where in the script the message's `position` (characters from 1) is; None outside of it."""
        offset = position - len(self.before) - 2
        return offset if 0 <= offset <= len(self.script.sql) else None

    def statement_at(self, done: int) -> int | None:
        """Which of the script's statements failed, from 0, when `done` of the message's were done; None outside."""
        index = done - self.leading
        return index if 0 <= index < len(self.script.statements) else None


def opening(step: Step, *, local: bool, waits_for_disk: bool = True, begins: bool = True) -> tuple[str, int]:
    """The statements before a file, and how many: what is running, for people too, and where record_migration is found.

    A commit that does not wait for the disk is as whole as any other, the migration with its entry. A crash of the
    server can lose the newest of them together, until the next commit that waits, and a plan's last one does. Where it
    does not begin the transaction, it is a part of one with others.
    """
    if local and Trait.SETS_TRANSACTION in step.script.traits:  # it must come before any query, ours among them
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
    """A string constant that reads alike whatever standard_conforming_strings says."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f" E'{escaped}'"


@dataclass(frozen=True)
class Spot:
    """What of a file failed: file, line and column, the statement, and the line on which that begins."""

    place: Place | None = None
    statement: str = ""
    line: int | None = None

    @property
    def place_shown(self) -> Place | None:
        """Without its column, where a password before it that is not shown would make that point elsewhere."""
        if self.place and redact(self.statement) != self.statement:
            return Place(self.place.path, self.place.line)
        return self.place


def spot_of(message: Message, position: int | None, done: int, inside: tuple[str, int] | None = None) -> Spot:
    """What failed; empty where it is not in the file. `inside` is the body of a statement and a position in it."""
    script = message.script
    offset = message.offset_of(position) if position else None
    index = message.statement_at(done)
    if index is not None:
        return spot_within(script, script.statements[index], offset, inside)
    if offset is None:
        return Spot()
    # A syntax error is found before any statement of the message runs
    statement = next((each for each in script.statements if each.start <= offset <= each.end), None)
    return spot_in(script, statement, offset) if statement else Spot(script.place(offset))


def spot_within(script: Script, statement: Statement, offset: int | None, inside: tuple[str, int] | None) -> Spot:
    """The character `offset` of the script where it is in the statement, else one in its body, else its start."""
    if offset is not None and statement.start <= offset <= statement.end:
        return spot_in(script, statement, offset)
    body, position = inside or ("", 0)
    text = script.sql[statement.start : statement.end]
    # The server finds the body itself where the message has it once; the ledger entry in ours has it again
    found = statement.start + text.index(body) + position - 1 if text.count(body) == 1 else statement.start
    return spot_in(script, statement, found)


def spot_in(script: Script, statement: Statement, at: int) -> Spot:
    """The character `at` of `script`, in one of its statements."""
    return Spot(script.place(at), script.sql[statement.start : statement.end], script.place(statement.start).line)
