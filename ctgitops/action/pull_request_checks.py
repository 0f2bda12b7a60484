"""Reads facts about pull requests from GitHub: reviewed files, suggested changes, conflicts between them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ..core.environment.environment import Reviewed
from ..core.forge.conflict import clashes
from ..core.forge.forge import ChangedFile, Review
from ..core.forge.intent import Planning
from ..core.forge.suggest import suggestions
from ..core.gate.request import Request
from ..core.gate.review import Reviews, all_files_of, files_of
from ..core.plan.plan import make_plan
from ..core.problem import Problem
from ..core.workspace.numbering import BaseBranch
from ..core.workspace.workspace import Workspace
from ..errors import CtgitopsError
from ..github.inputs import CommentMode
from .job import Job

MOST_FILES = 3000
"""The maximum number of files that GitHub lists for a pull request."""

_UNREAD = Problem(
    "open-pull-requests-unread",
    "open pull requests were not read, so it is not known whether one has a migration with the same number",
    hint="see the warnings in the log, then run the job again",
    blocks=False,
)


def clashes_of(job: Job, ask: Planning, files: tuple[ChangedFile, ...], workspace: Workspace) -> tuple[Problem, ...]:
    """Conflicts with migrations of other open pull requests, or a warning that these were not read."""
    writer, named = job.github_writer, partial(job.wiring.migrations_among, workspace.policy.layout)
    if ask.pull_request is None or writer.forge is None:
        return ()
    if ask.pull_request in writer.unread:
        return (_UNREAD,)
    if not named(file.path for file in files if file.added):
        return ()
    others = writer.other_open(ask.pull_request)
    if others is None:
        return (_UNREAD,)
    return clashes(workspace.migrations, files, others, named, workspace.policy)


def untouched(files: tuple[ChangedFile, ...], folder: str, workspace: Workspace) -> bool:
    """Whether GitHub confirms that a pull request changes no migration, seed file or manifest."""
    seeds = (name for environment in workspace.environments for name in environment.seeds)
    inside = tuple(
        folder if name == "." else f"{folder}{name.strip('/')}/"
        for name in (*workspace.policy.layout.folders, "environments", *seeds)
    )
    return 0 < len(files) < MOST_FILES and not any(file.path.startswith(inside) for file in files)


def merged_before(workspace: Workspace, files: tuple[ChangedFile, ...], folder: str) -> Workspace:
    """The workspace, in which the base branch's migrations are marked. The pull request adds all other migrations."""
    if not files or not workspace.contested:
        return workspace
    added = {file.path.removeprefix(folder) for file in files if file.added}
    had = [m for m in workspace.migrations if m.path not in added]
    versions = tuple(m.version for m in had if m.version)
    base = BaseBranch("the base branch", frozenset(m.number for m in had), frozenset(m.name for m in had), versions)
    return replace(workspace, git=replace(workspace.git, base=base))


def suggest(job: Job, ask: Planning, problems: tuple[Problem, ...], files: tuple[ChangedFile, ...]) -> None:
    """Posts suggestions on lines that the pull request adds. If the workflow disables comments, posts nothing."""
    if ask.pull_request is None or job.inputs.comment is CommentMode.OFF:
        return
    found = suggestions(problems, files, job.wiring.origin.folder)
    if found:
        job.github_writer.suggest(Review(ask.pull_request, ask.sha, found))


def with_reviews(job: Job, request: Request) -> Request:
    """Adds the reviewed files to the request. Queries GitHub only if the environment has `reviewed`."""
    if request.environment.reviewed is Reviewed.OFF:
        return request
    return replace(request, reviews=_reviews(job, request))


def shown_now(request: Request) -> Request:
    """Marks all files of the request as reviewed, because this plan shows the files before the merge."""
    files = all_files_of(request.workspace, request.origin.folder)
    return replace(request, reviews=Reviews(frozenset(file.digest for file in files)))


def _reviews(job: Job, request: Request) -> Reviews:
    if job.github_writer.forge is None:
        return Reviews(unknown="there is no GitHub token")
    try:
        ledger = job.wiring.databases.of(request.environment).ledger()
        files = files_of(
            make_plan(request.workspace, request.environment, ledger, request.target), request.origin.folder
        )
        return Reviews(job.github_writer.forge.seen(files, request.origin.commit_sha) if files else frozenset())
    except CtgitopsError as error:
        return Reviews(unknown=error.what, hint=error.hint)
