"""Plans a pull request from its files in GitHub's API. Needs no checkout, and runs no code of the pull request.

The plan connects only to addresses in the checkout's manifests. GitHub runs such a workflow on the default branch.
`_plan_intent` in core/forge/intent.py decides when the plan is made. For a run without secrets, `files_only` in
action/read_only.py makes the plan, and connects to no database.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..commands.plan import plan as plan_verb
from ..commands.planning.offline import OfflinePlanner
from ..core.environment.environment import Environment
from ..core.environment.environment_order import in_order_of_after
from ..core.environment.layout import Layout
from ..core.forge.event import Ignored
from ..core.forge.forge import Proposal, TreeFile
from ..core.forge.intent import PlanFromApi, Planning
from ..core.problem import Problem
from ..core.trial.code_reference import CodeUnavailable
from ..core.view.preview import PlanResult, with_problems
from ..core.workspace.workspace import Workspace
from ..errors import ForgeError, Place, UsageError
from ..files.policy import PATH, layout_of
from ..files.workspace_copy import is_migration_file, overlaid
from ..notify.telemetry import current
from ..ports.forge import Forge
from ..wiring.wiring import Wiring
from .base_branch import NOT_MERGED
from .job import Job
from .planning import publish
from .pull_request_checks import clashes_of, merged_before, shown_now, untouched

MOST = 300
LARGEST = 1_000_000
ALL = 10_000_000
"""Limits for a pull request: at most MOST files, LARGEST bytes per file, and ALL bytes in total."""


def plan(job: Job, ask: PlanFromApi) -> int | Ignored:
    """Plans a pull request with the checkout's manifests and policy. Applies nothing."""
    forge = job.github_writer.forge
    if forge is None:
        raise ForgeError("cannot read the pull request: there is no GitHub token", hint="set the input `github-token`")
    number = ask.pull_request
    if number is None and ask.run is not None:
        number = forge.proposed_by(ask.run)
    if number is None:
        return Ignored("no open pull request has this commit as its head")
    proposal = forge.proposal(number)
    if ask.run is not None and proposal.head_sha != ask.run.head_sha:
        return Ignored("the pull request has a newer commit, which another run plans")
    if proposal.merged:
        return Ignored("the pull request is already merged; its comment shows where it was applied")
    if proposal.closed:
        return Ignored("the pull request is closed; reopen it to plan it")
    if not job.wiring.environments:
        what = "the default branch has no manifest yet, and only its manifests say which databases exist"
        raise UsageError(what, hint="push a commit to start a run that plans it; for a fork, first merge a manifest")
    files, problems = _files(forge, proposal, job.wiring.origin.folder, layout_of(job.wiring.root))
    changed = job.github_writer.files_of(number)
    with overlaid(job.wiring.root, files) as root:
        wiring = Wiring(root, job.environ)
        workspace = merged_before(wiring.workspace, changed, job.wiring.origin.folder)
        results = _results(job, wiring, workspace, frozenset(files))
        quiet = ask.run is not None and untouched(changed, job.wiring.origin.folder, workspace)
    asked = Planning((), proposal.head_sha, number, base_branch=_instead(proposal, ask.default_branch))
    clashing = clashes_of(job, asked, changed, workspace)
    found = (*problems, *_unmerged(proposal, job.wiring.origin.folder), *clashing)
    return publish(job, asked, with_problems(results, found), only_update=quiet)


def _instead(proposal: Proposal, default_branch: str) -> str:
    """The default branch, if the pull request's author chose another base branch. Otherwise empty."""
    return default_branch if proposal.base not in ("", default_branch) else ""


def _unmerged(proposal: Proposal, folder: str) -> Iterator[Problem]:
    """A warning for each manifest, and for the policy, that the pull request changes. The plan ignores the change."""
    for path in sorted(each.removeprefix(folder) for each in proposal.paths if each.startswith(folder)):
        if path == PATH or (path.startswith("environments/") and path.endswith((".yaml", ".yml"))):
            what = f"the pull request changes `{path}`; this plan uses the file of the default branch"
            yield Problem("not-merged", what, Place(path), hint=NOT_MERGED, blocks=False)


def _results(job: Job, wiring: Wiring, workspace: Workspace, changed: frozenset[str]) -> tuple[PlanResult, ...]:
    """Plans with the checkout's manifests and addresses. Only the SQL comes from the pull request."""
    environments = in_order_of_after(workspace.environments)
    code = CodeUnavailable("the pull request's code is not checked out here")
    if workspace.contract_check:
        workspace = replace(workspace, contract_check=replace(workspace.contract_check, search=code.mentions))
    requests = tuple(
        shown_now(replace(wiring.request(e.name), workspace=workspace, origin=job.wiring.origin))
        for e in environments
        if _has_secret(job, e)
    )
    with current().block("plan"):
        results = plan_verb(requests, databases=wiring.databases, code=code, shadows=wiring.shadows)
    found = {result.environment.name: result for result in results}
    planner = OfflinePlanner(wiring.shadows, changed, "the secret with its URL is not set in this run")
    return tuple(
        found.get(e.name) or planner.preview(replace(wiring.request(e.name), workspace=workspace)) for e in environments
    )


def _has_secret(job: Job, environment: Environment) -> bool:
    return bool(job.environ.get(environment.url_secret, "").strip())


def _files(
    forge: Forge, proposal: Proposal, folder: str, layout: Layout
) -> tuple[dict[str, bytes | None], tuple[Problem, ...]]:
    """Maps the path of each SQL file of the pull request to its content, or to None if the file is removed."""
    there = {f.path: f for name in layout.folders for f in forge.tree(proposal.head_sha, f"{folder}{name}")}
    changed = sorted(
        p for p in proposal.paths if p.startswith(folder) and is_migration_file(p.removeprefix(folder), layout)
    )
    problems = [p for path in changed if path in there and (p := _refused(there[path], path.removeprefix(folder)))]
    size = sum(there[path].size for path in changed if path in there)
    if len(changed) > MOST or size > ALL:
        what = f"it changes {len(changed)} SQL files ({size:,} bytes); the limit is {MOST} files and {ALL:,} bytes"
        raise ForgeError(what, hint="split the pull request")
    bad = {problem.place.path for problem in problems if problem.place}
    files: dict[str, bytes | None] = {}
    for path in changed:
        inside = path.removeprefix(folder)
        if inside not in bad:
            files[inside] = forge.blob(there[path].blob) if path in there else None
    return files, tuple(problems)


def _refused(file: TreeFile, path: str) -> Problem | None:
    if not file.plain:
        return Problem("not-a-file", "it is a link or a submodule, not a file", Place(path), "replace it with a file")
    if file.size > LARGEST:
        what = f"it has {file.size:,} bytes, and the limit for a file of a pull request is {LARGEST:,}"
        return Problem("too-large", what, Place(path), "split it, or load data by other means")
    return None
