"""Properties that every rule has, checked on its own text."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctgitops.core.workspace.finding import Severity
from ctgitops.lint import rules
from ctgitops.lint.registry import all_rules
from ctgitops.lint.rule import Rule
from tests.lint.examples import RULES, linted, rules_found, switched_on

FOLDER = Path(rules.__file__).parent


def name_of(rule: Rule) -> str:
    return rule.id


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_its_bad_example_is_found(rule: Rule) -> None:
    assert rule.id in rules_found(rule.bad, rule.given, **switched_on(rule))


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_no_rule_speaks_against_its_good_example(rule: Rule) -> None:
    found = linted(rule.good, rule.given, **switched_on(rule))
    assert [f for f in found if f.severity is not Severity.NOTICE] == [] or rule.id.endswith("allowance")
    assert rule.id not in rules_found(rule.good, rule.given, **switched_on(rule))


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_it_is_silent_where_it_is_off(rule: Rule) -> None:
    assert rule.id not in rules_found(rule.bad, rule.given, **{rule.id: "off"})


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_what_blocks_says_under_which_lock(rule: Rule) -> None:
    assert not rule.blocks or (
        rule.lock is not None and rule.lock.name in {"SHARE", "SHARE_ROW_EXCLUSIVE", "ACCESS_EXCLUSIVE"}
    )


def test_every_file_is_a_rule_of_its_name_and_no_two_have_the_same() -> None:
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
    assert {rule.id.replace("-", "_") for rule in all_rules()} == files
    assert len({rule.id for rule in all_rules()}) == len(all_rules())
    assert [rule.id for rule in all_rules() if rule not in RULES] == ["not-analysed"]


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_its_words_are_sentences_and_no_promise_is_empty(rule: Rule) -> None:
    assert rule.why.endswith(".")
    assert rule.instead
    assert not rule.instead.endswith(".")
    assert rule.bad != rule.good
