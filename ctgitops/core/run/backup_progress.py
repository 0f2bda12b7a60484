"""The progress events of backups and of recovery points."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from ...lazy import dataclass

if TYPE_CHECKING:
    from ..receipt import Receipt
    from ..recovery_point import RecoveryPoint


class BackupPhase(StrEnum):
    """The two parts of a backup."""

    BACKUP = "backup"
    PROOF = "proof"
    """The dump is restored and compared."""


@dataclass(frozen=True)
class BackupAdvanced:
    """The backup begins its next phase: dump, count, restore or compare."""

    what: str
    phase: BackupPhase = BackupPhase.BACKUP


@dataclass(frozen=True)
class Measure:
    """The progress of a dump or restore at one moment."""

    doing: str
    """`dumping`, `restoring`, `storing`, `downloading` or `reading`."""
    unit: str
    """The unit of `done`: `rows`, or a kind of bytes, such as `written` or `downloaded`."""
    done: int
    percent: int | None
    """The approximate progress in percent of the tables' size or rows. None if unknown. Below 100 until the end."""
    tables: tuple[int, int] | None = None
    """The number of tables that have received rows so far, and the number of all tables with rows."""
    left: int | None = None
    """The number of rows or bytes that are left. For a dump, bytes of the tables. None if the number is unknown."""


@dataclass(frozen=True)
class BackupMeasured:
    """The progress of a dump, a restore or a transfer was measured."""

    measure: Measure
    rate: float
    """Bytes or rows per second since the dump, restore or transfer began."""
    milestone: bool
    """Whether another 10 % is done since the last such event. A log shows only these events."""


@dataclass(frozen=True)
class BackupTaken:
    """The backup was taken, restored and compared."""

    receipt: Receipt


@dataclass(frozen=True)
class RecoveryPointTaken:
    """The position in the WAL before the first step is known."""

    point: RecoveryPoint
