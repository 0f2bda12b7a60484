"""Applying an offered fix removes the finding."""

from __future__ import annotations

import pytest

from ctgitops.core.fix import Lines
from ctgitops.sql.parse import statements
from tests.lint.examples import RULES, linted, rules_found, switched_on

FIXED = (
    "blocking-index",
    "blocking-drop-index",
    "blocking-reindex",
    "blocking-refresh",
    "check-scan",
    "foreign-key-scan",
)


def carried_out(text: str, fix: Lines) -> str:
    lines = text.split("\n")
    lines[fix.first - 1 : fix.last] = fix.instead
    return "\n".join(lines)


@pytest.mark.parametrize("identity", FIXED)
def test_the_fix_of_an_example_is_sql_and_ends_its_finding(identity: str) -> None:
    (rule,) = (rule for rule in RULES if rule.id == identity)
    text = f"-- ünïcode before it\n{rule.bad}\n"
    (found,) = linted(text, rule.given, **switched_on(rule))
    assert isinstance(found.fix, Lines)
    fixed = carried_out(text, found.fix)
    assert len(statements(fixed)) == 1
    assert rules_found(fixed, rule.given, **switched_on(rule)) == []


def test_words_are_put_where_they_belong_also_on_several_lines_and_after_comments() -> None:
    text = "CREATE UNIQUE /* INDEX */ INDEX a\n  ON orders (note) -- why\n;\n"
    (found,) = linted(text)
    assert isinstance(found.fix, Lines)
    assert found.fix.instead == ("CREATE UNIQUE /* INDEX */ INDEX CONCURRENTLY a",)
    text = "ALTER TABLE orders ADD CONSTRAINT c\n  CHECK (amount > 0);\n"
    (found,) = linted(text)
    assert isinstance(found.fix, Lines)
    assert found.fix.instead == ("  CHECK (amount > 0) NOT VALID;",)


@pytest.mark.parametrize(
    "text",
    [
        "create index a on orders (note);\ncomment on index a is 'x';",
        "do $$ begin create index a on orders (note); end $$;",
        "alter table orders add check (amount > 0), add column x int;",
        "alter table orders add column x int check (x > 0);",
        "drop index orders_pkey, customers_pkey;",
        "begin; create index a on orders (note); commit;",
    ],
)
def test_none_is_offered_where_more_than_a_word_would_have_to_change(text: str) -> None:
    severities = {"blocking-drop-index": "warning"}
    assert linted(text, **severities)
    assert [found.fix for found in linted(text, **severities) if found.fix] == []
