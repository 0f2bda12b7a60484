"""The outcome of a run: its status, what it applied or rolled back, and its warnings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..gate.data_loss import CountedLoss
from ..gate.gate import Reason
from ..plan.plan import Plan
from ..receipt import Receipt
from ..schema.prediction import PredictionMismatch


class Status(StrEnum):
    """The end of a run that did not fail."""

    UP_TO_DATE = "up-to-date"
    APPLIED = "applied"
    ROLLED_BACK = "rolled-back"
    WAITING = "waiting"
    BLOCKED = "blocked"
    ONLY_SHOWN = "only-shown"
    """Somebody asked what would be done, and that it is not done."""


@dataclass(frozen=True)
class Done:
    """One migration or seed file that the run carried out."""

    name: str
    millis: int


@dataclass(frozen=True)
class SessionLeak:
    """What a migration left in its session; it was cleaned away, and reached neither the next one nor the ledger."""

    migration: str
    what: str

    @property
    def told(self) -> str:
        """`left in its session: setting search_path; what to do`."""
        return f"left in its session: {self.what}; nothing of it reached what came after, so SET LOCAL would do"


@dataclass(frozen=True)
class Outcome:
    """What a run found and did."""

    plan: Plan
    status: Status
    done: tuple[Done, ...] = ()
    reasons: tuple[Reason, ...] = ()
    receipt: Receipt | None = None
    losses: tuple[CountedLoss, ...] = ()
    """What a rollback destroys of the data."""
    left: tuple[SessionLeak, ...] = ()
    """Warnings: what migrations left in their session."""

    unkept: PredictionMismatch | None = None
    """How the schema is not what was predicted; None where it is, or nobody predicted."""

    unpredicted: str = ""
    """Why nobody could say what the schema would be, where that was asked; empty where somebody could."""

    next_command: str = ""
    """What carries out a rollback that was only shown; empty for every other outcome."""

    @property
    def exit_status(self) -> int:
        """0 done or nothing to do · 1 not as predicted · 3 workspace · 4 ledger and files disagree · 5 must wait."""
        match self.status:
            case Status.WAITING:
                return 5
            case Status.BLOCKED:
                return 4 if self.plan.concern == "ledger" else 3
            case Status.UP_TO_DATE | Status.APPLIED | Status.ROLLED_BACK | Status.ONLY_SHOWN:
                return 1 if self.unkept else 0
