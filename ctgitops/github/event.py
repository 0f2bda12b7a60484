"""GitHub's event, read into ours: what happened, or why nothing that concerns us did."""

from __future__ import annotations

from typing import Any

from ..core.event import Event, Nothing, PullRequest, Push, Release
from ..errors import UsageError

Payload = dict[str, Any]

PLANNED = ("opened", "synchronize", "reopened", "ready_for_review")
"""What happens to a pull request that can change its plan."""

PUBLISHED = ("released", "published")

_BRANCH = "refs/heads/"


def read_event(name: str, payload: Payload) -> Event | Nothing:
    """The event of `GITHUB_EVENT_NAME` and the file at `GITHUB_EVENT_PATH`. Raises UsageError for half a payload."""
    match name:
        case "pull_request":
            return _pull_request(payload)
        case "push":
            return _push(payload)
        case "release":
            return _release(payload)
        case _:
            return Nothing(f"an event `{name}` asks for nothing; pull_request, push and release do")


def _pull_request(payload: Payload) -> PullRequest | Nothing:
    action = _text(payload, "action")
    if action not in PLANNED:
        return Nothing(f"a pull request that was {action.replace('_', ' ')} keeps its plan")
    return PullRequest(
        number=_number(payload, "pull_request", "number"),
        head_sha=_text(payload, "pull_request", "head", "sha"),
        base_sha=_text(payload, "pull_request", "base", "sha"),
        actor=_text(payload, "sender", "login"),
    )


def _push(payload: Payload) -> Push | Nothing:
    ref = _text(payload, "ref")
    if not ref.startswith(_BRANCH):
        return Nothing(f"{ref} is not a branch; a release asks for what a tag stands for")
    branch = ref.removeprefix(_BRANCH)
    if _get(payload, bool, "deleted"):
        return Nothing(f"the branch {branch} was deleted")
    return Push(
        branch=branch,
        sha=_text(payload, "after"),
        default_branch=_text(payload, "repository", "default_branch"),
        actor=_text(payload, "sender", "login"),
    )


def _release(payload: Payload) -> Release | Nothing:
    action = _text(payload, "action")
    if action not in PUBLISHED:
        return Nothing(f"a release that was {action} brings nothing new")
    tag = _text(payload, "release", "tag_name")
    if _get(payload, bool, "release", "draft"):
        return Nothing(f"the release of {tag} is a draft")
    prerelease: bool = _get(payload, bool, "release", "prerelease")
    return Release(tag=tag, prerelease=prerelease, actor=_text(payload, "sender", "login"))


def _text(payload: Payload, *keys: str) -> str:
    text: str = _get(payload, str, *keys)
    return text


def _number(payload: Payload, *keys: str) -> int:
    number: int = _get(payload, int, *keys)
    return number


def _get(payload: Payload, kind: type, *keys: str) -> Any:
    found: Any = payload
    for depth, key in enumerate(keys, start=1):
        if not isinstance(found, dict) or key not in found:
            raise _lacking(".".join(keys[:depth]))
        found = found[key]
    if type(found) is not kind:
        raise _lacking(".".join(keys), f"a {kind.__name__}, not {type(found).__name__}")
    return found


def _lacking(key: str, want: str = "") -> UsageError:
    what = f"`{key}` of the event must be {want}" if want else f"the event lacks `{key}`"
    return UsageError(what, hint="the file at GITHUB_EVENT_PATH must be the one that GitHub wrote for this run")
