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


def completed() -> str:
    """The migrations and seed files that this run completed, as a sentence. Empty if there are none."""
    if not NAMES:
        return ""
    return f"this run completed {NAMES[0] if len(NAMES) == 1 else f'{NAMES[0]} to {NAMES[-1]} ({len(NAMES)} in total)'}"
