"""The last words of a cancelled run. GitHub's runner kills the run 10 seconds after the first signal.

The last words are added at the top of the comment, with three API calls and no retry. The next run replaces them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from ..core.forge.forge import StickyComment
from ..errors import CtgitopsError
from ..github.inputs import CommentMode
from ..report.escape import plain, prose
from ..report.links import address
from .job import Job

NOTHING = "this run changed nothing"
_AGAIN = "run the job again: it reads the ledger, and reports here what is applied"


@contextmanager
def last_words(
    job: Job, concerned: Callable[[], Iterable[int]], cut: Callable[[], tuple[str, str]], following: str
) -> Iterator[None]:
    """Handles an interrupt in the block: writes on the run's pull requests that the run was cancelled, and what to do.

    `cut` returns the cancelled part of the run, and the state of the database.
    """
    try:
        yield
    except KeyboardInterrupt:
        what, state = cut()
        page = _words(job, f"Cancelled: {what}", state, following)
        job.runner.summarise(page)
        say(job, concerned(), page)
        raise


def say_stopped(job: Job, concerned: Iterable[int], whose: str, error: CtgitopsError) -> None:
    """Writes on each pull request of a cancelled run that the run was cancelled, and what to do next."""
    following = _AGAIN if "`ctgitops " in error.hint else error.hint  # GitHub has no input for that command
    say(job, concerned, _words(job, f"Cancelled: {whose}: {error.what}", error.state, following))


def say(job: Job, concerned: Iterable[int], body: str) -> None:
    """Adds a text at the top of the comments of pull requests, one after the other, until a time limit."""
    if job.github_writer.forge is None or job.inputs.comment is CommentMode.OFF:
        return
    for pull_request in concerned:
        job.github_writer.last_words(StickyComment(pull_request, job.key("plan"), job.generation, "", body))


def _words(job: Job, title: str, state: str, following: str) -> str:
    parts = [f"### ⛔ {plain(title)}"]
    parts += [f"<b>State of the database</b>: {prose(state)}"] if state else []
    parts += [f"<b>Next</b>: {prose(following)}"] if following else []
    url = address(job.wiring.origin.run_url)
    parts += [f"<sub>[the cancelled run]({url}) · the text below is older</sub>"] if url else []
    return "\n\n".join(parts) + "\n"
