"""Checks of `doctor` for workflow files: versions of actions, concurrency, permissions, checkouts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from .. import __version__
from ..core.doctor.diagnosis import Diagnosis, note, ok, problem, unknown
from ..lazy import dataclass

FOLDER = ".github/workflows"
OUR_ACTION = re.compile(r"^(\./?|[^@\s]*/ctgitops@\S+|docker://\S*ctgitops[@:]\S+)$")
OLDEST_CHECKOUT = 5
"""The oldest version of actions/checkout that works. Older ones need Node.js 20, which GitHub's runners lack now."""
_CHANGES = ("push", "release", "schedule", "workflow_dispatch", "repository_dispatch")
_PRIVILEGED = ("pull_request_target", "workflow_run")
_HEAD = re.compile(
    r"github\.head_ref|pull_request\.head\.(sha|ref)|workflow_run\.head_(sha|branch)|refs/pull/.*/(head|merge)"
)
_READS_ONLY = ("plan", "check", "status", "drift", "drill", "verify", "doctor")
_TO_PLAN = "contents: read, checks: write, pull-requests: write"
_TO_CHANGE = "contents: read, checks: write, deployments: write, pull-requests: write, statuses: write"
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True)
class Job:
    """A job in a workflow file that runs ctgitops or checks out code."""

    path: str
    name: str
    data: Mapping[str, Any]
    workflow: Mapping[str, Any]
    text: str
    """The whole file, with comments."""

    @property
    def where(self) -> str:
        """The file and the ID of the job, for messages."""
        return f"{self.path}, job {self.name}"

    @property
    def steps(self) -> list[Mapping[str, Any]]:
        """The steps."""
        found = self.data.get("steps", [])
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    @property
    def events(self) -> set[str]:
        """The events that start the workflow."""
        on = self.workflow.get("on", ())
        return {on} if isinstance(on, str) else {str(each) for each in on}

    @property
    def our_steps(self) -> list[Mapping[str, Any]]:
        """The steps that run ctgitops."""
        return [each for each in self.steps if _is_ours(each)]

    @property
    def roots(self) -> set[str]:
        """The folders of the workspaces for which the steps run ctgitops. A step with a script has no input."""
        inputs = (each.get("with", {}) for each in self.our_steps if "uses" in each)
        named = {str(each.get("root", ".")) if isinstance(each, dict) else "." for each in inputs}
        return {PurePosixPath(each).as_posix() for each in named}

    @property
    def checks_out(self) -> bool:
        """Whether a step checks out the repository."""
        return any("actions/checkout" in str(each.get("uses", "")) for each in self.steps)

    @property
    def changes_databases(self) -> bool:
        """Whether a step can apply migrations. This is not possible in a dry run, or with a command that only reads."""
        return bool(self.events & set(_CHANGES)) and any(_can_change(each) for each in self.our_steps)


def _is_ours(step: Mapping[str, Any]) -> bool:
    run = re.search(r"(?m)^\s*(?:\S+/)?ctgitops\s+\w", str(step.get("run", "")))
    return bool(run or OUR_ACTION.match(str(step.get("uses", ""))))


def _can_change(step: Mapping[str, Any]) -> bool:
    inputs = step.get("with", {})
    inputs = inputs if isinstance(inputs, dict) else {}
    if str(inputs.get("dry-run", "")) == "true" or str(inputs.get("command", "auto")) in _READS_ONLY:
        return False
    return "uses" in step or bool(re.search(r"ctgitops\s+(apply|rollback|repair|reset)\b", str(step.get("run", ""))))


@dataclass(frozen=True)
class WorkflowChecks:
    """The checks of the workflow files in a repository."""

    top: Path
    folder: str = "migrations"
    """The folder of the migrations, relative to `top`."""
    root: str = "."
    """The folder of the workspace, relative to `top`. A repository can have several workspaces."""

    def readable(self) -> Iterator[Diagnosis]:
        """Whether each file is YAML with jobs, and whether at least one job runs ctgitops."""
        jobs, unread = self._found
        for path, why in unread:
            yield unknown("workflow-files", f"{path} cannot be read: {why}", f"actionlint {path}")
        if not any(job.our_steps for job in jobs):
            what = f"no workflow in {FOLDER} runs ctgitops"
            why = "Without a workflow, only a person with the command line plans and applies migrations."
            yield note("workflow-files", what, "ctgitops init --workflows", why=why)
        elif not unread:
            yield ok("workflow-files", f"{len({job.path for job in jobs})} files")

    def action(self) -> Iterator[Diagnosis]:
        """The versions of this action and of actions/checkout."""
        found = [each for job in self._ours() for each in _old_actions(job)]
        yield from self._judged("workflow-action", found, "current versions")

    def concurrency(self) -> Iterator[Diagnosis]:
        """Whether runs that change a database wait for each other."""
        found = []
        for job in (job for job in self._ours() if job.changes_databases):
            group = job.data.get("concurrency", job.workflow.get("concurrency"))
            fix = f"concurrency: {{group: ctgitops-{job.name}, cancel-in-progress: false}}"
            if group is None:
                found.append(problem("workflow-concurrency", f"{job.where} has no `concurrency`", fix))
            elif isinstance(group, dict) and str(group.get("cancel-in-progress", "false")) == "true":
                what = f"{job.where} cancels a run that is changing a database"
                found.append(problem("workflow-concurrency", what, fix))
        yield from self._judged("workflow-concurrency", found, "runs that change a database wait for each other")

    def permissions(self) -> Iterator[Diagnosis]:
        """Whether jobs declare their permissions, and no more permissions than they need."""
        found = []
        for job in self._ours():
            given = job.data.get("permissions", job.workflow.get("permissions"))
            fix = f"permissions: {{{_TO_CHANGE if job.changes_databases else _TO_PLAN}}}"
            if given is None:
                found.append(problem("workflow-permissions", f"{job.where} has no `permissions`", fix))
            elif given == "write-all":
                found.append(problem("workflow-permissions", f"{job.where} has `permissions: write-all`", fix))
            elif given == {}:
                continue  # enough to check out a public repository
            elif isinstance(given, dict) and job.checks_out and not given.get("contents"):
                what = f"{job.where} may not read the repository, which its checkout needs"
                found.append(problem("workflow-permissions", what, fix))
        yield from self._judged("workflow-permissions", found, "each job has the key `permissions`")

    def checkout(self) -> Iterator[Diagnosis]:
        """Whether a privileged workflow checks out the code of a pull request."""
        found = []
        for job in self._found[0]:
            if not job.events & set(_PRIVILEGED):
                continue
            for step in job.steps:
                inputs = step.get("with", {})
                ref = str(inputs.get("ref", "")) if isinstance(inputs, dict) else ""
                fetched = re.search(r"gh pr checkout|git (fetch|checkout).*(head|pull/)", str(step.get("run", "")))
                if ("actions/checkout" in str(step.get("uses", "")) and _HEAD.search(ref)) or fetched:
                    event = ", ".join(sorted(job.events & set(_PRIVILEGED)))
                    fix = "remove `ref`, or use the event pull_request; for forks: docs/action.md"
                    what = f"{job.where} checks out the pull request's code on {event}"
                    found.append(problem("workflow-checkout", what, fix))
        yield from self._judged("workflow-checkout", found, "no privileged workflow runs a pull request's code")

    def paths(self) -> Iterator[Diagnosis]:
        """Whether a change of a migration starts the workflows that have a filter of paths."""
        found = []
        for job in (job for job in self._ours() if self.root in job.roots):
            for event, patterns in _path_filters(job):
                if not _started_by(f"{self.folder}/1_x.sql", patterns):
                    what = f"{job.where}: `paths` of {event} does not contain {self.folder}, so no migration starts it"
                    found.append(problem("workflow-paths", what, f"paths: ['{self.folder}/**', …]"))
        yield from self._judged("workflow-paths", found, f"a migration in {self.folder} starts the workflows")

    def of_workspace(self) -> tuple[str, ...]:
        """The workflow files that run this Action for the workspace."""
        return tuple(dict.fromkeys(job.path for job in self._ours() if self.root in job.roots))

    def _judged(self, check: str, found: list[Diagnosis], well: str) -> Iterator[Diagnosis]:
        """The problems that were found. If there are none, and every file could be checked, the result `well`."""
        yield from found
        jobs, unread = self._found
        if unread:
            yield unknown(
                check, f"{', '.join(path for path, _ in unread)} cannot be read", f"actionlint {unread[0][0]}"
            )
        elif not any(job.our_steps for job in jobs):
            yield note(check, "no workflow runs ctgitops")
        elif not found:
            yield ok(check, well)

    def _ours(self) -> list[Job]:
        return [job for job in self._found[0] if job.our_steps]

    @cached_property
    def _found(self) -> tuple[list[Job], list[tuple[str, str]]]:
        jobs: list[Job] = []
        unread: list[tuple[str, str]] = []
        for file in sorted((self.top / FOLDER).glob("*.y*ml")):
            path = str(file.relative_to(self.top))
            try:
                jobs += _read(path, file.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                unread.append((path, str(error).split("\n", maxsplit=1)[0]))
        return jobs, unread


def _path_filters(job: Job) -> Iterator[tuple[str, list[str]]]:
    """The events of a workflow that have a filter of paths, with its patterns."""
    on = job.workflow.get("on", ())
    for event in ("pull_request", "push"):
        settings = on.get(event) if isinstance(on, dict) else None
        patterns = settings.get("paths") if isinstance(settings, dict) else None
        if isinstance(patterns, list):
            yield event, [str(each) for each in patterns]


def _started_by(path: str, patterns: list[str]) -> bool:
    """Whether a path passes a filter. As on GitHub, the last pattern that matches decides."""
    matching = [each for each in patterns if re.fullmatch(_as_regex(each.removeprefix("!")), path)]
    return bool(matching) and not matching[-1].startswith("!")


def _as_regex(pattern: str) -> str:
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    means = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(means.get(part) or re.escape(part) for part in parts)


def _read(path: str, text: str) -> list[Job]:
    import yaml  # noqa: PLC0415 - 20 ms, which only some commands need

    try:
        data = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes only text, lists and mappings
    except yaml.YAMLError as error:
        raise ValueError(f"invalid YAML: {getattr(error, 'problem', error)}") from None
    jobs = data.get("jobs") if isinstance(data, dict) else None
    if not isinstance(jobs, dict):
        raise ValueError("it has no jobs")  # noqa: TRY004 - the file is wrong, and not the type of an argument
    return [Job(path, name, job, data, text) for name, job in jobs.items() if isinstance(job, dict)]


def _old_actions(job: Job) -> Iterator[Diagnosis]:
    for step in job.steps:
        action, _, ref = str(step.get("uses", "")).partition("@")
        said = re.search(rf"{re.escape(ref)}\s*#\s*(v\S+)", job.text) if ref else None
        version = said[1] if said else ref
        if action == "actions/checkout" and (major := re.match(r"v(\d+)", version)) and int(major[1]) < OLDEST_CHECKOUT:
            what = f"{job.where} uses actions/checkout {version}, which needs Node.js 20"
            yield problem("workflow-action", what, "uses: actions/checkout@v7")
        if not action.endswith("/ctgitops") or action.startswith("."):
            continue
        found, ours = _VERSION.fullmatch(version), _VERSION.match(__version__)
        if found and ours and tuple(map(int, found.groups())) < tuple(map(int, ours.groups())):
            what = f"{job.where} uses ctgitops {version}, and this is {__version__}"
            yield problem("workflow-action", what, f"uses: {action}@v{__version__}")
        elif not re.fullmatch(r"[0-9a-f]{40}|v\d+(\.\d+)*", ref):
            what = f"{job.where} uses the branch {ref} of {action}, which can change at any time"
            yield problem("workflow-action", what, f"uses: {action}@v{__version__}")
