"""Port to the repository's code that uses the database."""

from __future__ import annotations

from typing import Protocol

from ..core.trial.code_reference import Searched
from ..sql.name_changes import Gone


class Code(Protocol):
    """What uses the database, as far as it stands in the same repository."""

    def mentions(self, those: tuple[Gone, ...]) -> Searched:
        """Where it mentions these names. Read-only."""
