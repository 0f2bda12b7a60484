"""Port to schemas that a person can name: an environment, a snapshot file or a backup."""

from __future__ import annotations

from typing import Protocol

from ..core.schema.snapshot import Snapshot
from ..core.workspace.workspace import Workspace


class Schemas(Protocol):
    """Schemas that a person can name."""

    @property
    def workspace(self) -> Workspace:
        """The checkout's migrations, manifests and policy."""

    def named(self, name: str) -> Snapshot:
        """The schema of an environment, of a snapshot file, or of a backup by its receipt. Raises CtgitopsError."""
