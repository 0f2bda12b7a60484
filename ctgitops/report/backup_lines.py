"""Renders the safeguards of a run for a terminal: its backup and its recovery point."""

from __future__ import annotations

from collections.abc import Iterable

from ..core.run.outcome import Outcome
from . import phrases
from .terminal_text import on_one_line

SHOWN = 6


def backup_lines(outcome: Outcome) -> Iterable[str]:
    """The backup, or that there is none, and the recovery point."""
    if receipt := outcome.receipt:
        proof = f"{phrases.size(receipt.bytes)}, {phrases.count(sum(receipt.rows.values()), 'row')}"
        yield from ("", f"  backup {receipt.id}: {proof}, restored once and compared, on {on_one_line(receipt.proof)}")
        yield f"  to restore it: `{receipt.restore_with}`"
        yield from (f"  note: {on_one_line(note)}" for note in receipt.remarks)
        yield from left_out_lines(receipt.left_out, "  not in the backup:")
    elif outcome.done:
        yield from ("", "  NO BACKUP was taken: the manifest of this environment does not require one")
    if outcome.recovery_point:
        yield from ("", f"  recovery point before the first step: {on_one_line(outcome.recovery_point.text)}")


def left_out_lines(lines: tuple[str, ...], *head: str) -> Iterable[str]:
    """What a backup leaves out, below `head`; nothing if there is nothing."""
    yield from head if lines else ()
    yield from (f"    {on_one_line(line)}" for line in lines[:SHOWN])
    if len(lines) > SHOWN:
        yield f"    and {len(lines) - SHOWN} more"
