"""The migrations and seed files that this process has applied, for the final message of a run that is asked to stop."""

from __future__ import annotations

from ..core.run.progress import Progress, SeedFinished, StepFinished

NAMES: list[str] = []
"""Migrations and seed files that were reported as done, in order; a process is one run."""


def note(progress: Progress) -> None:
    """A listener that records what is done."""
    if isinstance(progress, StepFinished):
        NAMES.append(progress.step.name)
    elif isinstance(progress, SeedFinished):
        NAMES.append(progress.name)
