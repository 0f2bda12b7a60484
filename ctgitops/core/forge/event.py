"""The GitHub events that the Action handles: pull request, push, tag, release, schedule, manual run, comment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PullRequest:
    """A pull request was opened or changed."""

    number: int
    head_sha: str
    base_sha: str
    actor: str
    outside: str = ""
    """Why it gets no secrets, such as that it comes from a fork; empty where it does."""


@dataclass(frozen=True)
class PullRequestClosed:
    """A pull request was merged or closed."""

    number: int
    head_sha: str
    merged: bool


@dataclass(frozen=True)
class MergeGroup:
    """A merge queue asks for checks of the commit that it made of several pull requests."""

    sha: str
    base_sha: str = ""


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
    """The commit that it points to, peeled."""
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
    """A scheduled run; GitHub runs it on the default branch."""


@dataclass(frozen=True)
class Dispatch:
    """A user started the workflow manually, on a branch or a tag."""

    ref: str
    default_branch: str
    inputs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Comment:
    """A comment `/ctgitops VERB ENVIRONMENT` on a pull request; the permission of its author is yet to be checked."""

    pull_request: int
    verb: str
    environment: str
    author: str
    number: int
    """The comment's ID."""
    merged: bool
    default_branch: str


@dataclass(frozen=True)
class OutsideRun:
    """A run for a pull request without access to secrets has ended; this run, on the default branch, has access."""

    head_sha: str
    head_branch: str
    head_owner: str
    head_repository: int


Event = (
    PullRequest | PullRequestClosed | MergeGroup | Push | TagPush | Release | Schedule | Dispatch | Comment | OutsideRun
)


@dataclass(frozen=True)
class Ignored:
    """The event needs no action, with the reason."""

    why: str


@dataclass(frozen=True)
class Refused:
    """The event may not trigger the action that it asks for, with the reason."""

    why: str
    hint: str = ""
