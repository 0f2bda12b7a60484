"""A step that is cancelled: its last words on the pull request, also where GitHub is slow."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ctgitops.core.forge.forge import Generation, StickyComment
from ctgitops.github.access import Access
from ctgitops.github.forge import GitHubForge
from tests.github.scripted import Fault, Scripted, running
from tests.github.test_event import payload_of
from tests.github.test_forge_retry import QUICK
from tests.stories.house import runs, until
from tests.test_action import Step, push, step, tables
from tests.test_action_forge import html

__all__ = ["step"]

SLEEP = "create table slow (); select pg_sleep(120);"
KILLED_AFTER = 10


@pytest.fixture
def hub() -> Iterator[Scripted]:
    with running() as made:
        base = {"ref": "main", "repo": {"default_branch": "main"}}
        merged = {"merged_at": "2026-11-24T09:30:00Z", "merge_commit_sha": "a" * 40}
        sha = push()["after"]
        made.canned[f"/commits/{sha}/pulls"] = [{"number": 7, "base": base, "head": {"sha": "b" * 40}, **merged}]
        yield made


def cancelled_apply(step: Step, hub: Scripted) -> float:
    """Cancels an apply in its second migration; returns how long it took to end, in seconds."""
    step.house.migration("002_slow", SLEEP)
    url = step.house.secrets["STAGING_DATABASE_URL"]
    running_step = step.start("push", push(), {"GITHUB_API_URL": hub.url}, github_token="ours")
    until(lambda: runs(url, "pg_sleep"))
    hub.delay = 1.5
    began = time.monotonic()
    running_step.terminate()
    ended = running_step.ended()
    assert ended.status == 6, ended.said
    return time.monotonic() - began


@pytest.mark.slow
def test_a_cancelled_apply_says_where_it_stopped_before_the_runner_kills_it(step: Step, hub: Scripted) -> None:
    assert cancelled_apply(step, hub) < KILLED_AFTER - 1
    assert tables(step, "staging") == ["red"]
    (comment,) = hub.comments
    assert "### ⛔ Cancelled: staging" in comment["body"]
    assert "<b>State of the database</b>: in staging, 001_red done" in comment["body"]
    assert "<b>Next</b>: " in comment["body"]
    assert hub.made["statuses"][-1]["state"] == "failure"
    hub.delay = 0
    step.house.remove("002_slow")
    again = step.start("push", push(), {"GITHUB_API_URL": hub.url}, github_token="ours").ended()
    assert again.status == 0, again.said
    (comment,) = hub.comments
    assert "Cancelled" not in comment["body"]
    assert "<b>CANCELLED</b>" in comment["body"]


@pytest.mark.slow
def test_a_cancelled_plan_says_so_above_the_older_plan(step: Step, hub: Scripted) -> None:
    plan = payload_of("pull_request.opened")
    hub.delay = 0.3
    planning = step.start("pull_request", plan, {"GITHUB_API_URL": hub.url}, github_token="ours")
    until(lambda: bool(hub.log))
    hub.delay = 1.5
    began = time.monotonic()
    planning.terminate()
    ended = planning.ended()
    assert time.monotonic() - began < KILLED_AFTER - 1
    assert ended.status == 130, ended.said
    (comment,) = hub.comments
    head = plan["pull_request"]["head"]["sha"][:7]
    assert f"### ⛔ Cancelled: the plan of commit {head}" in html(comment["body"]).replace("\u200b", "")
    assert "<b>Next</b>: run the job again" in comment["body"]


# How they are written. ------------------------------------------------------------------------------------------------


@pytest.fixture
def forge(hub: Scripted) -> Iterator[GitHubForge]:
    made = GitHubForge(Access("ours", "o/r", hub.url), pytest.fail, patience=QUICK)
    yield made
    made.close()


def words(body: str, run: int = 5) -> StickyComment:
    return StickyComment(7, "plan", Generation(run, 1), "", body)


def test_last_words_stand_above_the_comment_once_and_the_next_run_replaces_both(
    forge: GitHubForge, hub: Scripted
) -> None:
    forge.comment(words("the plan", run=4))
    hub.log.clear()
    forge.last_words(words("cancelled"))
    assert len(hub.log) <= 3
    forge.last_words(words("cancelled again"))
    (comment,) = hub.comments
    assert comment["body"].count("cancelled again") == 1
    assert "cancelled\n" not in comment["body"]
    assert "the plan" in comment["body"]
    forge.comment(words("the plan", run=6))
    assert "cancelled" not in hub.comments[0]["body"]


def test_last_words_do_not_touch_what_a_later_run_wrote(forge: GitHubForge, hub: Scripted) -> None:
    forge.comment(words("the newer plan", run=6))
    forge.last_words(words("cancelled"))
    assert "cancelled" not in hub.comments[0]["body"]


def test_nothing_is_sent_again_then(hub: Scripted) -> None:
    warned: list[str] = []
    forge = GitHubForge(Access("ours", "o/r", hub.url), warned.append, patience=QUICK)
    hub.faults += [Fault("GET", "/issues/7/comments", 502) for _ in range(9)]
    with pytest.raises(Exception, match="could not comment on pull request 7"):
        forge.last_words(words("cancelled"))
    assert hub.asked("GET") == 1
    forge.close()
