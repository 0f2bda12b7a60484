"""Resumes a migration that runs outside a transaction: finds the completed statements and the next statement. Pure."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ...sql.parse import SqlSyntaxError

if TYPE_CHECKING:
    from ...sql.script import Script


class Kind(StrEnum):
    """What a row of the ledger's `progress` table describes."""

    STATEMENT = "statement"
    BATCH = "batch"


class ProgressState(StrEnum):
    """The state of the statement or batch when its row was written."""

    BEGUN = "begun"
    DONE = "done"
    HEALED = "healed"
    UNDONE = "undone"


@dataclass(frozen=True)
class ProgressRow:
    """A row of `progress` for an unfinished migration: one statement, or all batches of one run."""

    entry: int
    """The ID of the `started` entry of the run that wrote the row."""
    number: int
    kind: Kind
    reached: ProgressState
    position: int
    """The statement's position in the file, counted from 1."""
    statement_hash: str
    started_at: datetime | None = None
    finished_at: datetime | None = None
    rows: int = 0
    batches: int = 0
    note: str = ""
    backend: int = 0
    alive: bool = False
    """Whether the server process that ran the statement still exists."""


@dataclass(frozen=True)
class Resumption:
    """The position at which a run resumes a migration that an earlier run did not complete."""

    done: int = 0
    """The number of completed statements at the start of the file. The run skips these statements."""
    begun: ProgressRow | None = None
    """The row of the next statement, if an earlier run began it and its result is unknown. Otherwise None."""
    ahead: tuple[int, ...] = ()
    """The positions of completed statements after the next statement, which ran at the same time. Also skipped."""
    begun_ahead: tuple[ProgressRow, ...] = ()
    """The rows of statements after the next statement that an earlier run began, and whose results are unknown."""
    changed: int = 0
    """The position of a completed statement that was edited in the file. 0 without such a statement."""
    rows: int = 0
    batches: int = 0
    since: datetime | None = None
    """When the first statement began."""
    alive: bool = False

    @property
    def position(self) -> int:
        """The position of the next statement, counted from 1."""
        return self.done + 1

    @property
    def all_begun(self) -> tuple[ProgressRow, ...]:
        """The rows of all statements that an earlier run began, and whose results are unknown, in file order."""
        return (*([self.begun] if self.begun else []), *self.begun_ahead)


def resumption(script: Script, traces: tuple[ProgressRow, ...]) -> Resumption:
    """Finds where `script` resumes, from its progress rows, oldest first. Skips only completed, unchanged statements.

    The user may edit the failed statement and later statements. A failed statement that is done must not be edited.
    """
    done, left = _done(traces)
    count = next(n for n in range(len(done) + 1) if n + 1 not in done)
    hashes = [script.hash_of(statement) for statement in script.statements]
    changed = next((n for n in sorted(done) if n > len(hashes) or hashes[n - 1] != done[n].statement_hash), 0)
    batches = tuple(t for t in traces if t.kind is Kind.BATCH)
    begun = {t.position: t for t in left if t.reached is ProgressState.BEGUN and t.position not in done}
    return Resumption(
        done=count,
        begun=begun.pop(count + 1, None),
        ahead=tuple(n for n in sorted(done) if n > count),
        begun_ahead=tuple(begun[n] for n in sorted(begun)),
        changed=changed,
        rows=sum(t.rows for t in batches),
        batches=sum(t.batches for t in batches),
        since=min((t.started_at for t in traces if t.started_at), default=None),
        alive=any(t.alive for t in traces),
    )


def _done(traces: tuple[ProgressRow, ...]) -> tuple[dict[int, ProgressRow], list[ProgressRow]]:
    """The completed statements by position, and all statement rows. Leaves out those that a repair marked not done."""
    left: list[ProgressRow] = []
    for trace in traces:
        if trace.reached is ProgressState.UNDONE:
            left = [t for t in left if t.position != trace.position]
        elif trace.kind is Kind.STATEMENT:
            left.append(trace)
    return {t.position: t for t in left if t.reached is ProgressState.DONE}, left


def resumption_of(script: Script, traces: tuple[ProgressRow, ...]) -> Resumption | None:
    """Like `resumption`, but None without progress rows and for invalid SQL. Another problem reports invalid SQL."""
    try:
        return resumption(script, traces) if traces else None
    except SqlSyntaxError:
        return None


def how_far(at: Resumption, of: int) -> str:
    """Text such as `2 of 5 statements are done; the next run continues with statement 3`."""
    if at.batches and not at.done:
        since = f" since {at.since:%Y-%m-%d %H:%M} UTC" if at.since else ""
        return f"{at.rows:,} rows in {at.batches:,} batches are done{since}; the next run continues"
    if of == 1 and not at.done:
        return "the only statement is not done; the next run continues with that statement"
    count = at.done + len(at.ahead)
    done = f"{count} of {of} statements {'is' if count == 1 else 'are'} done"
    if at.ahead:
        done += f" (also {', '.join(map(str, at.ahead))}, which ran at the same time)"
    next_one = f"statement {at.position}" if at.done < of else "the verify queries and the ledger entry"
    return f"{done}; the next run continues with {next_one}"
