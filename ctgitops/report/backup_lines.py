"""Renders the safeguards of a run for a terminal: its backup and its recovery point."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..core.environment.backup_extent import BackupExtent
from . import phrases
from .terminal_text import on_one_line

if TYPE_CHECKING:
    from ..core.receipt import Receipt
    from ..core.run.outcome import Outcome
    from ..core.view.preview import Preview

SHOWN = 6


def backup_lines(outcome: Outcome) -> Iterable[str]:
    """The lines about the backup, or about its absence, and about the recovery point."""
    if receipt := outcome.receipt:
        yield from ("", f"  backup {receipt.id}: {on_one_line(proved(receipt))}")
        yield f"  to restore it: `{on_one_line(receipt.restore_with)}`"
        yield from (f"  note: {on_one_line(note)}" for note in receipt.remarks)
        yield from left_out_lines(receipt.left_out, "  not in the backup:")
    elif outcome.done:
        yield from ("", "  NO BACKUP was taken: the manifest of this environment does not require one")
    if outcome.recovery_point:
        yield from ("", f"  recovery point before the first step: {on_one_line(outcome.recovery_point.text)}")


def proved(receipt: Receipt) -> str:
    """What the backup contains, and how it was verified. ctgitops does not restore a provider's backup."""
    if receipt.by != "pg_dump":
        at = f"{phrases.moment(receipt.finished_at)}{f', LSN {receipt.lsn}' if receipt.lsn else ''}"
        return f"of {at}, taken by {receipt.by}, not restored by ctgitops; verification: {receipt.proof}"
    size, rows = phrases.size(receipt.bytes), phrases.count(sum(receipt.rows.values()), "row")
    return f"{size}, {rows}, restored once and compared, on {receipt.proof}"


def extent_lines(preview: Preview) -> Iterable[str]:
    """Lists what a plan's backup leaves out. Also lists what the backup saves, unless it saves the whole database."""
    extent = preview.extent
    if extent and extent != BackupExtent():
        yield from ("", f"  the backup saves {on_one_line(extent.saved.rstrip(','))}")
    left_out = (*(extent.not_saved if extent else ()), *preview.not_in_backup)
    yield from left_out_lines(left_out, "", "  not included in the backup:")


def left_out_lines(lines: tuple[str, ...], *head: str) -> Iterable[str]:
    """Lists what a backup leaves out, below the line `head`. Empty if the backup is complete."""
    yield from head if lines else ()
    yield from (f"    {on_one_line(line)}" for line in lines[:SHOWN])
    if len(lines) > SHOWN:
        yield f"    and {len(lines) - SHOWN} more"
