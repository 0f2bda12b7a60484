from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pytest

from ctgitops.core.event import Nothing, PullRequest, Push, Release
from ctgitops.errors import UsageError
from ctgitops.github.event import read_event


def example(name: str) -> dict[str, Any]:
    """GitHub's own example of an event, with our names in it."""
    found: dict[str, Any] = json.loads(
        (resources.files("ctgitops.demo") / "events" / f"{name}.json").read_text("utf-8")
    )
    return found


def test_a_pull_request() -> None:
    payload = example("pull_request")
    event = read_event("pull_request", payload)
    assert isinstance(event, PullRequest)
    assert (event.number, event.actor) == (42, "anna-lindqvist")
    assert (len(event.head_sha), len(event.base_sha)) == (40, 40)
    assert event.head_sha != event.base_sha


@pytest.mark.parametrize("action", ["opened", "synchronize", "reopened", "ready_for_review"])
def test_what_can_change_a_plan_asks_for_one(action: str) -> None:
    assert isinstance(read_event("pull_request", example("pull_request") | {"action": action}), PullRequest)


@pytest.mark.parametrize("action", ["closed", "labeled", "assigned", "edited"])
def test_anything_else_on_a_pull_request_is_nothing(action: str) -> None:
    found = read_event("pull_request", example("pull_request") | {"action": action})
    assert found == Nothing(f"a pull request that was {action} keeps its plan")


def test_a_push_to_a_branch() -> None:
    payload = example("push")
    assert read_event("push", payload) == Push("main", payload["after"], "main", "anna-lindqvist")


def test_a_branch_may_have_slashes() -> None:
    event = read_event("push", example("push") | {"ref": "refs/heads/feature/a/b"})
    assert isinstance(event, Push)
    assert event.branch == "feature/a/b"


@pytest.mark.parametrize(
    ("change", "why"),
    [({"ref": "refs/tags/v1.0.0"}, "is not a branch"), ({"deleted": True}, "the branch main was deleted")],
)
def test_a_tag_and_a_deletion_are_nothing(change: dict[str, Any], why: str) -> None:
    found = read_event("push", example("push") | change)
    assert isinstance(found, Nothing)
    assert why in found.why


@pytest.mark.parametrize("action", ["released", "published"])
def test_a_release(action: str) -> None:
    found = read_event("release", example("release") | {"action": action})
    assert found == Release("v2.1.0", prerelease=False, actor="anna-lindqvist")


def test_a_draft_and_an_edited_release_are_nothing() -> None:
    payload = example("release")
    assert isinstance(read_event("release", payload | {"action": "edited"}), Nothing)
    assert isinstance(read_event("release", payload | {"release": payload["release"] | {"draft": True}}), Nothing)


def test_another_event_is_nothing_and_says_which_are() -> None:
    assert read_event("issues", {}) == Nothing("an event `issues` asks for nothing; pull_request, push and release do")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("pull_request", "action"),
        ("pull_request", "pull_request.head.sha"),
        ("pull_request", "pull_request.number"),
        ("pull_request", "sender.login"),
        ("push", "ref"),
        ("push", "deleted"),
        ("push", "repository.default_branch"),
        ("release", "release.tag_name"),
        ("release", "release.prerelease"),
    ],
)
def test_half_a_payload_names_what_is_missing(name: str, path: str) -> None:
    payload = example(name)
    *folders, key = path.split(".")
    at = payload
    for folder in folders:
        at = at[folder]
    del at[key]
    with pytest.raises(UsageError, match=rf"lacks `{path}`"):
        read_event(name, payload)


def test_a_value_of_another_type_is_refused() -> None:
    with pytest.raises(UsageError, match="must be a str, not list"):
        read_event("push", example("push") | {"after": []})
