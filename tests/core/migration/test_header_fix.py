"""Corrections of header values that have one meaning only, and the order of the fields."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.migration.header_fix import breaking, created, dependencies, reordered, version


@pytest.mark.parametrize(
    ("correct", "value", "corrected"),
    [
        (version, "v1.4", "1.4.0"),
        (version, "V. 1.04.2", "1.4.2"),
        (version, "1.4", "1.4.0"),
        (version, "1", ""),
        (version, "1.2.3.4", ""),
        (version, "1.4 beta", ""),
        (breaking, " TRUE.", "Yes"),
        (breaking, "breaking", "Yes"),
        (breaking, "n", "No"),
        (breaking, "None,", "No"),
        (breaking, "maybe", ""),
        (created, "31.01.2026", "2026-01-31"),
        (created, "2026/01/31 ", "2026-01-31"),
        (created, "January 31, 2026", "2026-01-31"),
        (created, "31 Jan 2026", "2026-01-31"),
        (created, "01/02/2026", ""),
        (created, "31.02.2026", ""),
        (dependencies, "[001 and 003_x.sql]", "001, 003"),
        (dependencies, "001;002 & 3", "001, 002, 3"),
        (dependencies, "001, photos", ""),
        (dependencies, "[]", ""),
    ],
)
def test_a_value_is_corrected_or_left_alone(correct: Callable[[str], str], value: str, corrected: str) -> None:
    assert correct(value) == corrected


@given(st.dates(date(1900, 1, 1)))
def test_a_corrected_date_is_the_same_day(day: date) -> None:
    for form in ("%Y/%m/%d", "%d.%m.%Y", "%B %d, %Y", "%d %b %Y"):
        assert created(format(day, form)) == day.isoformat()


ORDER = ("Migration", "Version", "Dependencies", "Impact")


def order_of(*lines: str) -> tuple[str, ...]:
    spans = [(line[3:].partition(":")[0], n, n) for n, line in enumerate(lines, start=1) if ":" in line]
    return reordered(lines, spans, ORDER)


def test_fields_are_put_in_order_with_the_empty_line_before_the_dependencies() -> None:
    made = ("-- Migration: a", "-- Version: 1", "--", "-- Dependencies: None", "-- Impact: none")
    assert order_of("-- Impact: none", "-- Version: 1", "--", "-- Migration: a", "-- Dependencies: None") == made
    assert order_of(*made) == made
    without_rule = tuple(line for line in made if line != "--")
    assert order_of(*without_rule[::-1]) == without_rule


def test_a_field_keeps_its_lines_and_other_text_keeps_the_order() -> None:
    lines = ("x", "-- Version: 1", "--   more", "-- Migration: a", "y")
    spans = [("Version", 2, 3), ("Migration", 4, 4)]
    assert reordered(lines, spans, ORDER) == ("-- Migration: a", "-- Version: 1", "--   more")
    assert order_of("-- Version: 1", "-- a remark", "-- Migration: a") == ()
    assert order_of("-- Version: 1", "-- Version: 2") == ()
    assert order_of("-- Version: 1", "-- Author: 2") == ()
