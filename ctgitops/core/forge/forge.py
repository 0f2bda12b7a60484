"""Data exchanged with GitHub: comments, check runs, deployments, review suggestions, changed files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How loud an annotation is."""

    NOTICE = "notice"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Annotation:
    """A remark on a line of a file. Lines and columns count from 1."""

    path: str
    line: int
    level: Level
    title: str
    message: str
    column: int | None = None


@dataclass(frozen=True, order=True)
class Generation:
    """Which run wrote something; a later one is never overwritten by an earlier one."""

    run_id: int
    run_attempt: int


@dataclass(frozen=True)
class StickyComment:
    """The one comment of a pull request that stays current. `body` is Markdown, without the marker."""

    pull_request: int
    key: str
    """What it is about, so that two tools or two workspaces in one repository keep apart: `plan`."""
    generation: Generation
    head_sha: str
    body: str
    anew: bool = False
    """Whether what is new is a new comment, which people are notified of, and the old one is folded away."""


CHECK = "ctgitops / plan"
"""The name of the check run with a plan."""


class Conclusion(StrEnum):
    """How a check ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"


@dataclass(frozen=True)
class Check:
    """A check run on a commit, with remarks on its lines."""

    name: str
    sha: str
    conclusion: Conclusion
    title: str
    summary: str
    annotations: tuple[Annotation, ...] = ()
    details_url: str = ""
    text: str = ""
    """More of it, below the summary: the record of what was shown."""


class DeploymentState(StrEnum):
    """Where a deployment stands."""

    IN_PROGRESS = "in_progress"
    SUCCESS = "success"
    FAILURE = "failure"


@dataclass(frozen=True)
class Deployment:
    """What an environment is being brought to."""

    environment: str
    sha: str
    """Forty hex digits."""
    description: str
    production: bool = False


@dataclass(frozen=True)
class ChangedFile:
    """A file of a pull request, by its path in the repository."""

    path: str
    added: bool
    """Whether its base branch has no file of that name."""
    patch: str = ""
    """What changes in it, a diff without a head; empty where GitHub finds it too long."""


@dataclass(frozen=True)
class Suggestion:
    """Lines of a file, by its path in the repository, and what could stand there instead."""

    path: str
    first: int
    last: int
    old: tuple[str, ...]
    instead: tuple[str, ...]
    what: str
    hint: str = ""


@dataclass(frozen=True)
class Review:
    """Suggestions on the lines that a pull request adds."""

    pull_request: int
    sha: str
    suggestions: tuple[Suggestion, ...]


@dataclass(frozen=True)
class TreeFile:
    """A file of a commit, by its path in the repository; its text is the blob's."""

    path: str
    blob: str
    size: int
    plain: bool
    """Whether it is a file, and no link and no other repository."""


@dataclass(frozen=True)
class Proposal:
    """A pull request as GitHub has it now, and the paths that it adds, changes, moves or removes."""

    number: int
    head_sha: str
    merged: bool
    paths: frozenset[str]


class Reaction(StrEnum):
    """What a comment that asked for something gets, so that its author sees what came of it."""

    SEEN = "eyes"
    DONE = "rocket"
    FAILED = "confused"
    REFUSED = "-1"


@dataclass(frozen=True)
class OpenPullRequest:
    """Another open pull request and the migrations it adds."""

    number: int
    files: tuple[ChangedFile, ...]
