"""What this process has applied until now, for the last words of a run that is asked to stop."""

from __future__ import annotations

from ..core.run.progress import Listener, Progress, SeedFinished, StepFinished

NAMES: list[str] = []
"""Migrations and seed files that were reported as done, in order; a process is one run."""


def noting(tell: Listener) -> Listener:
    """`tell`, after whatever is done was noted."""

    def noted(progress: Progress) -> None:
        if isinstance(progress, StepFinished):
            NAMES.append(progress.step.name)
        elif isinstance(progress, SeedFinished):
            NAMES.append(progress.name)
        tell(progress)

    return noted
