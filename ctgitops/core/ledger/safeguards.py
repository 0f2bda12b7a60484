"""The safeguards of a run: a backup and a recovery point. Ledger entries record both."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ...lazy import dataclass

if TYPE_CHECKING:
    from ..receipt import Receipt
    from ..recovery_point import RecoveryPoint


@dataclass(frozen=True)
class Safeguards:
    """The backup and the recovery point that a run makes before its first step."""

    receipt: Receipt | None = None
    """The backup's receipt. None if the manifest requires no backup."""
    point: RecoveryPoint | None = None

    def summary(self) -> str | None:
        """The JSON text of an entry's column `receipt`. None if there is nothing to record."""
        found = json.loads(self.receipt.summary()) if self.receipt else {}
        if self.point:
            found["recovery_point"] = self.point.to_data()
        return json.dumps(found, sort_keys=True) if found else None
