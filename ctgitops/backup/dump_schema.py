"""Reads the schema of a backup, by restoring it on a throw-away server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..core.run.progress import Listener
from ..core.schema.snapshot import Snapshot
from ..postgres.catalog.schema_snapshot import take_snapshot
from ..postgres.server.local_server import LocalServer
from ..postgres.server.programs import server_for
from ..postgres.server.scratch_database import create_roles, roles_in
from .proof import RESTORE_SETTINGS
from .restore import restore_from
from .store import DUMP, ROLES, read_receipt


def schema_of_backup(receipt_path: Path, tell: Listener) -> Snapshot:
    """Restores a whole backup on a local throw-away server and reads its schema. Raises BackupError, UsageError."""
    receipt = read_receipt(receipt_path)
    roles = receipt_path.parent / DUMP / ROLES
    programs = server_for(int(receipt.server_version.split(".", maxsplit=1)[0]))
    with LocalServer(programs, settings=RESTORE_SETTINGS) as server:
        address = server.create_database("backup")
        create_roles(address, roles_in(roles.read_text(encoding="utf-8")) if roles.exists() else ())
        restore_from(receipt_path, address, tell)
        taken = take_snapshot(address)
        return replace(taken, about=replace(taken.about, database=receipt.database))
