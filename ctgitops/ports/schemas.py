"""Port to the schemas of environments, snapshot files and backups, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..core.schema.snapshot import Snapshot
    from ..core.schema.source_database import SourceDatabase
    from ..core.workspace.workspace import Workspace


class Schemas(Protocol):
    """Reads schemas. Each schema is identified by a name."""

    @property
    def workspace(self) -> Workspace:
        """The checkout's migrations, manifests and policy."""

    def named(self, name: str) -> Snapshot:
        """The schema of an environment, of a snapshot file, or of a receipt's backup. Raises CtgitopsError."""

    def server_objects(self, name: str) -> Snapshot | None:
        """The roles and settings of an environment's database. None for a file or a backup. Raises CtgitopsError."""

    def original(self, name: str) -> SourceDatabase:
        """The description of an environment's database, from which a copy is made. Raises CtgitopsError."""
