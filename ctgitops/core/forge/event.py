"""The GitHub events that the Action handles: pull request, push, tag, release, schedule, manual run, comment."""

from __future__ import annotations

from ...lazy import dataclass


@dataclass(frozen=True)
class PullRequest:
    """A pull request was opened or updated."""

    number: int
    head_sha: str
    base_sha: str
    actor: str
    outside: str = ""
    """Why the run gets no secrets. For example, the pull request is from a fork. Empty if the run gets secrets."""
    instead: str = ""
    """The default branch, if the pull request's author chose another base branch. Otherwise empty."""


@dataclass(frozen=True)
class PullRequestClosed:
    """A pull request was merged or closed."""

    number: int
    head_sha: str
    merged: bool


@dataclass(frozen=True)
class MergeGroup:
    """A merge queue requests checks of a commit that the queue created from several pull requests."""

    sha: str
    base_sha: str = ""
    instead: str = ""
    """The default branch, if the queue merges into another branch. Otherwise empty."""


@dataclass(frozen=True)
class Push:
    """Commits were pushed to a branch."""

    branch: str
    sha: str
    default_branch: str
    actor: str


@dataclass(frozen=True)
class TagPush:
    """A tag was created or moved."""

    tag: str
    sha: str
    """The commit that the tag points to, directly or through annotated tags."""
    default_branch: str
    moved: bool = False


@dataclass(frozen=True)
class Release:
    """A release of a tag was published."""

    tag: str
    prerelease: bool
    actor: str
    default_branch: str = "main"


@dataclass(frozen=True)
class Schedule:
    """A scheduled run. GitHub starts a scheduled run on the default branch."""


@dataclass(frozen=True)
class Dispatch:
    """A user started the workflow manually (workflow_dispatch) on a branch or a tag."""

    ref: str
    default_branch: str
    inputs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Comment:
    """A comment `/ctgitops VERB ENVIRONMENT` on a pull request. Its author's permission is not checked yet."""

    pull_request: int
    verb: str
    environment: str
    author: str
    number: int
    """The comment's ID."""
    merged: bool
    default_branch: str
    unknown: str = ""
    """The first line of a comment that looks like a command but is not one. `verb` is then empty."""
    closed: bool = False
    """Whether the pull request is closed without being merged."""
    several: bool = False
    """Whether the comment has more than one command. None of them is run."""


@dataclass(frozen=True)
class OutsideRun:
    """A pull request's run without secrets has ended. The current run, on the default branch, has secrets."""

    head_sha: str
    head_branch: str
    head_owner: str
    head_repository: int
    default_branch: str = ""


Event = (
    PullRequest | PullRequestClosed | MergeGroup | Push | TagPush | Release | Schedule | Dispatch | Comment | OutsideRun
)


@dataclass(frozen=True)
class Ignored:
    """The event requires no action. `why` is the reason."""

    why: str


@dataclass(frozen=True)
class Refused:
    """The event requests an action that it may not trigger. `why` is the reason."""

    why: str
    hint: str = ""
