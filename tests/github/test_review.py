"""Suggested changes: on the right lines, only once, limited in number, and no text can end their code fence."""

from __future__ import annotations

import re

import cmarkgfm  # type: ignore[import-untyped]
import pytest
from cmarkgfm.cmark import Options  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.forge.forge import Review, Suggestion
from ctgitops.github.review import MOST, body
from tests.github.test_forge_retry import INACCESSIBLE, SHA, World, world
from tests.report.test_hostile import hostile

__all__ = ["world"]

PATH = "migrations/001_x.sql"
ONE = Suggestion(PATH, 2, 2, ("-- Version: v1",), ("-- Version: 1.0.0",), "`v1` is no version", "three numbers")
TWO = Suggestion(PATH, 5, 6, ("-- Author: A", "-- Author: A"), ("-- Author: A",), "given twice")


def suggest(world: World, *suggestions: Suggestion, by: str = "ours") -> int:
    forge = world.forge_of(by)
    world.forges.append(forge)
    try:
        return forge.suggest(Review(7, SHA, suggestions))
    finally:
        forge.close()


def remarks(world: World) -> list[dict[str, object]]:
    return world.github.made["remarks"]


def test_one_review_with_a_suggestion_on_each_line(world: World) -> None:
    assert suggest(world, ONE, TWO) == 2
    (review,) = world.github.made["reviews"]
    assert (review["event"], review["commit_id"]) == ("COMMENT", SHA)
    one, two = remarks(world)
    assert (one["path"], one["line"], one["side"], "start_line" in one) == (PATH, 2, "RIGHT", False)
    assert (two["line"], two["start_line"], two["start_side"]) == (6, 5, "RIGHT")
    assert str(one["body"]).endswith("\n\n```suggestion\n-- Version: 1.0.0\n```\n")
    assert "<b><code>v1</code> is no version</b><br>three numbers" in str(one["body"])


def test_what_was_suggested_is_not_suggested_again_wherever_its_line_is_now(world: World) -> None:
    suggest(world, ONE)
    moved = Suggestion(PATH, 9, 9, ONE.old, ONE.instead, "other words")
    assert suggest(world, ONE, moved) == 0
    assert suggest(world, ONE, TWO) == 1
    assert [str(r["path"]) for r in remarks(world)] == [PATH, PATH]
    another = Suggestion(PATH, 2, 2, ("-- Version: v2",), ONE.instead, ONE.what)
    assert suggest(world, another) == 1


def test_a_mark_that_somebody_else_planted_silences_nothing(world: World) -> None:
    suggest(world, ONE, by="theirs")
    assert suggest(world, ONE) == 1


def test_only_so_many_at_once_and_the_rest_the_next_time(world: World) -> None:
    many = [Suggestion(PATH, n, n, ("a",), (f"{n}",), "x") for n in range(1, MOST + 6)]
    assert [suggest(world, *many), suggest(world, *many), suggest(world, *many)] == [MOST, 5, 0]


def test_nothing_to_suggest_asks_nothing(world: World) -> None:
    assert suggest(world) == 0
    assert world.github.log == []


@pytest.mark.parametrize("line", ["a\u202eb", "a\u200bb", "\x1b[31m", "a\nb"])
def test_what_cannot_be_seen_is_not_suggested(world: World, line: str) -> None:
    assert suggest(world, Suggestion(PATH, 1, 1, ("a",), (line,), "x")) == 0


@pytest.mark.parametrize("lands", [True, False])
def test_an_answer_that_is_lost_makes_no_second_review(world: World, lands: bool) -> None:
    world.fail("POST", "/pulls/7/reviews", 502, lands=lands)
    assert suggest(world, ONE) == 1
    assert len(remarks(world)) == 1


def test_a_token_that_may_not_costs_one_warning(world: World) -> None:
    world.fail("POST", "/pulls/7/reviews", 403, message=INACCESSIBLE)
    assert suggest(world, ONE) == 0
    (warning,) = world.warnings
    assert "pull-requests: write" in warning


@given(hostile, st.lists(st.sampled_from(["`", "``", "```", "````suggestion", "~~~", " ", "a", "</details>", "@x"])))
def test_no_text_changes_what_is_suggested(text: str, parts: list[str]) -> None:
    line = "".join(parts)
    made = body(Suggestion(PATH, 1, 1, ("a",), (line, "end"), text, text))
    html = cmarkgfm.github_flavored_markdown_to_html(f"{made}\n\nafter", Options.CMARK_OPT_UNSAFE)
    assert html.count("<pre") == html.count("</pre>") == 1
    assert html.endswith("</code></pre>\n<p>after</p>\n")
    assert set(re.findall(r"<(\w+)", html.split("<pre")[0])) <= {"p", "b", "br", "code"}
    assert re.search(r"(?<![\w`])@\w", html.split("<pre")[0]) is None
