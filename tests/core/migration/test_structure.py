"""The nine parts of a migration, and files that do not have them in their order."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.migration.structure import PARTS, structure_faults
from tests.lint.examples import rules_found


def faults(sql: str) -> list[str]:
    return list(structure_faults(sql, sql.find("select")))


def skeleton(*numbers: int) -> str:
    return "\n".join(f"{PARTS[number - 1].heading}\nselect {number};" for number in numbers)


def test_the_headings_that_new_can_write_have_no_fault() -> None:
    assert faults(skeleton(*range(1, 10))) == []


@given(st.permutations(range(1, 10)))
def test_any_other_order_has_one(order: list[int]) -> None:
    assert bool(faults(skeleton(*order))) is (order != sorted(order))


@given(st.sets(st.integers(1, 9), min_size=1))
def test_each_missing_part_is_named(there: set[int]) -> None:
    said = " ".join(faults(skeleton(*sorted(there))))
    assert {part.number for part in PARTS if f"{part.number} ({part.title})" in said} == set(range(1, 10)) - there


@pytest.mark.parametrize(
    "heading",
    [
        "-- 4. Indexes",
        "-- 4) INDEXES",
        "--- 4. indexes on orders ---",
        "-- Indexes",
        "-- ===== 4. Indexes =====",
        "  -- 4 Indexes",
    ],
)
def test_a_heading_is_known_in_several_forms(heading: str) -> None:
    assert not any("Indexes" in said for said in faults(f"{heading}\nselect 1;"))


@pytest.mark.parametrize(
    "text",
    ["-- Indexes on orders come later", "-- 4. First do this", "select '\n-- 4. Indexes\n';", "/* 4. Indexes */"],
)
def test_another_comment_and_a_string_are_no_heading(text: str) -> None:
    assert any("Indexes" in said for said in faults(f"{text}\nselect 1;"))


def test_what_stands_before_the_first_part_and_a_part_that_is_there_twice_are_said() -> None:
    whole = skeleton(*range(1, 10))
    assert faults("select 0;\n" + whole) == ["a statement comes before part 1 (Pre-checks)"]
    (said,) = faults(whole + "\n-- 9. Recording\nselect 1;")
    assert said == "part 9 (Recording) is repeated on line 37"


def test_the_rule_is_off_until_a_policy_has_it_and_one_finding_can_be_allowed() -> None:
    assert rules_found("select 1;") == []
    assert rules_found("select 1;\nselect 2;", structure="error") == ["structure"]
    assert rules_found("-- ctgitops: allow structure (a hotfix)\nselect 1;", structure="error") == []


def test_our_own_migrations_have_the_parts() -> None:
    text = Path(__file__).parents[3] / "migrations"
    files = [path for path in sorted(text.glob("*.sql")) if path.name.count(".") == 1]
    assert len(files) > 10
    assert {path.name: faults(path.read_text(encoding="utf-8")) for path in files if faults(path.read_text())} == {}
