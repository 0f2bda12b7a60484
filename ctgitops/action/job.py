"""One step of a workflow: its inputs, its checkout, the runner, and the access to GitHub. All commands use it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property

from ..core.environment.environment import Environment
from ..core.forge.forge import Annotation, Composed, Generation, Level, Published, RecordComment, StickyComment
from ..core.migration.schema_version import SchemaVersion
from ..core.problem import Problem
from ..core.run.progress import Progress
from ..errors import CtgitopsError
from ..github.inputs import CommentMode, Inputs, OnWait
from ..github.runner import Runner
from ..notify.lines import line_of, worth_a_line
from ..ports.forge import Forge
from ..report.escape import fence, plain
from ..report.text_error import error_text
from ..report.workflow_inputs import with_inputs
from ..wiring.wiring import Wiring
from .base_branch import BaseCommit, Merged, merged_at
from .github_writer import GitHubWriter, annotation_of, path_in_repository

LONGEST = 400_000
"""Maximum length of a page in the job summary, in characters. More than GitHub allows in a comment."""
_BRANCH = "refs/heads/"
ANSWER = "answer"
"""The key of the comment that answers a command."""


@dataclass(frozen=True)
class Job:
    """The inputs of a step, the checkout with its secrets, and the step's outputs."""

    environ: Mapping[str, str] = field(repr=False)
    inputs: Inputs
    wiring: Wiring
    runner: Runner
    github_writer: GitHubWriter
    undone: list[str] = field(default_factory=list)
    """The reason why the step did nothing. None if the step had an effect."""
    stopping: Callable[[], bool] = lambda: False
    """Whether a signal has asked this run to stop."""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    """The time at which this run began. All facts that the run publishes were read later."""

    def base_at(self, base: BaseCommit) -> Merged:
        """The environments of the base branch. Their manifests decide what an unmerged plan may connect to."""
        here = self.wiring.workspace.environments
        return merged_at(self.github_writer.forge, base, self.wiring.origin.folder, self.wiring.databases, here)

    def has_url_of(self, environment: Environment) -> bool:
        """Whether this workflow has the URL of an environment's database. Each workflow has only its own secrets."""
        return bool(self.environ.get(environment.url_secret, "").strip())

    @cached_property
    def at_tip(self) -> frozenset[str] | None:
        """The paths of migrations at the tip of the run's branch. None for a tag, or if GitHub does not list them."""
        ref, folder = self.environ.get("GITHUB_REF", ""), self.wiring.origin.folder
        if not ref.startswith(_BRANCH):
            return None
        paths = self.github_writer.paths_at_tip(
            ref.removeprefix(_BRANCH), f"{folder}{self.wiring.workspace.policy.layout.folder}"
        )
        return None if paths is None else frozenset(path.removeprefix(folder) for path in paths)

    def forge_of_its_own(self) -> Forge | None:
        """A separate connection to GitHub, for use in another thread. None without a token."""
        token = self.inputs.github_token
        return self.wiring.forge(token, self.github_writer.warn) if token else None

    @property
    def scheduled(self) -> bool:
        """Whether a schedule started this run. No person waits for the result of such a run."""
        return self.environ.get("GITHUB_EVENT_NAME", "") == "schedule"

    @property
    def apply_follows(self) -> bool:
        """Whether a job that applies follows this plan. Plan steps of such workflows set the input `on-wait`."""
        return self.inputs.on_wait is not OnWait.AUTO

    @property
    def passes_waits(self) -> bool:
        """Whether the step succeeds if a plan waits for a window, a bake time or the environment in `after`."""
        return self.inputs.on_wait is OnWait.PASS or (self.inputs.on_wait is OnWait.AUTO and self.scheduled)

    def hear(self, progress: Progress) -> None:
        """Prints progress as it happens."""
        if worth_a_line(progress) and (line := line_of(progress)):
            self.runner.say(line)

    def show(self, title: str, text: str, markdown: str) -> None:
        """Prints the first page in the log, and adds the second page to the job summary."""
        with self.runner.group(title):
            self.runner.say(text.rstrip("\n"))
        self.runner.summarise(markdown)

    def show_error(self, error: CtgitopsError, whose: str = "") -> None:
        """Shows an error in three places: the log, an annotation on its line, and the job summary."""
        error.hint = with_inputs(error.hint)
        self.runner.say(error_text(error).rstrip("\n"))
        if error.place is None:
            self.runner.fail(f"{error.what}\n{error.hint}".strip())
        else:
            path = path_in_repository(self.inputs.root, error.place.path)
            message = f"{error.what}\n{error.state}".strip()
            line, column = error.place.line or 1, error.place.column
            self.runner.annotate(Annotation(path, line, Level.FAILURE, error.code, message, column))
        self.runner.summarise(error_markdown(error, whose))

    def annotate(self, problems: Iterable[Problem]) -> None:
        """Adds an annotation for each problem at its line."""
        for annotation in self.annotations(problems):
            self.runner.annotate(annotation)

    def annotations(self, problems: Iterable[Problem]) -> tuple[Annotation, ...]:
        """The annotations for the problems that have a file."""
        return tuple(a for problem in problems if (a := annotation_of(problem, self.inputs.root)))

    def comment(self, pull_request: int, sha: str, body: str, key: str = "plan", *, only_update: bool = False) -> None:
        """Writes a page as the comment of a pull request, unless the workflow disables comments."""
        if self.inputs.comment is not CommentMode.OFF:
            recreate = self.inputs.comment is CommentMode.RECREATE
            self.github_writer.comment(
                StickyComment(pull_request, self.key(key), self.generation, sha, body, recreate, only_update)
            )

    def record(self, pull_request: int, sha: str, compose: Callable[[Published], Composed | None]) -> None:
        """Writes the record of a pull request above its plan, unless the workflow disables comments."""
        if self.inputs.comment is not CommentMode.OFF:
            recreate = self.inputs.comment is CommentMode.RECREATE
            self.github_writer.record(
                RecordComment(pull_request, self.key("plan"), self.generation, sha, compose, recreate)
            )

    @property
    def generation(self) -> Generation:
        """The numbers of this workflow run and of its attempt. Runs are ordered by these numbers."""
        run, attempt = (_whole(self.environ.get(f"GITHUB_{name}", "")) for name in ("RUN_ID", "RUN_ATTEMPT"))
        return Generation(run, attempt, self.started)

    def answer(self, pull_request: int, body: str) -> None:
        """Answers a comment command with a new comment. The plan has its own comment."""
        self.comment(pull_request, "", body, key=ANSWER)

    def retract_answer(self, pull_request: int) -> None:
        """Deletes the answer to an earlier comment command, because the answer is no longer true."""
        if self.inputs.comment is not CommentMode.OFF:
            self.github_writer.retract(pull_request, self.key(ANSWER))

    def versions(self, found: Mapping[str, SchemaVersion | None]) -> None:
        """Sets the output `versions`: the schema version of each environment."""
        self.runner.output("versions", json.dumps({name: str(v) if v else "" for name, v in found.items()}))

    def key(self, about: str) -> str:
        """The key of a comment. Each workspace in the repository has a different key."""
        folder = re.sub(r"[^A-Za-z0-9]+", "-", self.inputs.root).strip("-")
        return f"{about}-{folder}" if folder else about

    def asking(self, inputs: Inputs) -> Job:
        """A copy of the job with other inputs."""
        return replace(self, inputs=inputs)


def error_markdown(error: CtgitopsError, whose: str = "") -> str:
    """Formats an error for the summary or a comment."""
    title = f"{plain(whose)}: {plain(error.what)}" if whose else plain(error.what)
    return f"### ⛔ {title}\n\n{fence(error_text(error), 'text')}\n"


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() else 0
