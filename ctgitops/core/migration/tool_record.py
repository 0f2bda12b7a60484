"""How the ledger of another tool refers to a migration file. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ToolRecord:
    """The values that a tool writes to its ledger when it applies a file."""

    key: str
    """The value that identifies the migration, such as a version, a name or a change ID."""
    checksums: tuple[str, ...] = ()
    """The checksum that the tool's current version writes, then checksums that it accepts or that old versions wrote.

    Empty if the tool records no checksum.
    """
    values: Mapping[str, str] = field(default_factory=dict)
    """More values, by the names that the tool's statements in `layouts/ledger_writes.py` use."""
    more: tuple[Mapping[str, str], ...] = ()
    """Values of additional rows, such as the dependencies and tags of a change of Sqitch."""

    @property
    def checksum(self) -> str:
        """The checksum that the tool's current version writes. Empty if the tool records none."""
        return self.checksums[0] if self.checksums else ""
