"""Listeners of a run's progress: one that passes each event on to all, for the command line and the Action alike."""

from __future__ import annotations

from ..core.run.progress import Listener, Progress
from .applied import note


def listeners(*more: Listener) -> Listener:
    """A listener that passes each event to those that every run has, then to `more`, in order."""
    every = (note, *more)

    def pass_on(progress: Progress) -> None:
        for listener in every:
            listener(progress)

    return pass_on
