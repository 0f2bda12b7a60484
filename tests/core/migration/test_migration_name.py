"""The one grammar of migration names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.migration.migration_name import (
    LARGEST,
    FileKind,
    MigrationName,
    parse_migration_name,
    parse_reference,
    parse_stem,
    parse_unbounded,
    split_name,
    without_ending,
)


@pytest.mark.parametrize(
    ("file", "number", "name", "kind"),
    [
        ("008_photos.sql", 8, "008_photos", FileKind.UP),
        ("008_photos.up.sql", 8, "008_photos", FileKind.UP),
        ("008_photos.down.sql", 8, "008_photos", FileKind.DOWN),
        ("008_photos.verify.sql", 8, "008_photos", FileKind.VERIFY),
        ("008_photos.DOWN.SQL", 8, "008_photos", FileKind.DOWN),
        ("008_a b.v2.sql", 8, "008_a b.v2", FileKind.UP),
        ("20260131120000_x.sql", 20260131120000, "20260131120000_x", FileKind.UP),
        (f"{'0' * 40}7_x.sql", 7, f"{'0' * 40}7_x", FileKind.UP),
        (f"{LARGEST}_x.sql", LARGEST, f"{LARGEST}_x", FileKind.UP),
    ],
)
def test_a_file_is_a_number_words_and_a_kind(file: str, number: int, name: str, kind: FileKind) -> None:
    found = parse_migration_name(file)
    assert found
    assert (found.number, found.name, found.kind) == (number, name, kind)
    assert found.name + found.ending == file
    assert split_name(found.name).number == number


@pytest.mark.parametrize(
    "file", ["photos.sql", "008.sql", "008_.sql", "008_.x.sql", "008_x.txt", "x/008_x.sql", "٨_x.sql", "008-x.sql", ""]
)
def test_any_other_file_is_not_a_migration(file: str) -> None:
    assert parse_migration_name(file) is None


@pytest.mark.parametrize("digits", [str(LARGEST + 1), "9" * 30, "9" * 5000])
def test_a_number_beyond_bigint_is_read_to_be_reported(digits: str) -> None:
    """Seen to fail in conflict.py and git.py, which took 19 digits of any value."""
    assert parse_migration_name(f"{digits}_x.sql") is None
    assert parse_stem(f"{digits}_x") is None
    assert parse_reference(digits) is None
    found = parse_unbounded(f"{digits}_x.sql")
    assert found
    assert found.number > LARGEST


@pytest.mark.parametrize(
    ("text", "found"),
    [("008", MigrationName("008", "")), ("008_photos", MigrationName("008", "photos")), ("008_a b", None), ("x", None)],
)
def test_a_reference_has_no_space(text: str, found: MigrationName | None) -> None:
    assert parse_reference(text) == found


@given(st.from_regex(r"[0-9]{1,30}_[a-z ._]{1,20}(\.up|\.down|\.verify)?\.sql", fullmatch=True))
def test_what_is_read_is_what_was_written(file: str) -> None:
    if found := parse_unbounded(file):
        assert found.name + found.ending == file
        assert without_ending(file) == found.name
        assert parse_stem(found.name) is None or split_name(found.name).words == found.words
