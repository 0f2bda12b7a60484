"""Renders finished backups, drills and removals of retention as JSON. `schemas/backup-*.schema.json` describe it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ..core.backup.drill import Drill, DrillResult, FailedDrill
from .backups import NOT_KEPT
from .json import Object, dump, error_data

if TYPE_CHECKING:
    from ..core.backup.listing import BackupListing
    from ..core.backup.retention import Pruned
    from ..core.backup.stored_backup import StoredBackup
    from ..core.receipt import Receipt


def list_json(listings: tuple[BackupListing, ...]) -> str:
    """The backups of all environments."""
    return dump({"environments": [_listing(each) for each in listings]})


def _listing(listing: BackupListing) -> Object:
    if listing.error:
        return {"environment": listing.environment, "error": error_data(listing.error)}
    if listing.by:
        return {"environment": listing.environment, "by": listing.by}
    return {
        "environment": listing.environment,
        "to": listing.to,
        "ledger_error": listing.unread or None,
        "backups": [_backup(each, listing) for each in listing.backups],
    }


def _backup(backup: StoredBackup, listing: BackupListing) -> Object:
    found: Object = {"id": backup.id, "location": backup.location, "unreadable": backup.unreadable or None}
    if backup.unreadable:
        return found
    after = listing.after(backup)
    return {
        **found,
        "database": backup.database,
        "server_version": backup.server_version,
        "taken_at": _moment(backup.taken_at),
        "age_seconds": round((listing.now - backup.taken_at).total_seconds()),
        "bytes": backup.bytes,
        "tables": backup.tables,
        "rows": backup.rows,
        "whole": backup.whole,
        "encrypted": backup.encrypted,
        "exported": list(backup.exported),
        "proof": backup.proof,
        "stored_proof": backup.stored_proof or None,
        "drills": [_drill(each) for each in backup.drills],
        "migrations_after": None if after is None else list(after),
    }


def pruned_json(pruned: Pruned) -> str:
    """The backups that were or would be removed, and those that stay, each with the reason."""
    fields = {
        "environment": pruned.environment,
        "dry_run": pruned.dry_run,
        "refused": pruned.refused or None,
        "backups": [
            {
                "id": each.backup.id,
                "location": each.backup.location,
                "taken_at": None if each.backup.unreadable else _moment(each.backup.taken_at),
                "removed": not each.stays,
                "reason": each.stays or NOT_KEPT,
            }
            for each in pruned.decisions
        ],
        "leftovers": list(pruned.leftovers),
    }
    return dump(fields)


def verified_json(receipt: Receipt, unchecked: tuple[str, ...]) -> str:
    """The result of comparing the files of a backup with its receipt. A difference is an error, not a result."""
    files = receipt.stored or receipt.saved_files
    fields = {
        "id": receipt.id,
        "environment": receipt.environment,
        "files": len(files),
        "bytes": sum(each.bytes for each in files.values()),
        "unchecked": list(unchecked),
    }
    return dump(fields)


def drills_json(results: tuple[DrillResult, ...]) -> str:
    """The result of the restore drill in each environment."""
    return dump({"environments": [_result(each) for each in results]})


def _result(result: DrillResult) -> Object:
    if isinstance(result, FailedDrill):
        return {"environment": result.environment, "passed": False, "error": error_data(result.error)}
    return {"environment": result.environment, "passed": True, "drill": _drill(result.drill)}


def _drill(drill: Drill) -> Object:
    return {
        "backup": drill.backup,
        "began_at": _moment(drill.began_at),
        "download_seconds": round(drill.download_seconds, 3),
        "restore_seconds": round(drill.restore_seconds, 3),
        "seconds": round(drill.seconds, 3),
        "place": drill.place,
        "failed": drill.failed or None,
        "by": drill.by or None,
    }


def _moment(moment: datetime) -> str:
    return moment.isoformat()
