"""Runs a command from a comment if its author has write access, and reacts to the comment with the result.

`github/event.py` recognises the command in the comment.
"""

from __future__ import annotations

from collections.abc import Callable

from ..core.forge.event import Comment, Ignored
from ..core.forge.forge import Reaction
from ..errors import CtgitopsError, ForgeError
from .job import Job, error_markdown

WRITE = frozenset({"admin", "maintain", "write"})


def run_comment_command(job: Job, comment: Comment, do: Callable[[], int]) -> int | Ignored:
    """Runs `do` if the comment's author has write access. Raises ForgeError if the access cannot be determined."""
    forge = job.github_writer.forge
    if forge is None:
        what = f"cannot check whether {comment.author} has write access: there is no GitHub token"
        raise ForgeError(what, hint="leave the input `github-token` at its default")
    # The event's author_association is not enough: a MEMBER may have only read access.
    if forge.permission_of(comment.author) not in WRITE:
        _react(job, comment, Reaction.REFUSED)
        return Ignored(f"{comment.author} does not have write access to this repository")
    _react(job, comment, Reaction.SEEN)
    ended = Reaction.FAILED
    try:
        status = do()
        ended = Reaction.FAILED if status else Reaction.DONE
    except CtgitopsError as error:
        job.answer(comment.pull_request, error_markdown(error))
        raise
    finally:
        _react(job, comment, ended)
    return status


def _react(job: Job, comment: Comment, reaction: Reaction) -> None:
    job.github_writer.react(comment.pull_request, comment.number, reaction)
