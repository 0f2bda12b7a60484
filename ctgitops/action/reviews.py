"""Finds conflicts with other open pull requests, and posts suggested changes."""

from __future__ import annotations

from ..core.ask import Planning
from ..core.clash import clashes
from ..core.forge import ChangedFile, Review
from ..core.migration import Migration
from ..core.problem import Problem
from ..core.suggest import suggestions
from ..github.inputs import CommentMode
from .job import Job


def clashes_of(
    job: Job, ask: Planning, files: tuple[ChangedFile, ...], ours: tuple[Migration, ...]
) -> tuple[Problem, ...]:
    """What other open pull requests want too."""
    if ask.pull_request is None or not any(file.added for file in files):
        return ()
    return clashes(ours, files, job.teller.other_open(ask.pull_request))


def suggest(job: Job, ask: Planning, problems: tuple[Problem, ...], files: tuple[ChangedFile, ...]) -> None:
    """Suggests fixes on the lines that the pull request adds, unless the workflow wants no comments."""
    if ask.pull_request is None or job.inputs.comment is CommentMode.OFF:
        return
    found = suggestions(problems, files, job.wiring.origin.folder)
    if found:
        job.teller.suggest(Review(ask.pull_request, ask.sha, found))
