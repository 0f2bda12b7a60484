"""The last words of a run that is cancelled: GitHub's runner kills it 10 seconds after the first signal.

They go above what the comment says, with three calls of GitHub's API and no retry. The next run replaces them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..core.forge.forge import StickyComment
from ..errors import CtgitopsError
from ..github.inputs import CommentMode
from ..report.escape import plain, prose
from ..report.links import address
from .job import Job

_NOTHING = "this run had changed nothing there"


@contextmanager
def last_words(job: Job, pull_request: Callable[[], int | None], what: str, following: str) -> Iterator[None]:
    """If the block is interrupted, says on the pull request that `what` was cancelled, and what follows."""
    try:
        yield
    except KeyboardInterrupt:
        title = f"Cancelled: {what}"
        job.runner.summarise(_words(job, title, _NOTHING, following))
        say(job, pull_request(), _words(job, title, _NOTHING, following))
        raise


def say_stopped(job: Job, pull_request: int | None, whose: str, error: CtgitopsError) -> None:
    """Says on the pull request where an apply was stopped, and how to go on."""
    say(job, pull_request, _words(job, f"Cancelled: {whose}: {error.what}", error.state, error.hint))


def say(job: Job, pull_request: int | None, body: str) -> None:
    """Writes last words on a pull request, unless there is none or the workflow disables comments."""
    if pull_request is not None and job.inputs.comment is not CommentMode.OFF:
        job.github_writer.last_words(StickyComment(pull_request, job.key("plan"), job.generation, "", body))


def _words(job: Job, title: str, state: str, following: str) -> str:
    parts = [f"### ⛔ {plain(title)}"]
    parts += [f"<b>State of the database</b>: {prose(state)}"] if state else []
    parts += [f"<b>Next</b>: {prose(following)}"] if following else []
    url = address(job.wiring.origin.run_url)
    parts += [f"<sub>[the cancelled run]({url}) · what follows was written before it</sub>"] if url else []
    return "\n\n".join(parts) + "\n"
