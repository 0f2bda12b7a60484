"""Data exchanged with GitHub: comments, check runs, deployments, suggested changes, changed files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from ...lazy import dataclass


class Level(StrEnum):
    """The level of an annotation."""

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
    """The workflow run that wrote a text. If two runs write at the same time, the text of the later run is kept."""

    run_id: int
    run_attempt: int
    started: datetime | None = field(default=None, compare=False)
    """When the run began to collect the text. A text written before this time is older, whatever its marker says."""


@dataclass(frozen=True)
class StickyComment:
    """The comment on a pull request that each run updates. `body` is Markdown, without the marker."""

    pull_request: int
    key: str
    """The subject, such as `plan`. Two tools or two workspaces in one repository have different subjects."""
    generation: Generation
    head_sha: str
    body: str
    recreate: bool = False
    """Whether an update posts a new comment and minimises the old comment. A new comment notifies people."""
    only_update: bool = False
    """Whether to update an existing comment only, and never to post a first comment."""


@dataclass(frozen=True)
class Published:
    """The texts that earlier runs published on a pull request."""

    plan: str = ""
    """The newest published plan as Markdown. Empty if no plan was published, or if the plan cannot be read."""
    memory: str = ""
    """The text that the newest record's run stored for later records."""
    open: bool | None = None
    """Whether the pull request is open. None if its state could not be read."""


@dataclass(frozen=True)
class Composed:
    """A record as Markdown, without the plan, and the text to store for later records."""

    body: str
    memory: str = ""


@dataclass(frozen=True)
class RecordComment:
    """The record of a closed pull request. It is written into the plan comment, above the plan."""

    pull_request: int
    key: str
    generation: Generation
    head_sha: str
    compose: Callable[[Published], Composed | None] = field(repr=False)
    """Returns the record, or None to write nothing. Called again if another run changes the comment in the meantime."""
    recreate: bool = False


CHECK = "ctgitops / plan"
"""The name of the check run for a plan."""


def name_in(workspace: str, name: str) -> str:
    """The name of a check run or status of one workspace. GitHub shows only the newest with a name on a commit.

    `workspace` is the folder. The name does not change if it is the top of the repository, which is empty.
    """
    return f"{name} ({workspace})" if workspace else name


def part_name(part: int, parts: int) -> str:
    """The name of the check run that stores a part of a plan's file record. Part 1 is in the plan's check run."""
    return CHECK if part == 1 else f"{CHECK}, files {part} of {parts}"


class Conclusion(StrEnum):
    """The conclusion of a check run."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"


@dataclass(frozen=True)
class Check:
    """A check run on a commit, with annotations."""

    name: str
    sha: str
    conclusion: Conclusion
    title: str
    summary: str
    annotations: tuple[Annotation, ...] = ()
    details_url: str = ""
    texts: tuple[str, ...] = ()
    """The record of the files that the plan showed, in parts. Each part after the first gets its own check run."""


class DeploymentState(StrEnum):
    """The state of a deployment."""

    QUEUED = "queued"
    """The plan waits for a window, a bake time or a predecessor."""
    IN_PROGRESS = "in_progress"
    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"
    """The run ended without a result."""
    INACTIVE = "inactive"
    """The environment no longer has the deployed version."""


@dataclass(frozen=True)
class OldDeployment:
    """An earlier deployment to an environment, with its newest state."""

    number: int
    state: str
    run_url: str = ""
    created_at: datetime | None = None
    sha: str = ""


@dataclass(frozen=True)
class Deployment:
    """A deployment to an environment."""

    environment: str
    sha: str
    """The SHA of a commit, 40 hexadecimal digits."""
    description: str
    production: bool = False


class CommitState(StrEnum):
    """The state of a commit status."""

    SUCCESS = "success"
    FAILURE = "failure"
    PENDING = "pending"


@dataclass(frozen=True)
class CommitStatus:
    """The status that GitHub shows on a commit for one context. A later status replaces an earlier status."""

    sha: str
    context: str
    state: CommitState
    description: str
    url: str = ""


@dataclass(frozen=True)
class PublishedRelease:
    """A published release. Drafts are left out."""

    tag: str
    prerelease: bool


@dataclass(frozen=True)
class WorkflowRun:
    """A run of a workflow for one branch or tag."""

    id: int
    sha: str
    url: str
    completed: bool
    succeeded: bool
    started_by_us: bool
    """Whether the account of this run's token started the run through the API (workflow_dispatch)."""


@dataclass(frozen=True)
class ChangedFile:
    """A file that a pull request changes, by its path in the repository."""

    path: str
    added: bool
    """Whether the base branch lacks a file with this name. False for a removed file."""
    patch: str = ""
    """The file's diff without a header. Empty if the diff is too long for GitHub's API."""


@dataclass(frozen=True)
class Suggestion:
    """Lines of a file, by its path in the repository, and their suggested replacement."""

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
    """A file of a commit, by its path in the repository. `blob` is the SHA of the file's content."""

    path: str
    blob: str
    size: int
    plain: bool
    """Whether the entry is a regular file. False for a symbolic link and for a submodule."""


@dataclass(frozen=True)
class Proposal:
    """The current state of a pull request, with the paths that it adds, changes, moves or removes."""

    number: int
    head_sha: str
    merged: bool
    paths: frozenset[str]
    closed: bool = False
    """Whether the pull request was closed, with or without a merge."""
    base: str = ""
    """The base branch, which the author chose."""


class Reaction(StrEnum):
    """The reaction to a comment with a command. It shows the comment's author the result of the command."""

    SEEN = "eyes"
    DONE = "rocket"
    FAILED = "confused"
    REFUSED = "-1"


@dataclass(frozen=True)
class OpenPullRequest:
    """Another open pull request, with the migrations that it adds."""

    number: int
    files: tuple[ChangedFile, ...]
