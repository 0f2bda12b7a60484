from __future__ import annotations

from dataclasses import replace

from ctgitops.core.environment import Trigger
from ctgitops.core.event import Applying, Nothing, Planning, PullRequest, Push, Release, decide, in_order_of_after
from tests.fakes import PRODUCTION, STAGING

BOTH = (PRODUCTION, STAGING)


def names(decision: Planning | Applying | Nothing) -> list[str]:
    assert not isinstance(decision, Nothing)
    return [environment.name for environment in decision.environments]


def test_a_pull_request_plans_every_environment_in_order() -> None:
    decision = decide(PullRequest(42, "a" * 40, "b" * 40, "anna"), BOTH)
    assert isinstance(decision, Planning)
    assert names(decision) == ["staging", "production"]


def test_a_push_to_the_default_branch_applies_what_waits_for_pushes() -> None:
    decision = decide(Push("main", "a" * 40, "main", "anna"), BOTH)
    assert isinstance(decision, Applying)
    assert names(decision) == ["staging"]


def test_a_push_to_another_branch_does_nothing_and_says_why() -> None:
    assert decide(Push("topic", "a" * 40, "main", "anna"), BOTH) == Nothing("topic is not the default branch, main")


def test_a_release_applies_what_waits_for_its_tag() -> None:
    assert names(decide(Release("v1.2.0", prerelease=False, actor="anna"), BOTH)) == ["production"]
    assert isinstance(decide(Release("nightly", prerelease=False, actor="anna"), BOTH), Nothing)
    assert isinstance(decide(Release("v2.0.0-rc.1", prerelease=True, actor="anna"), BOTH), Nothing)


def test_no_environment_that_waits_for_it_is_nothing_to_do() -> None:
    by_hand = replace(STAGING, trigger=Trigger.MANUAL)
    assert isinstance(decide(Push("main", "a" * 40, "main", "anna"), (by_hand,)), Nothing)


def test_environments_come_behind_the_ones_they_come_after() -> None:
    a = replace(STAGING, name="a", after="c")
    b = replace(STAGING, name="b", after="a")
    c = replace(STAGING, name="c")
    assert [e.name for e in in_order_of_after((b, a, c))] == ["c", "a", "b"]


def test_a_circle_does_not_hang() -> None:
    a = replace(STAGING, name="a", after="b")
    b = replace(STAGING, name="b", after="a")
    assert sorted(e.name for e in in_order_of_after((a, b))) == ["a", "b"]
