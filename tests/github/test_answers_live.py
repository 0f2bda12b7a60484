"""On a stateful GitHub: parts of the record of shown files, answers that are deleted, last words, approvals."""

from __future__ import annotations

import pytest

from ctgitops.core.forge.forge import CHECK, Check, Conclusion, Generation, StickyComment
from ctgitops.core.gate.review import MOST, ShownFile, shown_texts

from .live import Live
from .test_proposals_live import head_of

pytestmark = pytest.mark.github


def said(number: int, body: str, key: str = "plan", **more: bool) -> StickyComment:
    return StickyComment(number, key, Generation(5, 1), "", body, **more)


def bodies(live: Live, number: int) -> list[str]:
    return [comment["body"].split("\n", 1)[1].strip() for comment in live.comments(number)]


def test_a_record_in_parts_is_stored_in_check_runs_that_keep_their_size(live: Live) -> None:
    pull = live.pull_request("migrations/001_many.sql")
    texts = shown_texts(ShownFile(f"migrations/{number}.sql", "") for number in range(2 * MOST + 1))
    live.forge().check(Check(CHECK, head_of(live, pull), Conclusion.SUCCESS, "Sound", "page", texts=texts))
    runs = live.call("GET", f"/commits/{head_of(live, pull)}/check-runs?filter=all")["check_runs"]
    found = {run["name"]: run for run in runs}
    assert {name: found[name]["output"]["text"] for name in found} == {
        CHECK: texts[0],
        f"{CHECK}, files 2 of 3": texts[1],
        f"{CHECK}, files 3 of 3": texts[2],
    }
    assert found[f"{CHECK}, files 2 of 3"]["conclusion"] == "neutral"


def test_an_answer_goes_and_the_plan_stays(live: Live) -> None:
    number, forge = live.pull_request()["number"], live.forge()
    forge.comment(said(number, "the plan"))
    forge.comment(said(number, "not a command", "answer"))
    assert bodies(live, number) == ["the plan", "not a command"]
    forge.retract(number, "answer")
    forge.retract(number, "answer")
    assert bodies(live, number) == ["the plan"]


def test_where_no_migration_changed_only_a_comment_that_is_there_is_updated(live: Live) -> None:
    number, forge = live.pull_request()["number"], live.forge()
    assert forge.comment(said(number, "no migration changed", only_update=True)) is None
    assert bodies(live, number) == []
    forge.comment(said(number, "the plan"))
    forge.comment(said(number, "no migration changed", only_update=True))
    assert bodies(live, number) == ["no migration changed"]


def test_last_words_take_three_calls_and_stand_first(live: Live) -> None:
    number, forge = live.pull_request()["number"], live.forge()
    forge.comment(said(number, "the plan"))
    before = len(live.calls())
    live.forge().last_words(said(number, "cancelled"))
    assert len([call for call, _ in live.calls()[before:] if call != "GET /user"]) <= 3  # where GraphQL answers
    (body,) = bodies(live, number)
    assert body.index("cancelled") < body.index("the plan")


def test_who_approved_is_read_from_the_last_review_of_each(live: Live) -> None:
    number = live.pull_request()["number"]
    assert live.forge().approvers(number) == ()
    live.call("POST", f"/pulls/{number}/reviews", {"event": "APPROVE", "body": "fine"})
    approved = live.forge().approvers(number)
    assert approved is not None
    assert len(approved) == 1
    live.call("POST", f"/pulls/{number}/reviews", {"event": "COMMENT", "body": "still fine"})
    assert live.forge().approvers(number) == approved
    live.call("POST", f"/pulls/{number}/reviews", {"event": "REQUEST_CHANGES", "body": "not fine"})
    assert live.forge().approvers(number) == ()
