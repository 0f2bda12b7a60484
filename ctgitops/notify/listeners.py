"""The listeners of every run, on the command line and in the Action."""

from __future__ import annotations

from ..core.run.progress import Listener, Progress, SeedFinished, StepFinished
from .telemetry import current


def listeners(*more: Listener) -> Listener:
    """Returns a listener that passes each event to the listeners of every run, then to `more`, then to the trace."""
    every = (note, *more)

    def pass_on(progress: Progress) -> None:
        for listener in (*every, *current().listeners):
            listener(progress)

    return pass_on


NAMES: list[str] = []
"""Names of the completed migrations and seed files, in order. Global, because a process executes one run."""


def note(progress: Progress) -> None:
    """A listener that adds the names of completed migrations and seed files to NAMES."""
    if isinstance(progress, StepFinished):
        NAMES.append(progress.step.name)
    elif isinstance(progress, SeedFinished):
        NAMES.append(progress.name)
