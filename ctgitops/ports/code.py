"""Port to the repository's code that uses the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..core.trial.code_reference import Searched
    from ..sql.name_changes import SearchedName


class Code(Protocol):
    """The code in the same repository that uses the database."""

    def mentions(self, those: tuple[SearchedName, ...]) -> Searched:
        """The lines of code that refer to the names in `those`. Read-only."""
