"""Copies the exported files of a finished backup to a folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..core.receipt import EXPORT, Receipt
from ..errors import UsageError
from .restore import Saved
from .store import refuse_if_changed

NOTHING = "nothing was written"


def save_export(saved: Saved, folder: Path) -> Receipt:
    """Compares the exported files with the receipt, and writes them to a new folder. Raises UsageError, BackupError."""
    receipt, exported = saved.receipt, saved.folder / EXPORT
    if not receipt.exported:
        hint = "add `backup.export` to the manifest for later backups; `--table` restores the rows of a table"
        raise UsageError(f"{receipt.id} has no exported tables", state=NOTHING, hint=hint)
    refuse_if_changed(receipt.exported_files, exported, saved.location)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
        for name in receipt.exported_files:
            shutil.copyfile(exported / name, folder / name)
    except FileExistsError:
        raise UsageError(f"{folder} already exists", state=NOTHING, hint="name a new folder") from None
    except OSError as error:
        what = f"cannot write to {error.filename or folder}: {error.strerror}"
        raise UsageError(what, hint=f"free disk space or correct the permissions, then remove {folder}") from None
    return receipt
