"""Writes comments, check runs and deployments to GitHub. A failed API call causes a warning and never ends the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from ..core.forge.environment_issue import EnvironmentIssue, IssueText
from ..core.forge.forge import (
    Annotation,
    ChangedFile,
    Check,
    CommitState,
    CommitStatus,
    Composed,
    Deployment,
    DeploymentState,
    Level,
    OldDeployment,
    OpenPullRequest,
    Published,
    Reaction,
    RecordComment,
    Review,
    StickyComment,
)
from ..core.forge.live_check import LiveCheck
from ..core.problem import Problem
from ..errors import CtgitopsError
from ..github.runner import Runner
from ..ports.forge import Forge

Said = TypeVar("Said")
LONGEST_DESCRIPTION = 140


@dataclass
class GitHubWriter:
    """Writes to the runner and, if there is a token, to the forge. Masks secrets in all text."""

    runner: Runner
    forge: Forge | None = None
    warned: int = 0
    files: dict[int, tuple[ChangedFile, ...]] = field(default_factory=dict)
    """Maps pull requests to their files. A pull request whose files could not be read has none."""
    unread: set[int] = field(default_factory=set)
    """The pull requests whose files could not be read."""

    def warn(self, message: str) -> None:
        """Prints one warning in the log."""
        self.warned += 1
        self.runner.warn(message)

    def comment(self, comment: StickyComment) -> None:
        """Writes or updates the comment of a pull request."""
        clean = replace(comment, body=self.runner.hidden(comment.body))
        url = self._tried("the comment was not written", lambda forge: forge.comment(clean))
        if url:
            self.runner.output("comment-url", url)

    def last_words(self, comment: StickyComment) -> None:
        """Writes a text at the top of the comment of a pull request. Does not retry."""
        clean = replace(comment, body=self.runner.hidden(comment.body))
        self._tried("the comment was not written", lambda forge: forge.last_words(clean))

    def retract(self, pull_request: int, key: str) -> None:
        """Deletes the comments with a key on a pull request."""
        self._tried("an outdated answer was not deleted", lambda forge: forge.retract(pull_request, key))

    def approvers(self, pull_request: int) -> tuple[str, ...] | None:
        """The users who approved a pull request. None if the users are not known."""
        return self._tried("the reviews were not read", lambda forge: forge.approvers(pull_request))

    def record(self, record: RecordComment) -> None:
        """Writes or updates the record of a pull request."""

        def compose(published: Published) -> Composed | None:
            made = record.compose(published)
            return Composed(self.runner.hidden(made.body), self.runner.hidden(made.memory)) if made else None

        clean = replace(record, compose=compose)
        url = self._tried("the record was not written", lambda forge: forge.record(clean))
        if url:
            self.runner.output("comment-url", url)

    def check(self, check: Check) -> bool:
        """Reports a check run. Returns whether GitHub accepted it."""
        hidden = self.runner.hidden
        remarks = tuple(replace(a, message=hidden(a.message), title=hidden(a.title)) for a in check.annotations)
        clean = replace(
            check,
            summary=hidden(check.summary),
            texts=tuple(map(hidden, check.texts)),
            title=hidden(check.title),
            annotations=remarks,
        )
        before = self.warned
        self._tried("the check was not reported", lambda forge: forge.check(clean))
        return self.forge is not None and self.warned == before

    def live_check(self, check: LiveCheck) -> int | None:
        """Creates or updates the check run that shows an unfinished run. Returns the check run's ID."""
        hidden = self.runner.hidden
        clean = replace(check, title=hidden(check.title), summary=hidden(check.summary))
        return self._tried("the check run was not updated", lambda forge: forge.live_check(clean))

    def keep_issue(self, issue: EnvironmentIssue, *, needed: bool) -> None:
        """Updates the issue about an environment. Warns about a missing permission only if `needed` is true."""

        def compose(memory: str) -> IssueText | None:
            made = issue.compose(memory)
            hidden = self.runner.hidden
            return made and replace(
                made,
                title=hidden(made.title),
                body=hidden(made.body),
                memory=hidden(made.memory),
                comment=hidden(made.comment),
            )

        clean = replace(issue, compose=compose)
        self._tried("the issue was not updated", lambda forge: forge.keep_issue(clean, needed=needed))

    def deploy(self, deployment: Deployment) -> int | None:
        """Creates a deployment."""
        return self._tried("the deployment was not created", lambda forge: forge.deploy(deployment))

    def deployed(self, number: int, state: DeploymentState, description: str, url: str) -> None:
        """Sets the state of a deployment."""
        words = self.runner.hidden(description)[:LONGEST_DESCRIPTION]
        self._tried("the deployment's status was not updated", lambda forge: forge.deployed(number, state, words, url))

    def status(self, sha: str, subject: str, state: CommitState, told: tuple[str, str]) -> None:
        """Sets a commit's status about `subject`, such as an environment. `told` is a description and a URL."""
        words, url = self.runner.hidden(told[0])[:LONGEST_DESCRIPTION], told[1]
        status = CommitStatus(sha, f"ctgitops / {subject}", state, words, url)
        self._tried("the commit's status was not set", lambda forge: forge.status(status))

    def deployments_to(self, environment: str) -> tuple[OldDeployment, ...] | None:
        """The newest deployments to an environment. None if GitHub did not list them."""
        return self._tried("earlier deployments were not read", lambda forge: forge.deployments_to(environment))

    def brought_by(self, paths: tuple[str, ...], at: str, before: int | None = None) -> dict[str, int]:
        """Maps each path to the merged pull request that last changed the file. Ignores the pull request `before`."""
        if not paths:
            return {}
        doing = "pull requests of files were not found, so their comments were not updated"
        return self._tried(doing, lambda forge: forge.brought_by(paths, at, before)) or {}

    def paths_at_tip(self, branch: str, folder: str) -> tuple[str, ...] | None:
        """The paths of a folder's files at the tip of a branch. None if GitHub does not list them."""
        doing = "the files of the branch were not listed"
        files = self._tried(doing, lambda forge: forge.tree(forge.tip_of(branch), folder))
        return None if files is None else tuple(file.path for file in files)

    def pull_request_of(self, sha: str) -> int | None:
        """The pull request that merged a commit. None without such a pull request."""
        return self._tried(
            "the pull request was not found, so its comment was not updated", lambda forge: forge.pull_request_of(sha)
        )

    def react(self, pull_request: int, comment: int, reaction: Reaction) -> None:
        """Adds a reaction to a comment."""
        self._tried("the reaction was not added", lambda forge: forge.react(pull_request, comment, reaction))

    def files_of(self, pull_request: int) -> tuple[ChangedFile, ...]:
        """The files that a pull request adds or changes. Read once per run."""
        if pull_request not in self.files:
            doing = "the files of the pull request were not read"
            found = self._tried(doing, lambda forge: forge.files_of(pull_request))
            self.unread |= {pull_request} if found is None else set()
            self.files[pull_request] = found or ()
        return self.files[pull_request]

    def other_open(self, than: int) -> tuple[OpenPullRequest, ...] | None:
        """The other open pull requests that add migrations. None if they could not be read."""
        return self._tried("other pull requests were not checked", lambda forge: forge.other_open(than))

    def suggest(self, review: Review) -> int:
        """Suggests fixes on lines of a pull request."""
        return self._tried("fixes were not suggested", lambda forge: forge.suggest(review)) or 0

    def _tried(self, otherwise: str, call: Callable[[Forge], Said]) -> Said | None:
        if self.forge is None:
            return None
        try:
            return call(self.forge)
        except CtgitopsError as error:
            self.warn(f"{otherwise}: {error.what}")
        except Exception as error:  # noqa: BLE001 - an error of GitHub must not interrupt work on the database
            self.warn(f"{otherwise}: {type(error).__name__}: {error}")
        return None


def annotation_of(problem: Problem, root: str) -> Annotation | None:
    """A problem as an annotation on its line. None if the problem has no file."""
    if problem.place is None:
        return None
    level = Level.FAILURE if problem.is_error else Level.WARNING
    message = f"{problem.what}\n{problem.hint}".strip()
    return Annotation(
        path=path_in_repository(root, problem.place.path),
        line=problem.place.line or 1,
        level=level,
        title=problem.code,
        message=message,
        column=problem.place.column,
    )


def path_in_repository(root: str, path: str) -> str:
    """Converts a path in the workspace to a path in the repository. Annotations require paths in the repository."""
    folder = root.strip("/").removeprefix("./")
    return path if folder in ("", ".") else f"{folder}/{path}"
