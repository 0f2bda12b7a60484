from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from ctgitops.core.forge.event import (
    Comment,
    Dispatch,
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
from ctgitops.errors import UsageError
from ctgitops.github.event import read_event


def example(name: str) -> dict[str, Any]:
    """GitHub's own example of an event, with our names in it."""
    found: dict[str, Any] = json.loads(
        (resources.files("ctgitops.demo") / "events" / f"{name}.json").read_text("utf-8")
    )
    return found


PAYLOADS = Path(__file__).parent / "payloads"
"""GitHub's own, from `@octokit/webhooks-examples` 7.6.1 (MIT), as they are."""


def payload_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"))
    return found


def changed(payload: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """The payload with another value somewhere."""
    *folders, key = path.split(".")
    at = payload
    for folder in folders:
        at = at[folder]
    at[key] = value
    return payload


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        ("pull_request.opened", PullRequest),
        ("pull_request.synchronize", PullRequest),
        ("pull_request.reopened", PullRequest),
        ("pull_request.ready_for_review", PullRequest),
        ("pull_request.closed", PullRequestClosed),
        ("pull_request.labeled", Ignored),
        ("merge_group.checks_requested", MergeGroup),
        ("push.branch", Push),
        ("push.tag", TagPush),
        ("push.tag_deleted", Ignored),
        ("release.released", Release),
        ("release.published", Release),
        ("release.prereleased", Ignored),
        ("workflow_dispatch", Dispatch),
        ("issue_comment.created", Ignored),
        ("workflow_run.completed", Ignored),
    ],
)
def test_what_github_sends(payload: str, kind: type) -> None:
    assert type(read_event(payload.split(".", maxsplit=1)[0], payload_of(payload))) is kind


def test_pull_request_target_is_refused_whatever_it_says() -> None:
    with pytest.raises(UsageError, match="pull_request_target"):
        read_event("pull_request_target", payload_of("pull_request.opened"))


def test_the_clock_needs_no_payload() -> None:
    assert read_event("schedule", {"schedule": "0 2 * * *"}) == Schedule()


def test_what_is_in_github_s_own_payloads() -> None:
    commit = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
    assert read_event("push", payload_of("push.tag")) == TagPush("simple-tag", commit, "master")
    assert read_event("push", payload_of("push.branch")) == Push("master", commit, "master", "Codertocat")
    group = "2ffea6db159f6b6c47a24e778fb9ef40cf6b1c7d"
    base = "380387fbc80638b734a49e1be1c4dfec1c01b33c"
    assert read_event("merge_group", payload_of("merge_group.checks_requested")) == MergeGroup(group, base)
    assert read_event("merge_group", payload_of("merge_group.checks_requested") | {"action": "destroyed"}) == Ignored(
        "the action `destroyed` of a merge group does not need a plan"
    )
    assert read_event("workflow_dispatch", payload_of("workflow_dispatch")) == Dispatch("refs/heads/main", "main")


def test_the_commit_of_an_annotated_tag_is_not_the_tag_itself() -> None:
    found = read_event("push", payload_of("push.tag") | {"after": "f" * 40})
    assert isinstance(found, TagPush)
    assert found.sha.startswith("6113728")


@pytest.mark.parametrize("change", [{"created": False}, {"forced": True}])
def test_a_tag_that_was_there_before_was_moved(change: dict[str, bool]) -> None:
    found = read_event("push", payload_of("push.tag") | change)
    assert isinstance(found, TagPush)
    assert found.moved


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        ("pull_request.head.repo.id", 5, "a fork"),
        ("pull_request.head.repo", None, "a fork"),
        ("sender.login", "dependabot[bot]", "Dependabot"),
        ("pull_request.user.login", "dependabot[bot]", "Dependabot"),
    ],
)
def test_a_pull_request_from_outside(path: str, value: object, why: str) -> None:
    inside = read_event("pull_request", payload_of("pull_request.opened"))
    assert isinstance(inside, PullRequest)
    assert inside.outside == ""

    found = read_event("pull_request", changed(payload_of("pull_request.opened"), path, value))
    assert isinstance(found, PullRequest)
    assert why in found.outside


def test_a_fork_that_took_our_name_is_a_fork() -> None:
    payload = changed(payload_of("pull_request.opened"), "pull_request.head.repo.id", 5)
    payload["pull_request"]["head"]["repo"]["full_name"] = payload["pull_request"]["base"]["repo"]["full_name"]
    found = read_event("pull_request", payload)
    assert isinstance(found, PullRequest)
    assert found.outside


def commented(body: str = "/ctgitops apply staging", merged: str | None = "2026-11-24T09:30:00Z") -> dict[str, Any]:
    payload = changed(payload_of("issue_comment.created"), "comment.body", body)
    return changed(payload, "issue.pull_request", {"merged_at": merged})


@pytest.mark.parametrize(
    ("body", "verb", "environment"),
    [
        ("/ctgitops apply staging", "apply", "staging"),
        (" /ctgitops  apply\tstaging \r\nplease", "apply", "staging"),
        ("/ctgitops plan", "plan", ""),
        ("/ctgitops unlock", "unlock", ""),
        ("/ctgitops unlock staging", "unlock", "staging"),
    ],
)
def test_what_a_comment_asks_for(body: str, verb: str, environment: str) -> None:
    payload = commented(body)
    found = read_event("issue_comment", payload)
    assert isinstance(found, Comment)
    assert (found.pull_request, found.verb, found.environment) == (payload["issue"]["number"], verb, environment)
    assert (found.author, found.number, found.merged) == ("Codertocat", payload["comment"]["id"], True)
    assert found.default_branch == "master"


def test_a_comment_on_an_open_pull_request_knows_that_it_is_open() -> None:
    found = read_event("issue_comment", commented(merged=None))
    assert isinstance(found, Comment)
    assert not found.merged


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("sender.id", 7),
        ("comment.user.type", "Bot"),
        ("comment.user.login", "a/../b"),
        ("action", "edited"),
        ("issue.pull_request", None),
        ("comment.body", "please /ctgitops apply staging"),
        ("comment.body", "> /ctgitops apply staging"),
        ("comment.body", "/ctgitopsapply staging"),
    ],
)
def test_nobody_else_and_nothing_else_in_a_comment(path: str, value: object) -> None:
    assert isinstance(read_event("issue_comment", changed(commented(), path, value)), Ignored)


@pytest.mark.parametrize(
    "body",
    [
        "/ctgitops",
        "/ctgitops apply",
        "/ctgitops plan staging",
        "/ctgitops rollback staging",
        "/ctgitops apply staging; rm",
    ],
)
def test_words_that_are_not_known_are_kept_for_the_answer_and_are_no_command(body: str) -> None:
    found = read_event("issue_comment", commented(f"{body}\nplease"))
    assert isinstance(found, Comment)
    assert (found.verb, found.environment, found.unknown) == ("", "", body)


def test_the_author_of_a_pull_request_chooses_its_base_branch() -> None:
    payload = changed(payload_of("pull_request.opened"), "pull_request.base.ref", "topic")
    found = read_event("pull_request", payload)
    assert isinstance(found, PullRequest)
    assert found.instead == "master"
    assert read_event("pull_request", payload | {"action": "closed"}) == PullRequestClosed(
        payload["number"], payload["pull_request"]["head"]["sha"], merged=False
    )
    merged = changed(payload | {"action": "closed"}, "pull_request.merged", value=True)
    assert read_event("pull_request", merged) == Ignored(
        "the pull request was merged into topic, not into the default branch, master"
    )
    queue = changed(payload_of("merge_group.checks_requested"), "merge_group.base_ref", "refs/heads/topic")
    group = read_event("merge_group", queue)
    assert isinstance(group, MergeGroup)
    assert group.instead == queue["repository"]["default_branch"]


def test_an_issue_is_no_pull_request() -> None:
    payload = changed(payload_of("issue_comment.created"), "comment.body", "/ctgitops plan")
    assert isinstance(read_event("issue_comment", payload), Ignored)


def ended(**more: object) -> dict[str, Any]:
    payload = payload_of("workflow_run.completed")
    payload["workflow_run"] |= {"event": "pull_request", "actor": {"login": "eve"}, **more}
    return payload


def test_the_end_of_a_fork_s_run_names_its_head() -> None:
    head = "5779607b49aab1200488439f02372c57b4f75444"
    assert read_event("workflow_run", ended()) == OutsideRun(head, "main", "octo-org", 396980812, "main")


def test_a_run_of_this_repository_planned_itself_but_for_dependabot_s() -> None:
    ours = {"head_repository": payload_of("workflow_run.completed")["repository"]}
    assert isinstance(read_event("workflow_run", ended(**ours)), Ignored)
    assert isinstance(read_event("workflow_run", ended(**ours, actor={"login": "dependabot[bot]"})), OutsideRun)


@pytest.mark.parametrize("change", [{"event": "push"}, {"event": "pull_request_target"}, {"head_repository": None}])
def test_no_other_run_counts(change: dict[str, object]) -> None:
    assert isinstance(read_event("workflow_run", ended(**change)), Ignored)


def test_only_the_end_of_a_run_counts() -> None:
    assert isinstance(read_event("workflow_run", ended() | {"action": "requested"}), Ignored)


def test_what_a_person_filled_in() -> None:
    inputs = {"command": "apply", "dry-run": True, "to": None}
    found = read_event("workflow_dispatch", payload_of("workflow_dispatch") | {"inputs": inputs})
    assert isinstance(found, Dispatch)
    assert found.inputs == (("command", "apply"), ("dry-run", "true"), ("to", ""))
    assert isinstance(read_event("workflow_dispatch", payload_of("workflow_dispatch") | {"inputs": None}), Dispatch)


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


@pytest.mark.parametrize("action", ["labeled", "assigned", "edited"])
def test_anything_else_on_a_pull_request_is_nothing(action: str) -> None:
    found = read_event("pull_request", example("pull_request") | {"action": action})
    assert found == Ignored(f"the pull request was {action}, which does not change its plan")


def test_a_push_to_a_branch() -> None:
    payload = example("push")
    assert read_event("push", payload) == Push("main", payload["after"], "main", "anna-lindqvist")


def test_a_branch_may_have_slashes() -> None:
    event = read_event("push", example("push") | {"ref": "refs/heads/feature/a/b"})
    assert isinstance(event, Push)
    assert event.branch == "feature/a/b"


def test_a_deletion_is_nothing() -> None:
    assert read_event("push", example("push") | {"deleted": True}) == Ignored("the branch main was deleted")


@pytest.mark.parametrize("action", ["released", "published"])
def test_a_release(action: str) -> None:
    found = read_event("release", example("release") | {"action": action})
    assert found == Release("v2.1.0", prerelease=False, actor="anna-lindqvist")


def test_a_draft_and_an_edited_release_are_nothing() -> None:
    payload = example("release")
    assert isinstance(read_event("release", payload | {"action": "edited"}), Ignored)
    assert isinstance(read_event("release", payload | {"release": payload["release"] | {"draft": True}}), Ignored)


def test_another_event_is_refused_and_says_which_are_not() -> None:
    found = read_event("issues", {})
    assert isinstance(found, Refused)
    assert "`issues`" in found.why
    assert "merge_group" in found.hint


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
