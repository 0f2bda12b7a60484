from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.migration.header import FIELDS, ORDER, Header, Rollback, has_header, parse_header
from ctgitops.core.migration.schema_version import SchemaVersion

GOOD = {
    "Migration": "002_users",
    "Version": "1.1.0",
    "Description": "Adds users",
    "Breaking Changes": "No",
    "Rollback": "Available",
    "Created": "2026-01-12",
    "Author": "Anna Lindqvist <anna@constructtrack.example>",
    "Dependencies": "001",
    "Estimated Execution Time": "1 s",
    "Impact": "nobody waits",
}


def written(fields: dict[str, str]) -> str:
    lines = [f"-- {name}: {value}".rstrip() for name, value in fields.items()]
    return "\n".join([*lines[:7], "--", *lines[7:], "", "SELECT 1;", ""])


def said(text: str) -> list[str]:
    _, problems = parse_header(text, "a.sql")
    return [f"{p.place}: {p.what} ({p.hint})" for p in problems]


WORDS = st.from_regex(r"[^\s:,.()\u2013\u2014-][^\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]{0,30}", fullmatch=True).map(
    str.strip
)
HEADERS = st.builds(
    Header,
    migration=st.from_regex(r"[0-9]{3}_[a-z_]{1,20}", fullmatch=True),
    version=st.builds(SchemaVersion, st.integers(0, 99), st.integers(0, 99), st.integers(0, 99)),
    description=WORDS,
    breaking=st.booleans(),
    rollback=st.sampled_from(Rollback),
    procedure=st.just(""),
    created=st.dates().map(str),
    author=WORDS,
    dependencies=st.lists(st.integers(0, 2**63 - 1), max_size=4).map(tuple),
    estimated=WORDS,
    impact=WORDS,
)


@given(HEADERS)
def test_any_well_formed_header_is_read_back(header: Header) -> None:
    manual = header.rollback is Rollback.MANUAL
    procedure = "restore the column by hand" if manual else ""
    fields = {
        "Migration": header.migration,
        "Version": str(header.version),
        "Description": header.description,
        "Breaking Changes": "Yes" if header.breaking else "No",
        "Rollback": f"{header.rollback} - {procedure}" if manual else str(header.rollback),
        "Created": header.created,
        "Author": header.author,
        "Dependencies": ", ".join(f"{n:03}" for n in header.dependencies) or "None",
        "Estimated Execution Time": header.estimated,
        "Impact": header.impact,
    }
    read, problems = parse_header(written(fields), "a.sql")
    assert problems == ()
    assert read is not None
    assert (read, read.procedure) == (Header(**{**vars(header), "procedure": procedure}), procedure)


@given(st.text(alphabet=st.one_of(st.sampled_from("-: \n=MigratonVesDcpBkgChl019.,_"), st.characters()), max_size=300))
def test_no_text_whatsoever_makes_it_fail(text: str) -> None:
    header, problems = parse_header(text, "a.sql")
    assert header is not None or problems
    has_header(text)


@given(st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=50)))
def test_no_value_whatsoever_makes_it_fail(values: dict[str, str]) -> None:
    header, problems = parse_header(written({**GOOD, **values}), "a.sql")
    assert header is not None or problems


def test_a_number_of_five_thousand_digits_is_not_understood() -> None:
    for name, value in (("Version", f"1.0.{'9' * 5000}"), ("Dependencies", "9" * 5000)):
        assert parse_header(written({**GOOD, name: value}), "a.sql")[0] is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Version": "1.1"}, "a.sql:2:4: `Version: 1.1` is not valid (three numbers, as in `1.4.0`)"),
        (
            {"Breaking Changes": "maybe"},
            "a.sql:4:4: `Breaking Changes: maybe` is not valid (`Yes` or `No`)",
        ),
        (
            {"Rollback": "Availablee"},
            "a.sql:5:4: `Rollback: Availablee` is not valid (`Available`, `Manual - steps for a person`, or "
            "`Not Available`)",
        ),
        (
            {"Rollback": "Manual"},
            "a.sql:5:4: `Rollback: Manual` is not valid (write the procedure in words: "
            "`Rollback: Manual - restore …, then …`)",
        ),
        (
            {"Created": "2026-02-31"},
            "a.sql:6:4: `Created: 2026-02-31` is not valid (a date, as in `2026-01-31`)",
        ),
        (
            {"Dependencies": "001 and 002"},
            "a.sql:9:4: `Dependencies: 001 and 002` is not valid (`None`, or numbers of migrations, as in `001, 003`)",
        ),
        ({"Author": ""}, "a.sql:7:4: header field `Author` is empty (describe the migration in a few words)"),
    ],
)
def test_a_value_that_is_not_understood_is_told_the_form(changes: dict[str, str], expected: str) -> None:
    assert said(written({**GOOD, **changes})) == [expected]


def test_a_misspelt_field_is_told_its_name_and_that_it_lacks() -> None:
    assert said(written(GOOD).replace("Author:", "Auther:")) == [
        "a.sql:7:4: unknown header field `Auther` (did you mean `Author`?)",
        "a.sql:1: the header lacks `Author` (add a line `-- NAME: value` for each)",
    ]


def test_a_field_twice_and_out_of_order_is_told() -> None:
    text = written(GOOD).replace("-- Created", "-- Version: 1.1.0\n-- Created")
    assert said(text) == [
        "a.sql:6:4: header field `Version` appears twice (keep one of the two fields)",
        f"a.sql:6:4: header field `Version` must come before `Rollback` (the order is: {', '.join(ORDER)})",
    ]


def test_frames_around_and_inside_a_header_are_passed_over() -> None:
    frame = "-- " + "=" * 60
    text = f"{frame}\n" + written(GOOD).replace("--\n", f"{frame}\n") + f"{frame}\n"
    assert said(text) == []


def test_a_value_may_go_on_in_the_next_line() -> None:
    text = written(
        {**GOOD, "Rollback": "Manual - restore the column from the backup,\n--   then: tell the field crews"}
    )
    header, problems = parse_header(text, "a.sql")
    assert problems == ()
    assert header
    assert header.procedure == "restore the column from the backup, then: tell the field crews"


def test_comments_below_the_header_are_not_part_of_it() -> None:
    text = written(GOOD).replace("SELECT", "--   Indented: words\n-- Note: this is about TODO: things\nSELECT")
    header, problems = parse_header(text, "a.sql")
    assert problems == ()
    assert header
    assert header.impact == "nobody waits"


def test_fields_below_the_first_statement_are_not_a_header() -> None:
    assert not has_header("SELECT 1;\n" + written(GOOD))
    assert has_header(written(GOOD))
    assert not has_header("")
    assert not has_header(
        "-- Migration: take the priority into account\n-- Description: words\n-- Author: me\nSELECT 1;"
    )


def test_lines_are_counted_as_the_parser_and_editors_count_them() -> None:
    text = written({**GOOD, "Description": "a form\x0cfeed and a \u2028 separator", "Created": "soon"})
    assert said(text) == ["a.sql:6:4: `Created: soon` is not valid (a date, as in `2026-01-31`)"]


def test_what_is_there_is_judged_even_where_a_field_is_misspelt() -> None:
    text = "-- Migration: 001_a\n-- Version: one\n-- Braking Changes: No\n-- Created: 2026-13-40\n"
    header, problems = parse_header(text, "001_a.sql")
    assert header is None
    said = " ".join(problem.what for problem in problems)
    assert all(words in said for words in ("Braking Changes", "Version: one", "Created: 2026-13-40", "lacks"))


def test_an_invisible_character_in_a_value_is_shown_by_its_code_point() -> None:
    _, problems = parse_header("-- Version: 1.0.0\u200b\n", "a.sql")
    assert "`Version: 1.0.0<U+200B>` is not valid" in {problem.what for problem in problems}
