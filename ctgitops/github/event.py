"""GitHub's event, read into ours: what happened, or why nothing that concerns us did."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..core.event import (
    Comment,
    Dispatch,
    Event,
    MergeGroup,
    Nothing,
    PullRequest,
    PullRequestClosed,
    Push,
    Refused,
    Release,
    Schedule,
    TagPush,
)
from ..errors import UsageError

Payload = dict[str, Any]

PLANNED = ("opened", "synchronize", "reopened", "ready_for_review")
"""What happens to a pull request that can change its plan."""

PUBLISHED = ("released", "published")

_BRANCH = "refs/heads/"
_TAG = "refs/tags/"
_COMMAND = re.compile(r"/ctgitops(?:[ \t]+(\S+))?(?:[ \t]+(\S+))?[ \t]*")
_DEPENDABOT = "dependabot[bot]"


def read_event(name: str, payload: Payload) -> Event | Nothing | Refused:
    """The event of `GITHUB_EVENT_NAME` and the file at `GITHUB_EVENT_PATH`. Raises UsageError."""
    if name == "pull_request_target":
        what = "pull_request_target gives a stranger's pull request this repository's secrets"
        raise UsageError(what, hint="use `on: pull_request`; forks get a check of their files, without secrets")
    if name not in _READERS:
        known = ", ".join(_READERS)
        return Refused(f"the event `{name}` asks for nothing here", f"what does: {known}; or name a `command`")
    return _READERS[name](payload)


def _pull_request(payload: Payload) -> PullRequest | PullRequestClosed | Nothing:
    action = _text(payload, "action")
    number = _number(payload, "pull_request", "number")
    head = _text(payload, "pull_request", "head", "sha")
    if action == "closed":
        return PullRequestClosed(number, head, merged=_flag(payload, "pull_request", "merged"))
    if action not in PLANNED:
        return Nothing(f"a pull request that was {action.replace('_', ' ')} keeps its plan")
    return PullRequest(
        number=number,
        head_sha=head,
        base_sha=_text(payload, "pull_request", "base", "sha"),
        actor=_text(payload, "sender", "login"),
        outside=_outside(payload),
    )


def _outside(payload: Payload) -> str:
    # A fork that was deleted has no repository any more, and is a fork still.
    head = _get(payload, dict | None, "pull_request", "head", "repo")
    if head is None or head.get("id") != _number(payload, "pull_request", "base", "repo", "id"):
        return "it comes from a fork, which gets no secrets"
    if _DEPENDABOT in (_text(payload, "sender", "login"), _text(payload, "pull_request", "user", "login")):
        return "it comes from Dependabot, which gets no secrets"
    return ""


def _merge_group(payload: Payload) -> MergeGroup | Nothing:
    action = _text(payload, "action")
    if action != "checks_requested":
        return Nothing(f"a merge group that was {action} asks for nothing")
    return MergeGroup(_text(payload, "merge_group", "head_sha"))


def _push(payload: Payload) -> Push | TagPush | Nothing:
    ref = _text(payload, "ref")
    kind, name = ("tag", ref.removeprefix(_TAG)) if ref.startswith(_TAG) else ("branch", ref.removeprefix(_BRANCH))
    if _flag(payload, "deleted"):
        return Nothing(f"the {kind} {name} was deleted")
    default = _text(payload, "repository", "default_branch")
    if kind == "tag":
        # `after` of an annotated tag is the tag itself, not its commit.
        commit = _text(payload, "head_commit", "id")
        return TagPush(name, commit, default, moved=not _flag(payload, "created") or _flag(payload, "forced"))
    return Push(
        branch=name, sha=_text(payload, "after"), default_branch=default, actor=_text(payload, "sender", "login")
    )


def _release(payload: Payload) -> Release | Nothing:
    action = _text(payload, "action")
    if action not in PUBLISHED:
        return Nothing(f"a release that was {action} brings nothing new")
    tag = _text(payload, "release", "tag_name")
    if _flag(payload, "release", "draft"):
        return Nothing(f"the release of {tag} is a draft")
    return Release(
        tag=tag,
        prerelease=_flag(payload, "release", "prerelease"),
        actor=_text(payload, "sender", "login"),
        default_branch=_text(payload, "repository", "default_branch"),
    )


def _schedule(_payload: Payload) -> Schedule:
    return Schedule()


def _dispatch(payload: Payload) -> Dispatch:
    given = _get(payload, dict | None, "inputs") or {}
    inputs = tuple((str(name), _as_text(value)) for name, value in given.items())
    return Dispatch(_text(payload, "ref"), _text(payload, "repository", "default_branch"), inputs)


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value or "")


def _comment(payload: Payload) -> Comment | Nothing:
    first = _text(payload, "comment", "body").strip().split("\n", maxsplit=1)[0].strip()
    said = _COMMAND.fullmatch(first)
    if said is None or _text(payload, "action") != "created":
        return Nothing("a comment asks for something only when it is made, and begins with `/ctgitops`")
    if said[1] != "apply" or not said[2]:
        return Nothing("a comment can ask for `/ctgitops apply ENVIRONMENT`; a plan is made by each push")
    if not _merged(payload):
        return Nothing("only what is merged is applied, and this is no merged pull request")
    if not _proved_to_write(payload):
        return Nothing("GitHub's event does not prove that who wrote this may write; start the workflow by hand")
    return Comment(_number(payload, "issue", "number"), said[1], said[2])


def _merged(payload: Payload) -> bool:
    pull_request = payload["issue"].get("pull_request") if isinstance(payload.get("issue"), dict) else None
    return isinstance(pull_request, dict) and bool(pull_request.get("merged_at"))


def _proved_to_write(payload: Payload) -> bool:
    """The owner of a repository may write. A member or a collaborator may have been given no more than reading."""
    author, owner = _number(payload, "comment", "user", "id"), _number(payload, "repository", "owner", "id")
    return author == owner == _number(payload, "sender", "id") and _text(payload, "comment", "user", "type") == "User"


_READERS: dict[str, Callable[[Payload], Event | Nothing]] = {
    "pull_request": _pull_request,
    "merge_group": _merge_group,
    "push": _push,
    "release": _release,
    "schedule": _schedule,
    "workflow_dispatch": _dispatch,
    "issue_comment": _comment,
}


def _text(payload: Payload, *keys: str) -> str:
    text: str = _get(payload, str, *keys)
    return text


def _number(payload: Payload, *keys: str) -> int:
    number: int = _get(payload, int, *keys)
    return number


def _flag(payload: Payload, *keys: str) -> bool:
    flag: bool = _get(payload, bool, *keys)
    return flag


def _get(payload: Payload, kind: Any, *keys: str) -> Any:
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
    return UsageError(what, hint="the file at GITHUB_EVENT_PATH must be the one that GitHub wrote for this run")
