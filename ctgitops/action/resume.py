"""The Action's command `resume`. Starts the deployments whose wait has ended. Changes no database.

A scheduled run is on the default branch, and GitHub's environment for production allows only tags. So `resume` starts
the workflow that deploys, on the branch or the tag. The started run makes a new plan and asks for the approval.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..commands.planning.candidate import candidate_of
from ..core.environment.environment import Environment, Trigger
from ..core.environment.layout import Layout
from ..core.forge.intent import is_prerelease, promotes
from ..core.gate.request import Request
from ..core.run.continuation import (
    Continuation,
    ContinuationState,
    DeployCandidate,
    after_runs,
    continuation_of,
    may_wait,
)
from ..errors import CtgitopsError, ForgeError, UsageError
from ..files.workspace_copy import blob_of, is_migration_file, overlaid
from ..ports.forge import Forge
from ..report.escape import plain
from ..wiring.wiring import Wiring
from .job import Job
from .pull_request_checks import with_reviews

STARTED_WITH = {"command": "apply", "on-wait": "pass"}
"""The inputs of a workflow that `resume` starts. With these inputs, a run that must wait again is successful."""
_BRANCH = "refs/heads/"
_FILE = re.compile(r"[\w.-]+\.ya?ml")
_OWN_FILE = re.compile(r"\.github/workflows/([\w.-]+\.ya?ml)@")


def resume(job: Job) -> int:
    """Starts the deploy workflow for each environment whose wait has ended. Returns the exit status."""
    forge, branch = _forge(job), _branch(job)
    file = _workflow(job)
    environments = _environments(job)
    if not environments:
        return _show(job, ["no environment has windows, `bake` or `after`, so no environment waits"], 0)
    decided = {e.name: _decided(job, e, partial(_continuation, job, forge, e, (file, branch))) for e in environments}
    # Started after all decisions, because a started run would count as one that has not ended.
    lines, worst = [], 0
    for environment in environments:
        each = decided[environment.name]
        if isinstance(each, Continuation) and each.state is ContinuationState.READY:
            each = _decided(job, environment, partial(_started, forge, file, each))
        if isinstance(each, Continuation):
            lines.append(_line(each, file))
        else:
            worst = max(worst, each.exit_status)
    return _show(job, lines, worst)


def _show(job: Job, lines: list[str], status: int) -> int:
    job.show("Resume", "\n".join(lines), "### Resume\n\n" + "".join(f"- {plain(line)}\n" for line in lines))
    return status


def _decided(job: Job, environment: Environment, decide: Callable[[], Continuation]) -> Continuation | CtgitopsError:
    """The decision for one environment, or its error. An error does not affect the other environments."""
    try:
        return decide()
    except CtgitopsError as error:
        job.show_error(error, environment.name)
        return error


def _forge(job: Job) -> Forge:
    if job.github_writer.forge is None:
        hint = "leave the input `github-token` at its default; it needs `actions: write`"
        raise ForgeError("cannot start a workflow: there is no GitHub token", hint=hint)
    return job.github_writer.forge


def _branch(job: Job) -> str:
    ref = job.environ.get("GITHUB_REF", "")
    if not ref.startswith(_BRANCH):
        raise UsageError(f"`resume` runs on the default branch, not on `{ref}`", hint="run it in a scheduled workflow")
    return ref.removeprefix(_BRANCH)


def _workflow(job: Job) -> str:
    """The file of the workflow to start: the input `workflow`, or the workflow file of this run."""
    if given := job.inputs.workflow:
        if not _FILE.fullmatch(given):
            raise UsageError(f"the input `workflow` is `{given}`", hint="expected a file name, such as deploy.yml")
        return given
    own = _OWN_FILE.search(job.environ.get("GITHUB_WORKFLOW_REF", ""))
    if own is None:
        raise UsageError(
            "the input `workflow` is empty", hint="set it to the workflow that deploys, such as deploy.yml"
        )
    return own[1]


def _environments(job: Job) -> list[Environment]:
    names = [job.inputs.environment] if job.inputs.environment else job.wiring.environment_names
    return [each for name in names if may_wait(each := job.wiring.environment(name))]


def _continuation(job: Job, forge: Forge, environment: Environment, start: tuple[str, str]) -> Continuation:
    file, branch = start
    released = environment.trigger is Trigger.RELEASE
    candidates = _of_releases(job, forge, environment, branch) if released else _of_branch(job, environment, branch)
    chosen = continuation_of(environment, candidates)
    if chosen.state is not ContinuationState.READY:
        return chosen
    own = job.environ.get("GITHUB_RUN_ID", "")
    return after_runs(chosen, tuple(run for run in forge.runs_of(file, chosen.ref) if str(run.id) != own))


def _of_branch(job: Job, environment: Environment, branch: str) -> Iterator[DeployCandidate]:
    yield _candidate(job, job.wiring, environment, (branch, job.wiring.origin.commit_sha))


def _of_releases(job: Job, forge: Forge, environment: Environment, branch: str) -> Iterator[DeployCandidate]:
    """The plans of an environment for its releases, newest first. Each plan is made only when it is needed."""
    for release in forge.releases():
        if is_prerelease(release.tag, marked=release.prerelease) or not promotes(release.tag, environment):
            continue
        sha = forge.commit_of_tag(release.tag)
        if not forge.is_on(branch, sha):
            job.runner.warn(f"the commit of the tag {release.tag} is not on {branch}, so {release.tag} is not deployed")
            continue
        with overlaid(job.wiring.root, _differences(job, forge, sha)) as root:
            yield _candidate(job, Wiring(root, job.environ), environment, (release.tag, sha))


def _candidate(job: Job, wiring: Wiring, environment: Environment, at: tuple[str, str]) -> DeployCandidate:
    ref, sha = at
    request: Request = wiring.request(environment.name)
    request = replace(request, origin=replace(job.wiring.origin, commit_sha=sha))
    return candidate_of(ref, sha, with_reviews(job, request), databases=job.wiring.databases)


def _differences(job: Job, forge: Forge, sha: str) -> dict[str, bytes | None]:
    """Maps the path of each SQL file that differs from the checkout to its content in a commit, or to None."""
    folder, root, layout = job.wiring.origin.folder, job.wiring.root, job.wiring.workspace.policy.layout
    there = {f.path.removeprefix(folder): f for name in layout.folders for f in forge.tree(sha, folder + name)}
    here = {path.relative_to(root).as_posix(): path for path in _files(root, layout)}
    files: dict[str, bytes | None] = {path: None for path in here if path not in there}
    for path, file in there.items():
        if not is_migration_file(path, layout) or (path in here and blob_of(here[path].read_bytes()) == file.blob):
            continue
        if not file.plain:
            raise ForgeError(f"`{path}` of {sha[:7]} is a link or a submodule", hint="release it as a file")
        files[path] = forge.blob(file.blob)
    return files


def _files(root: Path, layout: Layout) -> Iterator[Path]:
    for name in layout.folders:
        found = (path for path in (root / name).rglob("*") if path.is_file() and not path.is_symlink())
        yield from (path for path in found if is_migration_file(path.relative_to(root).as_posix(), layout))


def _started(forge: Forge, file: str, ready: Continuation) -> Continuation:
    inputs = {**STARTED_WITH, "environment": ready.environment.name}
    try:
        forge.start(file, ready.ref, inputs)
    except ForgeError as error:
        hint = f"give this job `actions: write`; at {ready.ref}, {file} needs `on: workflow_dispatch` with the inputs "
        raise ForgeError(error.what, hint=f"{hint}{', '.join(inputs)}, as in ctgitops's own deploy.yml") from None
    return ready


_SAID = {
    ContinuationState.READY: "{name}: started {file} for {ref}",
    ContinuationState.UP_TO_DATE: "{name}: nothing waits",
    ContinuationState.WAITING: "{name}: {ref} waits {until}",
    ContinuationState.RUNNING: "{name}: no run is started for {ref}, because an earlier one is in progress: {why}",
    ContinuationState.BLOCKED: "{name}: {ref} is not started, because it is blocked: {why}",
    ContinuationState.FAILED: "{name}: {ref} is not started again, because its last run failed or was rejected: {why}. "
    "When the cause is removed, run {file} by hand",
}


def _line(each: Continuation, file: str) -> str:
    ends = each.wait.text if each.wait else ""
    return _SAID[each.state].format(name=each.environment.name, ref=each.ref, file=file, why=each.why, until=ends)
