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
    """A pull request came to its end."""

    number: int
    head_sha: str
    merged: bool


@dataclass(frozen=True)
class MergeGroup:
    """A merge queue asks whether what it made of several pull requests is sound."""

    sha: str
    base_sha: str = ""


@dataclass(frozen=True)
class Push:
    """Commits came to a branch."""

    branch: str
    sha: str
    default_branch: str
    actor: str


@dataclass(frozen=True)
class TagPush:
    """A tag was made, or moved."""

    tag: str
    sha: str
    """The commit it names, peeled."""
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
    """The clock says so; GitHub runs it on the default branch."""


@dataclass(frozen=True)
class Dispatch:
    """Somebody started the workflow by hand, on a branch or a tag."""

    ref: str
    default_branch: str
    inputs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Comment:
    """Somebody said `/ctgitops VERB ENVIRONMENT` on a pull request; whether they may is to be asked."""

    pull_request: int
    verb: str
    environment: str
    author: str
    number: int
    """The comment's own."""
    merged: bool
    default_branch: str


@dataclass(frozen=True)
class OutsideRun:
    """A run for a pull request that got no secrets has ended; this one, on the default branch, has them."""

    head_sha: str
    head_branch: str
    head_owner: str
    head_repository: int


Event = (
    PullRequest | PullRequestClosed | MergeGroup | Push | TagPush | Release | Schedule | Dispatch | Comment | OutsideRun
)


@dataclass(frozen=True)
class Ignored:
    """The event asks for nothing, and why."""

    why: str


@dataclass(frozen=True)
class Refused:
    """The event may not ask for what it asks for, and why."""

    why: str
    hint: str = ""
