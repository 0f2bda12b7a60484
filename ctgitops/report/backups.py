"""Renders finished backups, restore drills, and the removals of retention, as text and Markdown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..core.backup.drill import DrillResult, FailedDrill
from .escape import code, fence, plain
from .phrases import count, millis, size
from .terminal_text import indented, on_one_line, table
from .text_error import error_text

if TYPE_CHECKING:
    from ..core.backup.listing import BackupListing
    from ..core.backup.retention import Pruned
    from ..core.backup.stored_backup import StoredBackup
    from ..core.receipt import Receipt

NOT_KEPT = "no key of `backup.keep` keeps it"


def list_text(listings: tuple[BackupListing, ...], within: int | None = None) -> str:
    """The backups of all environments. `within` is the width of the terminal."""
    return "\n\n".join("\n".join(_listing(each, within)) for each in listings) + "\n"


def _listing(listing: BackupListing, within: int | None) -> list[str]:
    if listing.error:
        return [
            f"{listing.environment}: NOT READ, so its backups are not known",
            *indented(error_text(listing.error).rstrip("\n"), 2),
        ]
    if listing.by:
        return [f"{listing.environment}: {listing.by} takes and keeps the backups, so ctgitops does not know them"]
    newest = next((each for each in listing.backups if not each.unreadable), None)
    age = f", the newest {ago(listing.now - newest.taken_at)} old" if newest else ""
    lines = [f"{listing.environment}: {count(len(listing.backups), 'backup')} in {on_one_line(listing.to)}{age}"]
    if listing.unread:
        lines.append(f"  the migrations applied after each backup are unknown: {on_one_line(listing.unread)}")
    if not listing.backups:
        return lines
    head = ("backup", "age", "size", "rows", "restored on", "last drill", "migrations after it")
    return [*lines, *table([head, *(_row(each, listing) for each in listing.backups)], within=within)]


def _row(backup: StoredBackup, listing: BackupListing) -> tuple[str, ...]:
    if backup.unreadable:
        return (backup.id, "", "", "", f"CANNOT BE READ: {backup.unreadable}", "", "")
    after = listing.after(backup)
    came = "not known" if after is None else ", ".join(after) or "none"
    age = ago(listing.now - backup.taken_at)
    rows = f"{backup.rows:,}" if backup.whole else f"{backup.rows:,}, PARTIAL: only of {count(backup.tables, 'table')}"
    rows += f", {count(len(backup.exported), 'table')} exported" if backup.exported else ""
    return backup.id, age, size(backup.bytes), rows, backup.proof, _drilled(backup, listing.now), came


def _drilled(backup: StoredBackup, now: datetime) -> str:
    if not backup.drills:
        return "never"
    last = backup.drills[-1]
    age = f"{ago(now - last.began_at)} ago"
    return f"FAILED {age}: {last.failed}" if last.failed else f"{age}, in {_seconds(last.seconds)}"


def pruned_text(pruned: Pruned, within: int | None = None) -> str:
    """The backups that were or would be removed, and those that stay, each with the reason."""
    total, goes = len(pruned.decisions), len(pruned.goes)
    verb = "would remove" if pruned.dry_run else "removed"
    head = f"{pruned.environment}: {verb} {goes or 'none'} of {count(total, 'backup')}"
    if pruned.refused:
        head = f"{pruned.environment}: not everything was removed: {on_one_line(pruned.refused)}"
    rows = [
        ("keep" if each.stays else "remove", each.backup.id, _taken(each.backup), each.stays or NOT_KEPT)
        for each in pruned.decisions
    ]
    rows += [("remove", location, "", "an interrupted run left it") for location in pruned.leftovers]
    return "\n".join([head, *(table(rows, within=within) if rows else ())]) + "\n"


def _taken(backup: StoredBackup) -> str:
    return "" if backup.unreadable else f"{backup.taken_at.astimezone(UTC):%Y-%m-%d %H:%M}"


def verified_text(receipt: Receipt, unchecked: tuple[str, ...]) -> str:
    """The result of comparing the files of a backup with its receipt."""
    files = receipt.stored or receipt.saved_files
    total = size(sum(each.bytes for each in files.values()))
    lines = [f"{receipt.id}: {count(len(files), 'file')}, {total}, match the receipt by size and SHA-256"]
    lines += [f"  not checked: {on_one_line(each)}" for each in unchecked]
    return "\n".join([*lines, "  not restored: `ctgitops backup drill` restores the newest backup"]) + "\n"


def drills_text(results: tuple[DrillResult, ...]) -> str:
    """The result of the restore drill in each environment."""
    return "\n".join(_drill_text(each) for each in results) + "\n"


def _drill_text(result: DrillResult) -> str:
    if isinstance(result, FailedDrill):
        failed = f"{result.environment}: DRILL FAILED, so its newest backup is not proved"
        return "\n".join([failed, *indented(error_text(result.error).rstrip("\n"), 2)])
    drill = result.drill
    if drill.by:
        return (
            f"{result.environment}: {drill.by} reports that it restored {on_one_line(drill.backup)}; not compared by "
            f"ctgitops\n  time to recover: {_seconds(drill.seconds)}\n  {on_one_line(drill.place)}"
        )
    return (
        f"{result.environment}: {drill.backup} was restored and matches its receipt\n"
        f"  time to recover: {_seconds(drill.seconds)}, of which download {_seconds(drill.download_seconds)} "
        f"and restore {_seconds(drill.restore_seconds)}\n"
        f"  on {on_one_line(drill.place)}"
    )


def drills_markdown(results: tuple[DrillResult, ...]) -> str:
    """The result of the restore drill in each environment, for a summary."""
    return "\n\n".join(_drill_markdown(each) for each in results) + "\n"


def _drill_markdown(result: DrillResult) -> str:
    name = plain(result.environment)
    if isinstance(result, FailedDrill):
        title = f"### ⛔ {name}: the drill failed, so its newest backup is not proved"
        return f"{title}\n\n{fence(error_text(result.error), 'text')}"
    drill = result.drill
    if drill.by:
        title = f"### ❓ {name}: {drill.by} reports that it restored its newest backup in {_seconds(drill.seconds)}"
        return f"{title}\n\n- {code(drill.backup)}: {plain(drill.place)}\n- not compared by ctgitops"
    return (
        f"### ✅ {name}: its newest backup was restored in {_seconds(drill.seconds)}\n\n"
        f"- {code(drill.backup)} matches its receipt: row counts, critical tables and schema\n"
        f"- download {_seconds(drill.download_seconds)}, restore {_seconds(drill.restore_seconds)}, "
        f"on {plain(drill.place)}"
    )


def ago(age: timedelta) -> str:
    """An age as text, such as `5 min`, `7 h` or `12 d`. Shows a negative age as zero."""
    seconds = max(int(age.total_seconds()), 0)
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def _seconds(seconds: float) -> str:
    return millis(round(seconds * 1000))
