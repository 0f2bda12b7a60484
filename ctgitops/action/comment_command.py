"""Runs the command in a comment if the comment's author has write access. Reacts to the comment with the result.

`github/event.py` recognises the command in the comment. If a command has no effect, the Action posts a short answer.
The next answer replaces this answer. If a later command or plan makes the answer untrue, the Action deletes the answer.
"""

from __future__ import annotations

from collections.abc import Callable

from ..core.forge.event import Comment, Ignored
from ..core.forge.forge import Reaction
from ..errors import CtgitopsError, ForgeError, UsageError
from ..report.escape import code, prose
from .job import Job

WRITE = frozenset({"admin", "maintain", "write"})
COMMANDS = "`/ctgitops plan`, `/ctgitops apply ENVIRONMENT`, `/ctgitops unlock` and `/ctgitops unlock ENVIRONMENT`"


def run_comment_command(job: Job, comment: Comment, do: Callable[[], int]) -> int | Ignored:
    """Runs `do` if the comment's author has write access. Raises ForgeError if the author's access is unknown."""
    if refused := _refused(job, comment):
        _answer(job, comment, refused)
        _react(job, comment, Reaction.REFUSED)
        return refused
    _react(job, comment, Reaction.SEEN)
    ended = Reaction.FAILED
    try:
        _check_url(job, comment)
        status = do()
        ended = _told(job, comment, status)
    except CtgitopsError as error:
        job.answer(comment.pull_request, _short(error))
        raise
    finally:
        _react(job, comment, ended)
    return status


def _refused(job: Job, comment: Comment) -> Ignored | None:
    forge = job.github_writer.forge
    if forge is None:
        what = f"cannot check whether {comment.author} has write access: there is no GitHub token"
        raise ForgeError(what, hint="leave the input `github-token` at its default")
    # The event's author_association is not enough: a MEMBER may have only read access.
    if forge.permission_of(comment.author) not in WRITE:
        return Ignored(f"{comment.author} does not have write access to this repository")
    if comment.several:
        return Ignored("the comment has several commands; write a comment for each command")
    return Ignored(f"`{comment.unknown}` is not a command; the commands are {COMMANDS}") if comment.unknown else None


def _check_url(job: Job, comment: Comment) -> None:
    """Raises UsageError if this workflow does not have the URL of the environment's database."""
    for environment in job.wiring.environments:
        if environment.name == comment.environment and not job.has_url_of(environment):
            name, secret = environment.name, environment.url_secret
            raise UsageError(
                f"a comment cannot change {name}, because this workflow does not have {secret}",
                state="nothing was changed",
                hint=f"start the workflow that deploys to {name} by hand, such as deploy.yml",
            )


def _told(job: Job, comment: Comment, status: int) -> Reaction:
    """Answers a command without effect. For any other command, deletes an earlier answer. Returns the reaction."""
    if job.undone:
        _answer(job, comment, Ignored(job.undone[-1]))
        return Reaction.REFUSED
    if status:
        return Reaction.FAILED
    if comment.verb != "unlock":  # its answer is its result
        job.retract_answer(comment.pull_request)
    return Reaction.DONE


def _answer(job: Job, comment: Comment, why: Ignored) -> None:
    command = code(comment.unknown or f"/ctgitops {comment.verb} {comment.environment}".strip())
    job.answer(comment.pull_request, f"### ⚪ {command}: nothing was done\n\n{prose(why.why)}.\n")


def _short(error: CtgitopsError) -> str:
    parts = (
        f"### ⛔ {prose(error.what)}",
        prose(error.state),
        f"<b>Next</b>: {prose(error.hint)}" if error.hint else "",
    )
    return "\n\n".join(filter(None, parts)) + "\n"


def _react(job: Job, comment: Comment, reaction: Reaction) -> None:
    job.github_writer.react(comment.pull_request, comment.number, reaction)
