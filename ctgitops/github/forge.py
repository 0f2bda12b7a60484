"""Implements the port `Forge` for GitHub. Reports a missing permission once, and continues the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

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
from . import checks, deployments, issues, lookups, proposals, workflows
from . import review as reviews
from .access import Access, RetryPolicy
from .comment import Sticky

if TYPE_CHECKING:
    from .client import Client

_COMMENT = "pull-requests: write"
_CHECK = "checks: write"
_ISSUES = "issues: write"
_DEPLOY = "deployments: write"
_PULLS = "pull-requests: read"
_CONTENTS = "contents: read"
_START = "actions: write"
_STATUS = "statuses: write"
_RECORDS = "{checks: read, contents: read, pull-requests: read}"


class GitHubForge:
    """A repository on GitHub. The first instance imports PyGithub."""

    def __init__(
        self,
        access: Access,
        warn: Callable[[str], None],
        *,
        folder: str = "migrations",
        workspace: str = "",
        patience: RetryPolicy | None = None,
    ) -> None:
        from .client import Client  # noqa: PLC0415 - PyGithub takes longer to import than all of ctgitops

        self._client: Client = Client(access, patience or RetryPolicy(), warn, workspace)
        self._sticky = Sticky(self._client)
        self._folder = folder.rstrip("/")

    def close(self) -> None:
        """Closes the connections to GitHub."""
        self._client.github.close()

    def comment(self, comment: StickyComment) -> str | None:
        """Creates or updates the comment with this key. Returns the comment's URL, or None if nothing was written."""
        return self._client.may(
            f"comment on pull request {comment.pull_request}", _COMMENT, lambda: self._sticky.write(comment)
        )

    def last_words(self, comment: StickyComment) -> None:
        """Adds a text at the top of the comment with this key, or creates the comment. Few API calls, no retries."""
        self._client.hurry()
        doing = f"comment on pull request {comment.pull_request}"
        self._client.may(doing, _COMMENT, lambda: self._sticky.last_words(comment))

    def retract(self, pull_request: int, key: str) -> None:
        """Deletes the comments with the key `key` that this account wrote."""
        doing = f"delete a comment on pull request {pull_request}"
        self._client.may(doing, _COMMENT, lambda: self._sticky.retract(pull_request, key))

    def approvers(self, pull_request: int) -> tuple[str, ...] | None:
        """The users whose last review approved a pull request. None if the token lacks the permission."""
        doing = f"read the reviews of pull request {pull_request}"
        return self._client.may(doing, _COMMENT, lambda: lookups.approvers(self._client, pull_request))

    def record(self, record: RecordComment) -> str | None:
        """Writes the record above the plan. Returns the comment's URL, or None if nothing was written."""
        return self._client.may(
            f"comment on pull request {record.pull_request}", _COMMENT, lambda: self._sticky.record(record)
        )

    def check(self, check: Check) -> None:
        """Reports a check run with all its annotations."""
        self._client.may(f"create the check run {check.name}", _CHECK, lambda: checks.report(self._client, check))

    def live_check(self, check: LiveCheck) -> int | None:
        """Creates or updates the check run of an unfinished run. Returns its ID. None without the permission."""
        return self._client.may(f"write the check run {check.name}", _CHECK, lambda: checks.follow(self._client, check))

    def keep_issue(self, issue: EnvironmentIssue, *, needed: bool) -> None:
        """Creates, updates, closes or reopens the issue about an environment."""
        if needed:
            self._client.may("write the issue about the environment", _ISSUES, lambda: issues.keep(self._client, issue))
        else:
            self._client.perhaps(lambda: issues.keep(self._client, issue))

    def suggest(self, review: Review) -> int:
        """Posts suggestions that were not posted before. Returns their number."""
        where = f"suggest fixes on pull request {review.pull_request}"
        return self._client.may(where, _COMMENT, lambda: reviews.suggest(self._client, review)) or 0

    def deploy(self, deployment: Deployment) -> int | None:
        """Creates a deployment. Returns its ID, or None if the token lacks the permission."""
        return self._client.may(
            f"create a deployment to {deployment.environment}",
            _DEPLOY,
            lambda: deployments.begin(self._client, deployment),
        )

    def deployed(self, number: int, state: DeploymentState, description: str, url: str) -> None:
        """Sets the state of a deployment."""
        self._client.may(
            f"update the status of deployment {number}",
            _DEPLOY,
            lambda: deployments.tell(self._client, number, state, description, url),
        )

    def deployments_to(self, environment: str) -> tuple[OldDeployment, ...]:
        """The newest deployments to an environment, among those that ctgitops created. The newest is first."""
        return (
            self._client.may(
                f"list the deployments to {environment}",
                _DEPLOY,
                lambda: deployments.newest(self._client, environment),
            )
            or ()
        )

    def brought_by(self, paths: tuple[str, ...], at: str, before: int | None = None) -> dict[str, int]:
        """Maps each path to the merged pull request that last changed the file. Ignores the pull request `before`.

        Empty if the token lacks the permission.
        """
        doing = "find the pull requests of files"
        return self._client.may(doing, _COMMENT, lambda: lookups.brought(self._client, paths, at, before)) or {}

    def pull_request_of(self, sha: str) -> int | None:
        """The pull request that merged a commit into the default branch. None without such a pull request."""
        return self._client.may(
            f"find the pull request of {sha[:7]}", _COMMENT, lambda: lookups.pull_request_of(self._client, sha)
        )

    def is_on(self, branch: str, sha: str) -> bool:
        """Whether a commit is the tip of a branch, or an ancestor of the tip."""
        return self._client.must(
            f"compare {sha[:7]} with the branch {branch}", _CONTENTS, lambda: lookups.is_on(self._client, branch, sha)
        )

    def tip_of(self, branch: str) -> str:
        """The newest commit of a branch. Raises ForgeError."""
        return self._client.must(
            f"read the branch {branch}", _CONTENTS, lambda: self._client.repository.get_branch(branch).commit.sha
        )

    def base_of(self, number: int) -> str:
        """The branch into which a pull request is merged. Raises ForgeError."""
        return self._client.must(
            f"read pull request {number}", _PULLS, lambda: self._client.repository.get_pull(number).base.ref
        )

    def releases(self) -> Iterator[PublishedRelease]:
        """The published releases, newest first. Raises ForgeError."""
        return iter(self._client.must("list the releases", _CONTENTS, lambda: workflows.releases(self._client)))

    def runs_of(self, workflow: str, ref: str) -> tuple[WorkflowRun, ...]:
        """The latest runs of a workflow for a branch or tag, newest first. Raises ForgeError."""
        return self._client.must(
            f"list the runs of {workflow}", _START, lambda: workflows.runs_of(self._client, workflow, ref)
        )

    def start(self, workflow: str, ref: str, inputs: Mapping[str, str]) -> None:
        """Starts a workflow for a branch or tag. Raises ForgeError."""
        self._client.must(
            f"start {workflow} on {ref}", _START, lambda: workflows.start(self._client, workflow, ref, inputs)
        )

    def status(self, status: CommitStatus) -> None:
        """Sets a status of a commit."""
        self._client.may(f"set the status {status.context}", _STATUS, lambda: deployments.mark(self._client, status))

    def commit_of_tag(self, tag: str) -> str:
        """The commit to which a tag points, also through other tags. Raises ForgeError if the tag does not exist."""
        return self._client.must(f"read the tag {tag}", _CONTENTS, lambda: lookups.commit_of_tag(self._client, tag))

    def seen(self, files: tuple[ShownFile, ...], at: str) -> frozenset[str]:
        """The digests of those `files` that a merged pull request showed in its plan. Raises ForgeError."""
        return self._client.must(
            "read the plans of merged pull requests",
            _RECORDS,
            lambda: lookups.seen(self._client, files, at),
        )

    def permission_of(self, login: str) -> str:
        """A user's permission on the repository. Raises ForgeError."""
        return self._client.must(
            f"read the permissions of {login}",
            "metadata: read",
            lambda: self._client.repository.get_collaborator_permission(login),
        )

    def react(self, pull_request: int, comment: int, reaction: Reaction) -> None:
        """Adds a reaction to a comment."""
        issue = self._client.repository.get_issue(pull_request)
        self._client.may(
            "add a reaction to the comment",
            _COMMENT,
            lambda: issue.get_comment(comment).create_reaction(reaction.value),
        )

    def tree(self, sha: str, folder: str) -> tuple[TreeFile, ...]:
        """All files of a commit below a folder. Raises ForgeError."""
        return self._client.must(
            f"list {folder} of {sha[:7]}", _CONTENTS, lambda: proposals.tree(self._client, sha, folder)
        )

    def blob(self, sha: str) -> bytes:
        """The content of a blob, which is one file of a commit. Raises ForgeError."""
        return self._client.must("read a file", _CONTENTS, lambda: proposals.blob(self._client, sha))

    def proposal(self, number: int) -> Proposal:
        """A pull request, with the paths that it changes. Raises ForgeError."""
        return self._client.must(
            f"read pull request {number}", _PULLS, lambda: proposals.proposal(self._client, number)
        )

    def proposed_by(self, run: OutsideRun) -> int | None:
        """The open pull request whose head commit triggered a run. None if there is none. Raises ForgeError."""
        return self._client.must(
            f"find the pull request of {run.head_sha[:7]}", _PULLS, lambda: proposals.proposed_by(self._client, run)
        )

    def files_of(self, number: int) -> tuple[ChangedFile, ...] | None:
        """The files that a pull request adds or changes. None if the token lacks the permission."""
        return self._client.may(
            f"list the files of pull request {number}", _COMMENT, lambda: lookups.files_of(self._client, number)
        )

    def other_open(self, than: int) -> tuple[OpenPullRequest, ...] | None:
        """The other open pull requests that add migrations, with the files that they add.

        None if the token lacks the permission.
        """
        return self._client.may(
            "list the open pull requests", _COMMENT, lambda: lookups.other_open(self._client, than, self._folder)
        )
