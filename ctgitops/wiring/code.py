"""The code of the repository that a checkout belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..files.git import top_of

if TYPE_CHECKING:
    from ..core.trial.code_reference import Searched
    from ..sql.name_changes import Gone


@dataclass(frozen=True)
class RepositoryCode:
    """Implements `ports.code.Code`."""

    root: Path
    environ: Mapping[str, str] = field(repr=False)

    def mentions(self, those: tuple[Gone, ...]) -> Searched:
        """The places where the repository's code mentions these names."""
        from ..files.code_search import search_code

        return search_code(self.root, Path(self.environ.get("GITHUB_WORKSPACE") or top_of(self.root)), those)
