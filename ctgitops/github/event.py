"""Parses the payload of a GitHub event, or says why the event is ignored or refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..core.forge.event import (
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
from ..errors import UsageError

PLANNED = ("opened", "synchronize", "reopened", "ready_for_review")
"""The actions of the event `pull_request` after which a new plan is made."""

PUBLISHED = ("released", "published")

_BRANCH = "refs/heads/"
_TAG = "refs/tags/"
_COMMAND = re.compile(r"/ctgitops(?:[ \t]+(\S+))?(?:[ \t]+(\S+))?[ \t]*", re.IGNORECASE)
_BEGINS = re.compile(r"/ctgitops(?![^ \t])", re.IGNORECASE)  # `startsWith` in a workflow ignores case too
LONGEST_UNKNOWN = 60
_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98})")
_DEPENDABOT = "dependabot[bot]"


def read_event(name: str, payload: Payload) -> Event | Ignored | Refused:
    """Parses the event. `name` is from `GITHUB_EVENT_NAME`, `payload` from `GITHUB_EVENT_PATH`. Raises UsageError."""
    if name == "pull_request_target":
        what = "pull_request_target gives pull requests from forks this repository's secrets"
        raise UsageError(what, hint="use `on: pull_request`; forks get a check of their files, without secrets")
    if name not in _READERS:
        known = ", ".join(_READERS)
        return Refused(f"the event `{name}` is not supported", f"supported are: {known}; or set the input `command`")
    return _READERS[name](payload)


def _pull_request(payload: Payload) -> PullRequest | PullRequestClosed | Ignored:
    action = text_of(payload, "action")
    number = number_of(payload, "pull_request", "number")
    head = text_of(payload, "pull_request", "head", "sha")
    base = text_of(payload, "pull_request", "base", "ref")
    default = text_of(payload, "pull_request", "base", "repo", "default_branch")
    if action == "closed":
        merged = flag_of(payload, "pull_request", "merged")
        if merged and base != default:
            return Ignored(f"the pull request was merged into {base}, not into the default branch, {default}")
        return PullRequestClosed(number, head, merged=merged)
    if action not in PLANNED:
        return Ignored(f"the pull request was {action.replace('_', ' ')}, which does not change its plan")
    return PullRequest(
        number=number,
        head_sha=head,
        base_sha=text_of(payload, "pull_request", "base", "sha"),
        actor=text_of(payload, "sender", "login"),
        outside=_outside(payload),
        instead="" if base == default else default,
    )


def _outside(payload: Payload) -> str:
    # If a fork was deleted, the payload has no repository; the pull request still counts as a fork's.
    head = get_of(payload, dict | None, "pull_request", "head", "repo")
    if head is None or head.get("id") != number_of(payload, "pull_request", "base", "repo", "id"):
        return "the pull request comes from a fork, which gets no secrets"
    if _DEPENDABOT in (text_of(payload, "sender", "login"), text_of(payload, "pull_request", "user", "login")):
        return "the pull request comes from Dependabot, which gets no secrets"
    return ""


def _merge_group(payload: Payload) -> MergeGroup | Ignored:
    action = text_of(payload, "action")
    if action != "checks_requested":
        return Ignored(f"the action `{action}` of a merge group does not need a plan")
    default = text_of(payload, "repository", "default_branch")
    return MergeGroup(
        text_of(payload, "merge_group", "head_sha"),
        text_of(payload, "merge_group", "base_sha"),
        instead="" if text_of(payload, "merge_group", "base_ref") == f"{_BRANCH}{default}" else default,
    )


def _push(payload: Payload) -> Push | TagPush | Ignored:
    ref = text_of(payload, "ref")
    kind, name = ("tag", ref.removeprefix(_TAG)) if ref.startswith(_TAG) else ("branch", ref.removeprefix(_BRANCH))
    if flag_of(payload, "deleted"):
        return Ignored(f"the {kind} {name} was deleted")
    default = text_of(payload, "repository", "default_branch")
    if kind == "tag":
        # For an annotated tag, `after` is the tag object, not its commit.
        commit = text_of(payload, "head_commit", "id")
        return TagPush(name, commit, default, moved=not flag_of(payload, "created") or flag_of(payload, "forced"))
    return Push(
        branch=name, sha=text_of(payload, "after"), default_branch=default, actor=text_of(payload, "sender", "login")
    )


def _release(payload: Payload) -> Release | Ignored:
    action = text_of(payload, "action")
    if action not in PUBLISHED:
        return Ignored(f"the action `{action}` of a release does not apply anything")
    tag = text_of(payload, "release", "tag_name")
    if flag_of(payload, "release", "draft"):
        return Ignored(f"the release of {tag} is a draft")
    return Release(
        tag=tag,
        prerelease=flag_of(payload, "release", "prerelease"),
        actor=text_of(payload, "sender", "login"),
        default_branch=text_of(payload, "repository", "default_branch"),
    )


def _dispatch(payload: Payload) -> Dispatch:
    given = get_of(payload, dict | None, "inputs") or {}
    inputs = tuple((str(name), _as_text(value)) for name, value in given.items())
    return Dispatch(text_of(payload, "ref"), text_of(payload, "repository", "default_branch"), inputs)


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value or "")


def _comment(payload: Payload) -> Comment | Ignored:
    first, *others = (line.strip() for line in text_of(payload, "comment", "body").strip().split("\n"))
    if not _BEGINS.match(first) or text_of(payload, "action") != "created":
        return Ignored("only a new comment that begins with `/ctgitops` is a command")
    pull_request = get_of(payload, dict, "issue").get("pull_request")
    if not isinstance(pull_request, dict):
        return Ignored("only a comment on a pull request can be a command")
    if not _written_by_user(payload):
        return Ignored("a command must come from the person who wrote the comment, not from an app")
    said = _COMMAND.fullmatch(first)
    verb, environment = ((said[1] or "").lower(), said[2] or "") if said else ("", "")
    known = (verb, bool(environment)) in (("plan", False), ("apply", True), ("unlock", True), ("unlock", False))
    return Comment(
        pull_request=number_of(payload, "issue", "number"),
        verb=verb if known else "",
        environment=environment if known else "",
        unknown="" if known else first[:LONGEST_UNKNOWN].replace("`", "'"),  # answers quote it in backticks
        author=text_of(payload, "comment", "user", "login"),
        number=number_of(payload, "comment", "id"),
        merged=bool(pull_request.get("merged_at")),
        default_branch=text_of(payload, "repository", "default_branch"),
        closed=get_of(payload, dict, "issue").get("state") == "closed" and not pull_request.get("merged_at"),
        several=any(map(_BEGINS.match, others)),
    )


def _written_by_user(payload: Payload) -> bool:
    author, sender = number_of(payload, "comment", "user", "id"), number_of(payload, "sender", "id")
    login = text_of(payload, "comment", "user", "login")
    return author == sender and text_of(payload, "comment", "user", "type") == "User" and bool(_LOGIN.fullmatch(login))


def _workflow_run(payload: Payload) -> OutsideRun | Ignored:
    run = get_of(payload, dict, "workflow_run")
    if text_of(payload, "action") != "completed" or run.get("event") != "pull_request":
        return Ignored("only a completed workflow run for a pull request is planned")
    head = get_of(payload, dict | None, "workflow_run", "head_repository")
    if head is None:
        return Ignored("the fork was deleted")
    actor = run.get("actor")
    by_dependabot = isinstance(actor, dict) and actor.get("login") == _DEPENDABOT
    if head.get("id") == number_of(payload, "repository", "id") and not by_dependabot:
        return Ignored("the pull request is not from a fork, so the run of the pull request itself has planned it")
    return OutsideRun(
        head_sha=text_of(payload, "workflow_run", "head_sha"),
        head_branch=text_of(payload, "workflow_run", "head_branch"),
        head_owner=text_of(payload, "workflow_run", "head_repository", "owner", "login"),
        head_repository=number_of(payload, "workflow_run", "head_repository", "id"),
        default_branch=text_of(payload, "repository", "default_branch"),
    )


_READERS: dict[str, Callable[[Payload], Event | Ignored]] = {
    "pull_request": _pull_request,
    "merge_group": _merge_group,
    "push": _push,
    "release": _release,
    "schedule": lambda _payload: Schedule(),
    "workflow_dispatch": _dispatch,
    "issue_comment": _comment,
    "workflow_run": _workflow_run,
}


Payload = dict[str, Any]


def text_of(payload: Payload, *keys: str) -> str:
    """The string in the payload at a path of keys. Raises UsageError."""
    text: str = get_of(payload, str, *keys)
    return text


def number_of(payload: Payload, *keys: str) -> int:
    """The integer in the payload at a path of keys. Raises UsageError."""
    number: int = get_of(payload, int, *keys)
    return number


def flag_of(payload: Payload, *keys: str) -> bool:
    """The boolean in the payload at a path of keys. Raises UsageError."""
    flag: bool = get_of(payload, bool, *keys)
    return flag


def get_of(payload: Payload, kind: Any, *keys: str) -> Any:
    """The value in the payload at a path of keys. Raises UsageError if its type is not `kind`."""
    found: Any = payload
    for depth, key in enumerate(keys, start=1):
        if not isinstance(found, dict) or key not in found:
            raise _lacking(".".join(keys[:depth]))
        found = found[key]
    if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
        name = getattr(kind, "__name__", "object")
        raise _lacking(".".join(keys), f"a {name}, not {type(found).__name__}")
    return found


def _lacking(key: str, want: str = "") -> UsageError:
    what = f"`{key}` of the event must be {want}" if want else f"the event lacks `{key}`"
    return UsageError(what, hint="GITHUB_EVENT_PATH must name the file that GitHub wrote for this run")
