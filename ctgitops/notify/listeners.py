"""Listeners of a run's progress: those that every run has, on the command line and in the Action alike."""

from __future__ import annotations

from ..core.run.progress import Listener, Progress, SeedFinished, StepFinished


def listeners(*more: Listener) -> Listener:
    """A listener that passes each event to those that every run has, then to `more`, in order."""
    every = (note, *more)

    def pass_on(progress: Progress) -> None:
        for listener in every:
            listener(progress)

    return pass_on


NAMES: list[str] = []
"""Migrations and seed files that were reported as done, in order; a process is one run."""


def note(progress: Progress) -> None:
    """A listener that records what is done."""
    if isinstance(progress, StepFinished):
        NAMES.append(progress.step.name)
    elif isinstance(progress, SeedFinished):
        NAMES.append(progress.name)
