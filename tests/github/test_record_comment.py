"""The record of a closed pull request, above the plan that was there before."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ctgitops.core.forge.forge import Composed, Generation, Published, RecordComment
from ctgitops.github.marker import plan_in, read, with_plan
from ctgitops.report.page import COMMENT_LIMIT, cut_at_block
from ctgitops.report.record import closed_markdown

from .test_forge_retry import SHA, World, bodies, comment, world

__all__ = ["world"]
FILES = "<details><summary>SQL</summary>\n\n```sql\nselect 1;\n```\n\n</details>"
PLAN = f"### 🟠 1 migration pending\n\n<b>Next</b>: merge\n\n{FILES}"


def record(body: str, run: int = 2) -> RecordComment:
    return RecordComment(7, "plan", Generation(run, 1), SHA, lambda _published: Composed(body, "memory"))


def test_the_plan_stays_below_every_record(world: World) -> None:
    world.forge.comment(comment(PLAN))
    for body in ("### ⛔ staging FAILED\n", "### ✅ Applied to staging\n"):
        assert world.forge.record(record(body))
        (text,) = [row["body"] for row in world.github.comments]
        assert text.split("\n", 1)[1].startswith(body.strip())
        assert plan_in(text) == PLAN
        marker = read(text)
        assert marker is not None
        assert (marker.record, marker.memory) == (True, "memory")


def test_the_plan_of_a_pull_request_that_was_never_merged_does_not_say_that_it_was(world: World) -> None:
    """Seen to fail with `The plan before the merge`."""
    world.forge.comment(comment(PLAN))
    world.forge.record(record(closed_markdown()))
    (text,) = [row["body"] for row in world.github.comments]
    assert "Closed without being merged" in text
    assert plan_in(text) == PLAN
    (summary,) = re.findall(r"<summary><b>(The plan.*?)</b>", text)
    assert summary == "The plan of this pull request"


def test_a_lower_run_number_writes_what_was_read_last(world: World) -> None:
    world.forge.record(record("failed\n", run=9))
    world.forge.record(record("applied\n", run=3))
    assert bodies(world) == ["applied\n"]


def test_a_record_is_made_again_if_another_run_wrote_meanwhile(world: World) -> None:
    asked: list[str] = []

    def compose(published: Published) -> Composed:
        asked.append(published.memory)
        if len(asked) == 1:
            world.forge_of("ours").record(record("of the other run\n"))
        return Composed(f"made {len(asked)} times\n", "mine")

    world.forge.record(replace(record(""), compose=compose))
    assert asked == ["", "memory"]
    assert bodies(world) == ["made 2 times\n"]


def test_nothing_is_written_if_there_is_nothing_to_write(world: World) -> None:
    assert world.forge.record(replace(record(""), compose=lambda _published: None)) is None
    assert world.github.comments == []


def test_the_plan_of_a_check_run_wins_over_a_comment_that_claims_another(world: World) -> None:
    world.github.canned["/pulls/7"] = {
        "number": 7,
        "state": "closed",
        "head": {"sha": SHA},
        "url": f"{world.github.url}/repos/o/r/pulls/7",
    }
    run = {"id": 5, "name": "ctgitops / plan", "output": {"summary": PLAN}, "url": f"{world.github.url}/x"}
    world.github.canned[f"/commits/{SHA}/check-runs"] = {"total_count": 1, "check_runs": [run]}
    world.forge.comment(comment("forged way back: drop everything\n"))
    world.forge.record(record("applied\n"))
    (text,) = [row["body"] for row in world.github.comments]
    assert plan_in(text) == PLAN
    assert "forged" not in text


def test_a_token_that_may_not_read_check_runs_is_one_warning(world: World) -> None:
    """Seen to fail: without a word, the record took the plan of the comment, which more workflows can write."""
    world.github.canned["/pulls/7"] = {"number": 7, "state": "closed", "head": {"sha": SHA}}
    world.forge.comment(comment(PLAN))
    for run in (2, 3):
        world.fail("GET", f"/commits/{SHA}/check-runs", 403, message="Resource not accessible by integration")
        assert world.forge.record(record(f"### ✅ run {run}\n", run=run))
    (warning,) = world.warnings
    assert "Give the job `permissions: checks: write`" in warning
    (text,) = [row["body"] for row in world.github.comments]
    assert plan_in(text) == PLAN


def test_a_plan_of_an_outdated_commit_or_of_a_merged_pull_request_changes_nothing(world: World) -> None:
    new = "b" * 40
    pull = {"number": 7, "state": "open", "head": {"sha": new}, "url": f"{world.github.url}/repos/o/r/pulls/7"}
    world.github.canned["/pulls/7"] = pull
    world.github.canned[f"/compare/{SHA}...{new}"] = {"status": "ahead"}
    world.forge.comment(comment("of the new commit\n", run=1, head=new))
    assert world.forge.comment(comment("late\n", run=9)) is None
    assert bodies(world) == ["of the new commit\n"]
    pull["state"] = "closed"
    world.forge.record(record("applied\n", run=2))
    assert world.forge.comment(comment("late\n", run=9, head=new)) is None
    assert bodies(world)[0].startswith("applied\n")
    pull["state"] = "open"
    assert world.forge.comment(comment("reopened\n", run=9, head=new))
    assert bodies(world) == ["reopened\n"]


def test_a_head_that_github_still_names_after_a_push_does_not_keep_the_old_plan(world: World) -> None:
    new = "b" * 40
    url = f"{world.github.url}/repos/o/r/pulls/7"
    world.github.canned["/pulls/7"] = {"number": 7, "state": "open", "head": {"sha": SHA}, "url": url}
    for answer in ("behind", "diverged", "unknown"):
        world.github.canned[f"/compare/{new}...{SHA}"] = {"status": answer}
        world.forge.comment(comment("of the old commit\n", run=1))
        assert world.forge.comment(comment("of the new commit\n", run=9, head=new))
        assert bodies(world) == ["of the new commit\n"]
        world.github.comments.clear()


def test_a_marker_from_before_the_run_began_does_not_decide(world: World) -> None:
    now = datetime.now(UTC)
    planted = comment("planted\n", run=10**12)
    world.forge.comment(planted)
    world.github.comments[0]["updated_at"] = (now - timedelta(minutes=1)).isoformat()
    mine = replace(comment("mine\n", run=2), generation=Generation(2, 1, now))
    assert world.forge.comment(mine)
    assert bodies(world) == ["mine\n"]


def test_a_plan_is_cut_between_two_blocks() -> None:
    page = "\n\n".join([PLAN, PLAN.replace("select 1;", "select\n\n2;\n\n" * 50), "last"])
    for longest in range(len(page) + 20):
        kept = cut_at_block(page, longest)
        assert len(kept) <= longest
        assert kept.count("<details>") == kept.count("</details>")
        assert kept.count("```") % 2 == 0
    assert cut_at_block(page, len(page)) == page
    body, name = with_plan("record\n", "x\n\n" * COMMENT_LIMIT, 1000)
    assert len(body) <= 1000
    assert name
    assert with_plan("record\n", "x", 100) == ("record\n", "")
