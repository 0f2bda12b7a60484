"""A temporary folder for files of a backup that are not encrypted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from ..postgres.connection.uninterrupted_cleanup import uninterrupted_cleanup
from ..postgres.server.watchdog import Watchdog


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A new folder for the duration of a block. Removes it in any case, even if SIGKILL ends this process."""
    folder = Path(mkdtemp(prefix="ctgitops-backup-"))
    with Watchdog(folder):
        try:
            yield folder
        finally:
            with uninterrupted_cleanup():
                shutil.rmtree(folder, ignore_errors=True)
