"""Port to the forge, such as GitHub, where plans are reviewed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..core.forge.environment_issue import EnvironmentIssue
    from ..core.forge.event import OutsideRun
    from ..core.forge.forge import (
        ChangedFile,
        Check,
        CommitStatus,
        Deployment,
        DeploymentState,
        OldDeployment,
        OpenPullRequest,
        Proposal,
        PublishedRelease,
        Reaction,
        RecordComment,
        Review,
        StickyComment,
        TreeFile,
        WorkflowRun,
    )
    from ..core.forge.live_check import LiveCheck
    from ..core.gate.review import ShownFile


class Forge(Protocol):
    """The forge where plans are reviewed. If the token lacks a permission, a warning says so, and the run continues."""

    def comment(self, comment: StickyComment) -> str | None:
        """Creates or updates the comment with the same key. Returns its URL. None if a newer run wrote the comment."""

    def last_words(self, comment: StickyComment) -> None:
        """Adds text at the top of the comment with the same key, or creates the comment. Never retries a call."""

    def retract(self, pull_request: int, key: str) -> None:
        """Deletes the comments of this account with the given key."""

    def approvers(self, pull_request: int) -> tuple[str, ...] | None:
        """The users whose last review approved a pull request. None if the token may not read reviews."""

    def record(self, record: RecordComment) -> str | None:
        """Writes the record above the published plan. Returns its URL, or None if the record was not written."""

    def check(self, check: Check) -> None:
        """Reports a check run with all its annotations."""

    def live_check(self, check: LiveCheck) -> int | None:
        """Creates or updates a check run without annotations. Returns its ID. None if the token may not write it."""

    def keep_issue(self, issue: EnvironmentIssue, *, needed: bool) -> None:
        """Creates, updates, closes or reopens an issue. Reports a missing permission only if `needed` is true."""

    def suggest(self, review: Review) -> int:
        """Adds suggestions that do not exist yet for the same text. Returns the number of added suggestions."""

    def deploy(self, deployment: Deployment) -> int | None:
        """Creates a deployment. Returns its number, or None if the token lacks the permission."""

    def deployed(self, number: int, state: DeploymentState, description: str, url: str) -> None:
        """Sets the state of a deployment."""

    def deployments_to(self, environment: str) -> tuple[OldDeployment, ...]:
        """The latest deployments that ctgitops created for an environment, newest first."""

    def brought_by(self, paths: tuple[str, ...], at: str, before: int | None = None) -> dict[str, int]:
        """Maps each path at commit `at` to the number of the merged pull request that last changed the file.

        With `before`, ignores this pull request and all later changes.
        """

    def pull_request_of(self, sha: str) -> int | None:
        """The number of the pull request whose merge added a commit to the default branch. None if there is none."""

    def is_on(self, branch: str, sha: str) -> bool:
        """Whether a commit is an ancestor of a branch's tip, or the tip itself."""

    def tip_of(self, branch: str) -> str:
        """The newest commit of a branch. Raises ForgeError."""

    def base_of(self, number: int) -> str:
        """The branch that the pull request `number` is merged into. Raises ForgeError."""

    def releases(self) -> Iterator[PublishedRelease]:
        """The published releases, newest first. Raises ForgeError."""

    def runs_of(self, workflow: str, ref: str) -> tuple[WorkflowRun, ...]:
        """The latest runs of a workflow file for a branch or tag, newest first. Raises ForgeError."""

    def start(self, workflow: str, ref: str, inputs: Mapping[str, str]) -> None:
        """Starts a workflow file for a branch or tag (workflow_dispatch). Raises ForgeError."""

    def status(self, status: CommitStatus) -> None:
        """Sets a status of a commit."""

    def commit_of_tag(self, tag: str) -> str:
        """The commit that a tag points to, also through annotated tags. Raises ForgeError if there is no such tag."""

    def seen(self, files: tuple[ShownFile, ...], at: str) -> frozenset[str]:
        """The digests of files in the plans of merged pull requests.

        Stops reading when each file in `files` has a digest. The file must have the content of commit `at`. Raises
        ForgeError if the token lacks the permission.
        """

    def permission_of(self, login: str) -> str:
        """The permission of a user: `admin`, `write`, `read` or `none`. Raises ForgeError."""

    def react(self, pull_request: int, comment: int, reaction: Reaction) -> None:
        """Adds a reaction to a comment."""

    def tree(self, sha: str, folder: str) -> tuple[TreeFile, ...]:
        """All files of a commit below a folder. Empty if the folder does not exist. Raises ForgeError."""

    def blob(self, sha: str) -> bytes:
        """The content of the blob `sha`. Raises ForgeError."""

    def proposal(self, number: int) -> Proposal:
        """The pull request `number`, and the paths that it changes. Raises ForgeError."""

    def proposed_by(self, run: OutsideRun) -> int | None:
        """The number of the open pull request whose head commit `run` checked, or None. Raises ForgeError."""

    def files_of(self, number: int) -> tuple[ChangedFile, ...] | None:
        """The files that a pull request adds or changes. None if the token lacks the permission."""

    def other_open(self, than: int) -> tuple[OpenPullRequest, ...] | None:
        """The open pull requests that add migrations, except `than`, with the files that each one adds.

        None if the token lacks the permission.
        """
