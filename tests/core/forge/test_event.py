from __future__ import annotations

from dataclasses import replace
from datetime import time

import pytest

from ctgitops.core.environment.environment import Trigger
from ctgitops.core.environment.environment_order import in_order_of_after
from ctgitops.core.environment.window import Window
from ctgitops.core.forge.event import (
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
from ctgitops.core.forge.intent import (
    Applying,
    Checking,
    Finalising,
    Intent,
    ManualRun,
    PlanFromApi,
    Planning,
    Provenance,
    Unlocking,
    decide,
    provenance_of,
)
from tests.fakes import PRODUCTION, STAGING

BOTH = (PRODUCTION, STAGING)


def names(decision: Intent) -> list[str]:
    assert isinstance(decision, Planning | Applying)
    return [environment.name for environment in decision.environments]


def test_a_pull_request_plans_every_environment_in_order() -> None:
    decision = decide(PullRequest(42, "a" * 40, "b" * 40, "anna"), BOTH)
    assert isinstance(decision, Planning)
    assert (decision.sha, decision.base_sha, decision.pull_request) == ("a" * 40, "b" * 40, 42)
    assert names(decision) == ["staging", "production"]


def test_a_push_to_the_default_branch_applies_what_waits_for_pushes() -> None:
    decision = decide(Push("main", "a" * 40, "main", "anna"), BOTH)
    assert isinstance(decision, Applying)
    assert names(decision) == ["staging"]


def test_a_push_to_another_branch_does_nothing_and_says_why() -> None:
    assert decide(Push("topic", "a" * 40, "main", "anna"), BOTH) == Ignored("topic is not the default branch, main")


def test_a_release_applies_what_waits_for_its_tag() -> None:
    assert names(decide(Release("v1.2.0", prerelease=False, actor="anna"), BOTH)) == ["production"]
    assert isinstance(decide(Release("nightly", prerelease=False, actor="anna"), BOTH), Ignored)
    assert isinstance(decide(Release("v2.0.0-rc.1", prerelease=True, actor="anna"), BOTH), Ignored)


def test_no_environment_that_waits_for_it_is_nothing_to_do() -> None:
    by_hand = replace(STAGING, trigger=Trigger.MANUAL)
    assert isinstance(decide(Push("main", "a" * 40, "main", "anna"), (by_hand,)), Ignored)


SHA = "a" * 40


def test_a_pull_request_from_outside_is_only_checked() -> None:
    assert decide(PullRequest(42, SHA, SHA, "eve", "it comes from a fork"), BOTH) == Checking(
        "it comes from a fork", 42
    )


def test_a_merge_group_is_planned_on_its_commit() -> None:
    assert decide(MergeGroup(SHA, "b" * 40), BOTH) == Planning((STAGING, PRODUCTION), SHA, base_sha="b" * 40)


def test_a_pull_request_that_was_closed_gets_its_last_word() -> None:
    closed = PullRequestClosed(42, SHA, merged=False)
    assert decide(closed, BOTH) == Finalising(42, SHA, (STAGING, PRODUCTION), merged=False)


def test_the_record_of_a_merge_is_written_by_its_push_where_there_is_one() -> None:
    """Else two runs would write the same comment, and the one without an outcome might come last."""
    merged = PullRequestClosed(42, SHA, merged=True)
    assert isinstance(decide(merged, BOTH), Ignored)
    assert isinstance(decide(merged, (PRODUCTION,)), Finalising)


def test_a_new_tag_promotes_and_a_moved_one_does_not() -> None:
    assert decide(TagPush("v1.2.0", SHA, "main"), BOTH) == Applying((PRODUCTION,), Provenance("main", "v1.2.0", SHA))
    assert isinstance(decide(TagPush("v1.2.0", SHA, "main", moved=True), BOTH), Refused)
    assert isinstance(decide(TagPush("nightly", SHA, "main"), BOTH), Ignored)


@pytest.mark.parametrize(
    "tag",
    ["v2.0.0-rc.1", "2.0.0-alpha", "v2.0.0-rc.1+build.5", "db-v2.0.0-rc.1", "db/v2.0.0-1", "v2.0.0rc1", "2.0.0.dev3"],
)
def test_a_tag_of_a_prerelease_does_not_promote_however_it_comes(tag: str) -> None:
    anything = replace(PRODUCTION, tags="*")
    assert decide(TagPush(tag, SHA, "main"), (anything,)) == Ignored(f"{tag} is a pre-release")
    unmarked = Release(tag, prerelease=False, actor="anna")
    assert decide(unmarked, (anything,)) == Ignored(f"{tag} is a pre-release"), "without the tick of the release"


@pytest.mark.parametrize("tag", ["v2.0.0", "2.0.0", "v2.0.0+build-5", "db-v2.0.0", "2026-11-30", "v2", "v10.20.30"])
def test_a_tag_of_a_release_promotes_unless_its_release_is_marked(tag: str) -> None:
    anything = replace(PRODUCTION, tags="*")
    assert names(decide(TagPush(tag, SHA, "main"), (anything,))) == ["production"]
    assert names(decide(Release(tag, prerelease=False, actor="anna"), (anything,))) == ["production"]
    assert isinstance(decide(Release(tag, prerelease=True, actor="anna"), (anything,)), Ignored)


def test_a_pull_request_into_another_branch_is_planned_with_the_manifests_of_the_default_branch() -> None:
    decision = decide(PullRequest(42, SHA, "b" * 40, "anna", instead="main"), BOTH)
    assert isinstance(decision, Planning)
    assert decision.base_branch == "main"
    group = decide(MergeGroup(SHA, "b" * 40, instead="main"), BOTH)
    assert isinstance(group, Planning)
    assert group.base_branch == "main"


def test_words_that_are_not_a_command_are_refused_with_the_commands() -> None:
    found = decide(replace(said(""), unknown="/ctgitops aply staging"), BOTH)
    assert isinstance(found, Refused)
    assert found.why == "`/ctgitops aply staging` is not a command"
    assert all(f"/ctgitops {verb}" in found.hint for verb in ("plan", "apply ENVIRONMENT", "unlock"))


def test_the_clock_brings_what_waited_for_it_and_never_what_waits_for_a_release() -> None:
    """The default branch may be ahead of what was released."""
    night = (Window(frozenset({"tue"}), time(2), time(5), "UTC"),)
    late = replace(STAGING, name="late", windows=night)
    timed = replace(STAGING, name="timed", trigger=Trigger.SCHEDULE)
    released = replace(PRODUCTION, windows=night)
    assert names(decide(Schedule(), (late, timed, released, STAGING))) == ["late", "timed"]
    assert isinstance(decide(Schedule(), BOTH), Ignored)


def test_a_person_who_starts_it_says_what_they_want() -> None:
    assert decide(Dispatch("refs/heads/main", "main", (("command", "plan"),)), BOTH) == ManualRun(
        (("command", "plan"),)
    )


def said(verb: str, environment: str = "", *, merged: bool = True) -> Comment:
    return Comment(42, verb, environment, "anna", 7, merged, "main")


def test_a_comment_applies_one_environment_of_what_is_merged() -> None:
    provenance = Provenance("main", checkout=True, pull_request=42)
    assert decide(said("apply", "production"), BOTH) == Applying((PRODUCTION,), provenance)
    assert isinstance(decide(said("apply", "nowhere"), BOTH), Refused)
    assert isinstance(decide(said("apply", "production", merged=False), BOTH), Refused)


def test_a_comment_plans_a_pull_request_and_nothing_else() -> None:
    assert decide(said("plan", merged=False), BOTH) == PlanFromApi(42, default_branch="main")


def test_a_comment_unlocks_one_environment_or_all_whether_it_is_merged_or_not() -> None:
    assert decide(said("unlock", "staging", merged=False), BOTH) == Unlocking((STAGING,), 42)
    assert decide(said("unlock"), BOTH) == Unlocking((STAGING, PRODUCTION), 42)
    assert isinstance(decide(said("unlock", "nowhere"), BOTH), Refused)


def test_the_end_of_a_fork_s_run_reads_its_pull_request_and_never_applies() -> None:
    run = OutsideRun(SHA, "topic", "eve", 5)
    assert decide(run, BOTH) == PlanFromApi(run=run)


@pytest.mark.parametrize(
    "event",
    [
        PullRequest(42, SHA, SHA, "anna"),
        PullRequestClosed(42, SHA, merged=True),
        MergeGroup(SHA),
        OutsideRun(SHA, "topic", "eve", 5),
        Comment(42, "apply", "staging", "anna", 7, merged=False, default_branch="main"),
        Push("topic", SHA, "main", "anna"),
        TagPush("v1", SHA, "main", moved=True),
        Dispatch("refs/heads/topic", "main"),
        Dispatch("refs/pull/42/merge", "main"),
    ],
)
def test_what_is_not_merged_is_no_ground_to_apply(event: Event) -> None:
    assert isinstance(provenance_of(event), Refused)


@pytest.mark.parametrize(
    ("event", "provenance"),
    [
        (Push("main", SHA, "main", "anna"), Provenance("main", sha=SHA)),
        (TagPush("v1", SHA, "main"), Provenance("main", "v1", SHA)),
        (Release("v1", prerelease=False, actor="anna", default_branch="trunk"), Provenance("trunk", "v1")),
        (Dispatch("refs/tags/v1", "main"), Provenance("main", "v1")),
        (Dispatch("refs/heads/main", "main"), Provenance("main")),
        (Schedule(), Provenance()),
    ],
)
def test_what_is_merged_is_ground_to_apply(event: Event, provenance: Provenance) -> None:
    assert provenance_of(event) == provenance


def test_environments_come_behind_the_ones_they_come_after() -> None:
    a = replace(STAGING, name="a", after="c")
    b = replace(STAGING, name="b", after="a")
    c = replace(STAGING, name="c")
    assert [e.name for e in in_order_of_after((b, a, c))] == ["c", "a", "b"]


def test_a_circle_does_not_hang() -> None:
    a = replace(STAGING, name="a", after="b")
    b = replace(STAGING, name="b", after="a")
    assert sorted(e.name for e in in_order_of_after((a, b))) == ["a", "b"]
