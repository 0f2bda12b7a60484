"""Verifies that the checked-out commit is merged, before any database is changed."""

from __future__ import annotations

from ..core.forge.intent import Provenance
from ..errors import ForgeError, MustWaitError, WorkspaceError
from ..ports.forge import Forge
from .job import Job

_UNCHANGED = "nothing was changed"
_CHECK_OUT = "check out the default branch with actions/checkout before this step"


def prove(job: Job, provenance: Provenance) -> None:
    """Checks that a tag points to this commit, and that the branch contains it. Raises MustWaitError, ForgeError."""
    if not (provenance.tag or provenance.checkout):
        return
    forge = job.github_writer.forge
    if forge is None:
        of_what = f"the tag {provenance.tag}" if provenance.tag else "the checked-out commit"
        what = f"cannot check whether {of_what} is on {provenance.branch}: there is no GitHub token"
        raise ForgeError(what, hint="leave the input `github-token` at its default; it needs `contents: read`")
    if provenance.tag:
        _tag(job, provenance, forge)
    if provenance.checkout:
        _pull_request(provenance, forge)
        _checkout(job, provenance, forge)


def _tag(job: Job, provenance: Provenance, forge: Forge) -> None:
    commit, here = forge.commit_of_tag(provenance.tag), job.wiring.origin.commit_sha
    if not commit or {commit} != {here, provenance.sha or here}:
        what = f"the tag {provenance.tag} points to {commit[:7]}, but this run is for {here[:7]}: the tag was moved"
        raise MustWaitError(what, state=_UNCHANGED, hint="create a new tag: a moved tag is not accepted")
    if not forge.is_on(provenance.branch, commit):
        what = f"the commit of the tag {provenance.tag} is not on {provenance.branch}"
        raise MustWaitError(
            what, state=_UNCHANGED, hint=f"merge it into {provenance.branch}, then tag the merged commit"
        )


def _pull_request(provenance: Provenance, forge: Forge) -> None:
    """Checks that the pull request was merged into the default branch. Its author can choose another base branch."""
    if provenance.pull_request is not None and (base := forge.base_of(provenance.pull_request)) != provenance.branch:
        what = f"pull request {provenance.pull_request} was merged into {base}, not into {provenance.branch}"
        raise MustWaitError(what, state=_UNCHANGED, hint=f"merge {base} into {provenance.branch} first")


def _checkout(job: Job, provenance: Provenance, forge: Forge) -> None:
    """Checks that the checked-out commit is merged. A workflow for a comment may have checked out the pull request."""
    try:
        commit = job.wiring.checked_out
    except WorkspaceError as error:
        raise ForgeError(error.what, state=_UNCHANGED, hint=_CHECK_OUT) from None
    if not commit:
        raise ForgeError("no commit is checked out", state=_UNCHANGED, hint=_CHECK_OUT)
    if not forge.is_on(provenance.branch, commit):
        what = f"the checked-out commit {commit[:7]} is not on {provenance.branch}"
        raise MustWaitError(what, state=_UNCHANGED, hint=f"check out {provenance.branch} with actions/checkout")


def check_manifests(job: Job) -> None:
    """Checks that all manifests are readable. An unreadable manifest may name an event that would be ignored."""
    known = {environment.path for environment in job.wiring.workspace.environments}
    for problem in job.wiring.workspace.read_problems:
        place = problem.place
        if problem.blocks and place and place.path.startswith("environments/") and place.path not in known:
            raise WorkspaceError(problem.what, place=place, state="nothing was applied", hint=problem.hint)
