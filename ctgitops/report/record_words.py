"""The marks and the words for the states of environments in a record."""

from __future__ import annotations

from ..core.view.pull_request_record import READY, Stage
from .record_steps import APPROVAL

MARKS = {
    Stage.APPLIED: "✅",
    Stage.WAITING: "⏳",
    Stage.FAILED: "⛔",
    Stage.UNFINISHED: "⛔",
    Stage.ROLLED_BACK: "↩️",
    Stage.UNREADABLE: "⛔",
    Stage.BLOCKED: "⛔",
    Stage.CANCELLED: "⛔",
    Stage.TAKEN_BACK: "↩️",
    Stage.DIFFERS: "⛔",
    Stage.FLAGGED: "🚩",
    Stage.REMOVED: "⚪",
}
SAID = {
    Stage.WAITING: "{} waits for {}",
    Stage.FAILED: "{} FAILED",
    Stage.UNFINISHED: "{} is UNFINISHED",
    Stage.ROLLED_BACK: "Rolled back on {}",
    Stage.TAKEN_BACK: "{} FAILED, and the run rolled back what it had applied",
    Stage.CANCELLED: "{} was CANCELLED",
    Stage.UNREADABLE: "{} CANNOT BE READ",
    Stage.BLOCKED: "{} is BLOCKED, nothing was changed",
    Stage.DIFFERS: "{} DIFFERS FROM THE PREDICTION",
    Stage.FLAGGED: "{} WAITS FOR A FLAG",
    Stage.REMOVED: "{} does not apply the migration: its file was removed",
}
HELD = {
    "window": " for its window",
    "freeze": " for the end of a freeze",
    "bake": " for its bake time",
    "after": " for {}",
    READY: " for its next run",
    "fingerprint": " for an approval of its new plan",
    APPROVAL: " for an approval of its plan",
    "reviewed": " for a review",
}
"""Maps the gates of a wait to what the environment waits for."""
