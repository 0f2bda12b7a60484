from __future__ import annotations

import pytest

from tests.lint.examples import linted, rules_found

DROP = "alter table orders drop column note;"


@pytest.mark.parametrize(
    "text",
    [
        f"-- ctgitops: allow drop-column (nobody reads it)\n{DROP}",
        f"{DROP} -- ctgitops: allow drop-column (nobody reads it)",
        "alter table orders\n  -- ctgitops: allow drop-column (nobody reads it (we asked)) by ana\n  drop column note;",
        f"/* first */ create view v as select 1;\n\n-- ctgitops: allow drop-column (x) until 2026-11-25\n\n{DROP}",
    ],
)
def test_it_allows_what_it_stands_before_in_or_behind(text: str) -> None:
    assert linted(text) == []


def test_it_allows_one_statement_and_no_other() -> None:
    text = f"-- ctgitops: allow drop-column (nobody reads it)\n{DROP}\nalter table orders drop column code;"
    (found,) = linted(text)
    assert (found.rule, found.place.line) == ("drop-column", 3)


def test_it_ends_on_its_day_and_then_says_who_wanted_to_look() -> None:
    found = linted(f"-- ctgitops: allow drop-column (x) until 2026-11-24 by the team\n{DROP}")
    assert [f.rule for f in found] == ["drop-column", "expired-allowance"]
    assert "the team" in found[1].what


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("allow drop-column", "has no reason in brackets"),
        ("allow drop-column ()", "the reason is empty"),
        ("allow drop-colum (x)", "did you mean `drop-column`?"),
        ("allow drop-column (x) until soon", "`soon` is not a date"),
        ("allow drop-column (x) for ever", "has a syntax error"),
    ],
)
def test_what_cannot_be_read_allows_nothing_and_says_why(line: str, said: str) -> None:
    found = linted(f"-- ctgitops: {line}\n{DROP}")
    assert [f.rule for f in found] == ["drop-column", "bad-allowance"]
    assert said in found[1].what


def test_one_that_nothing_needs_is_a_finding_unless_its_rule_is_off() -> None:
    text = "-- ctgitops: allow drop-table (x)\ncreate view v as select 1;"
    assert rules_found(text) == ["unused-allowance"]
    assert rules_found(text, **{"drop-table": "off"}) == []


def test_a_string_is_no_allowance() -> None:
    assert rules_found(f"select '\n-- ctgitops: allow drop-column (x)\n';\n{DROP}") == ["drop-column"]
