"""Reads schemas by name. If an environment and a file have the same name, reads the environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..core.schema.snapshot import Snapshot, snapshot_from
from ..errors import UsageError
from ..lazy import dataclass
from ..ports.backup_store import RECEIPT

if TYPE_CHECKING:
    from ..core.run.progress import Listener
    from ..core.schema.source_database import SourceDatabase
    from ..core.workspace.workspace import Workspace
    from .backups import StoredBackups
    from .databases import PostgresDatabases


@dataclass(frozen=True)
class NamedSchemas:
    """Implements `ports.schemas.Schemas`."""

    workspace: Workspace
    databases: PostgresDatabases
    backups: StoredBackups
    tell: Listener

    def named(self, name: str) -> Snapshot:
        """The schema of an environment, a snapshot file or a backup. Raises CtgitopsError."""
        environment = self.workspace.environment(name)
        if environment is not None:
            return self.databases.of(environment).snapshot()
        path = Path(name)
        if path.name == RECEIPT:  # a path or a URL
            return self.backups.schema(name, self.tell)
        if (path / RECEIPT).is_file():
            return self.backups.schema(str(path / RECEIPT), self.tell)
        return snapshot_from(self._text(path, name), name)

    def server_objects(self, name: str) -> Snapshot | None:
        """The roles and settings of an environment's database. None for a file or a backup. Raises CtgitopsError."""
        environment = self.workspace.environment(name)
        return self.databases.of(environment).server_objects() if environment else None

    def original(self, name: str) -> SourceDatabase:
        """The description of an environment's database, from which a copy is made. Raises CtgitopsError."""
        return self.databases.of(self.databases.environment(name)).original()

    def _text(self, path: Path, name: str) -> str:
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            names = ", ".join(e.name for e in self.workspace.environments) or "none"
            hint = f"use an environment ({names}), `migrations`, a snapshot file or a backup's receipt.json"
            what = f"`{name}` is not an environment or a readable file"
            raise UsageError(what, hint=hint) from None
