"""Decides what the Action does for a GitHub event, and how to verify that the checkout is merged (provenance).

The intent also limits the connections of a plan. A run for a pull request from a fork has no secrets. For such a run,
`_plan_intent` returns `Checking`, and `files_only` in action/read_only.py connects to no database. A later run on the
default branch plans the same pull request with `PlanFromApi` (action/fork_plan.py). That run connects only to the
addresses in the default branch's own manifests.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from ...lazy import dataclass
from ..environment.environment import Environment, Trigger
from ..environment.environment_order import in_order_of_after
from .event import (
    Comment,
    Dispatch,
    Event,
    Ignored,
    MergeGroup,
    OutsideRun,
    PullRequest,
    PullRequestClosed,
    Push,
    Refused,
    Release,
    Schedule,
    TagPush,
)

_PRERELEASE = re.compile(
    r"(?:.*[^\d.])?\d+\.\d+\.\d+(?:-[0-9A-Za-z].*|[._]?(?:a|b|rc|alpha|beta|pre|preview|dev)[._]?\d*)"
)
"""A version with a pre-release part, as in Semantic Versioning or PEP 440, after any prefix such as `v` or `db-`."""


@dataclass(frozen=True)
class Provenance:
    """The reason why the checkout counts as merged. `branch` must contain the commit. A set `tag` must point to it."""

    branch: str = ""
    tag: str = ""
    sha: str = ""
    """The commit that the event names. Empty if the event names no commit."""
    checkout: bool = False
    """Whether `branch` must contain the checked-out commit. True if the event does not name a commit."""
    pull_request: int | None = None
    """The merged pull request of the event. None if a commit is verified instead."""


@dataclass(frozen=True)
class Planning:
    """Plans every environment and changes nothing."""

    environments: tuple[Environment, ...]
    sha: str = ""
    """The commit that the pull request shows. The checked-out commit can differ from it."""
    pull_request: int | None = None
    base_sha: str = ""
    """The commit whose manifests define the connections. Empty if the checkout is merged."""
    base_branch: str = ""
    """The default branch, if the author chose another base branch. The manifests are then read at the default branch's
    tip."""
    event: Event | Refused | None = None
    """The event that applies the plan after its approval. None if the plan is only a preview."""


@dataclass(frozen=True)
class PlanFromApi:
    """Plans a pull request that is read through the API. No file of the pull request is checked out or run."""

    pull_request: int | None = None
    run: OutsideRun | None = None
    """The ended run, whose head commit identifies the pull request. None if `pull_request` is set."""
    default_branch: str = ""


@dataclass(frozen=True)
class Unlocking:
    """Terminates ended runs that still hold the run lock of an environment in `environments`."""

    environments: tuple[Environment, ...]
    pull_request: int | None = None


@dataclass(frozen=True)
class Checking:
    """Checks only files: reads no secret and connects to no database."""

    why: str
    pull_request: int | None = None


@dataclass(frozen=True)
class Applying:
    """Applies pending migrations to `environments`, in this order."""

    environments: tuple[Environment, ...]
    provenance: Provenance = Provenance()


@dataclass(frozen=True)
class Finalising:
    """Writes the final result into the comment of a closed pull request."""

    pull_request: int
    sha: str
    environments: tuple[Environment, ...]
    merged: bool


@dataclass(frozen=True)
class ManualRun:
    """A user started the workflow manually. The workflow's inputs choose the action."""

    inputs: tuple[tuple[str, str], ...]


Intent = Planning | PlanFromApi | Checking | Applying | Unlocking | Finalising | ManualRun | Ignored | Refused


def decide(event: Event, environments: tuple[Environment, ...]) -> Intent:
    """The intent for an event of a workflow that sets no command."""
    ordered = in_order_of_after(environments)
    match event:
        case PullRequest() | MergeGroup() | OutsideRun():
            return _plan_intent(event, ordered)
        case PullRequestClosed():
            return _closed(event, ordered)
        case Dispatch(inputs=inputs):
            return ManualRun(inputs)
        case Comment():
            return _commanded(event, ordered)
        case _:
            return _deploying(event, ordered)


def _plan_intent(event: PullRequest | MergeGroup | OutsideRun, environments: tuple[Environment, ...]) -> Intent:
    match event:
        case PullRequest(outside=outside) if outside:
            return Checking(outside, event.number)
        case PullRequest():
            return Planning(environments, event.head_sha, event.number, event.base_sha, event.instead)
        case MergeGroup():
            return Planning(environments, event.sha, base_sha=event.base_sha, base_branch=event.instead)
        case OutsideRun():
            return PlanFromApi(run=event, default_branch=event.default_branch)


def _commanded(event: Comment, environments: tuple[Environment, ...]) -> Intent:
    if event.unknown:
        commands = (
            "`/ctgitops plan`, `/ctgitops apply ENVIRONMENT`, `/ctgitops unlock` and `/ctgitops unlock ENVIRONMENT`"
        )
        return Refused(f"`{event.unknown}` is not a command", f"the commands are {commands}")
    if event.verb == "plan":
        return PlanFromApi(event.pull_request, default_branch=event.default_branch)
    provenance = provenance_of(event)
    if event.verb == "apply" and isinstance(provenance, Refused):
        return provenance
    everything = event.verb == "unlock" and not event.environment
    chosen = tuple(e for e in environments if everything or e.name == event.environment)
    if not chosen:
        names = ", ".join(e.name for e in environments) or "none"
        return Refused(f"there is no environment `{event.environment}`", f"environments/ has: {names}")
    if event.verb == "apply" and isinstance(provenance, Provenance):
        return Applying(chosen, provenance)
    return Unlocking(chosen, event.pull_request)


def _closed(event: PullRequestClosed, environments: tuple[Environment, ...]) -> Intent:
    # Two runs would overwrite each other's record, so only the run that knows the outcome writes a record.
    if event.merged and any(e.trigger is Trigger.PUSH for e in environments):
        return Ignored("the push event of this merge applies the migrations and writes the record")
    return Finalising(event.number, event.head_sha, environments, event.merged)


def _deploying(
    event: Push | TagPush | Release | Schedule, environments: tuple[Environment, ...]
) -> Applying | Ignored | Refused:
    provenance = provenance_of(event)
    if isinstance(provenance, Refused):
        return Ignored(provenance.why) if isinstance(event, Push) else provenance
    match event:
        case Push():
            return _applying([e for e in environments if e.trigger is Trigger.PUSH], provenance, "`apply: {on: push}`")
        case Schedule():
            words = "`apply: {on: schedule}`, or `on: push` with `windows` or `freeze`"
            return _applying([e for e in environments if _waits_for_the_clock(e)], provenance, words)
        case TagPush() | Release():
            return _promoting(event, provenance, environments)


def _promoting(
    event: TagPush | Release, provenance: Provenance, environments: tuple[Environment, ...]
) -> Applying | Ignored:
    tag = event.tag
    if is_prerelease(tag, marked=isinstance(event, Release) and event.prerelease):
        return Ignored(f"{tag} is a pre-release")
    chosen = [e for e in environments if promotes(tag, e)]
    return _applying(chosen, provenance, f"`apply: {{on: release}}` for the tag {tag}")


def is_prerelease(tag: str, *, marked: bool) -> bool:
    """Whether a tag is a pre-release, by its GitHub release or its version. For a pre-release, nothing is applied."""
    return marked or bool(_PRERELEASE.fullmatch(tag))


def promotes(tag: str, environment: Environment) -> bool:
    """Whether a release of this tag applies migrations to the environment."""
    return environment.trigger is Trigger.RELEASE and fnmatchcase(tag, environment.tags)


def _applying(chosen: list[Environment], provenance: Provenance, which: str) -> Applying | Ignored:
    return Applying(tuple(chosen), provenance) if chosen else Ignored(f"no environment has {which}")


def _waits_for_the_clock(environment: Environment) -> bool:
    # Excludes environments that wait for releases: the default branch may be ahead of the latest release.
    late = environment.trigger is Trigger.PUSH and bool(environment.windows or environment.freezes)
    return late or environment.trigger is Trigger.SCHEDULE


def provenance_of(event: Event) -> Provenance | Refused:
    """The reason why the checkout may change an environment. Refused if the event's commit is not merged."""
    match event:
        case Push(branch=branch, default_branch=default, sha=sha):
            merged = branch == default
            return Provenance(branch, sha=sha) if merged else Refused(f"{branch} is not the default branch, {default}")
        case TagPush() | Release():
            return _provenance_of_tag(event)
        case Schedule():
            return Provenance()
        case Comment():
            return _provenance_of_comment(event)
        case Dispatch(ref=ref, default_branch=default):
            return _provenance_of_ref(ref, default)
        case _:
            return Refused("only merged commits are applied", "apply on push, on a tag or a release, or manually")


def _provenance_of_comment(event: Comment) -> Provenance | Refused:
    if not event.merged:
        first = "reopen and merge the pull request first" if event.closed else "merge the pull request first"
        return Refused("this pull request is not merged, and only merged commits are applied", first)
    return Provenance(event.default_branch, checkout=True, pull_request=event.pull_request)


def _provenance_of_tag(event: TagPush | Release) -> Provenance | Refused:
    if isinstance(event, Release):
        return Provenance(event.default_branch, event.tag)
    if event.moved:
        return Refused(
            f"the tag {event.tag} was moved", "a moved tag does not prove which commit was tagged: create a new tag"
        )
    return Provenance(event.default_branch, event.tag, event.sha)


def _provenance_of_ref(ref: str, default: str) -> Provenance | Refused:
    if ref.startswith("refs/tags/"):
        return Provenance(default, ref.removeprefix("refs/tags/"))
    if ref == f"refs/heads/{default}":
        return Provenance(default)
    return Refused(f"{ref} is neither the default branch, {default}, nor a tag", f"start the workflow on {default}")


def refusal_of(event: Event, environment: Environment) -> Refused | None:
    """Why the event does not apply to `environment`, although the manifest names such events. Otherwise None."""
    provenance = provenance_of(event)
    if isinstance(provenance, Refused):
        return provenance
    if not isinstance(event, TagPush | Release) or environment.trigger is not Trigger.RELEASE:
        return None
    promoted = _promoting(event, provenance, (environment,))
    return (
        Refused(promoted.why, f"{environment.name} takes releases tagged {environment.tags}")
        if isinstance(promoted, Ignored)
        else None
    )
