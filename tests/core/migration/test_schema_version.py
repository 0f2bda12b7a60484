from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.migration.schema_version import SchemaVersion, highest

NUMBERS = st.integers(0, 10**9)
VERSIONS = st.builds(SchemaVersion, NUMBERS, NUMBERS, NUMBERS)


@given(VERSIONS)
def test_a_version_is_read_back_as_it_is_written(version: SchemaVersion) -> None:
    assert SchemaVersion.parse(str(version)) == version
    assert SchemaVersion.parse(f"  {version}\n") == version


@pytest.mark.parametrize(
    "text", ["", "1", "1.0", "1.0.0.0", "v1.0.0", "01.0.0", "1.0.0-rc1", "1..0", "-1.0.0", "1,0,0"]
)
def test_anything_else_is_no_version(text: str) -> None:
    assert SchemaVersion.parse(text) is None


@given(VERSIONS)
def test_each_successor_is_higher_and_a_larger_change_is_higher(version: SchemaVersion) -> None:
    breaking, additive, fix = version.successors
    assert version < fix < additive < breaking
    assert breaking.starts_major
    assert not additive.starts_major
    assert not fix.starts_major


@given(VERSIONS, VERSIONS)
def test_versions_are_ordered_by_number_and_not_by_text(one: SchemaVersion, other: SchemaVersion) -> None:
    parts = [(v.major, v.minor, v.patch) for v in (one, other)]
    assert (one < other) == (parts[0] < parts[1])
    assert SchemaVersion(1, 9, 0) < SchemaVersion(1, 10, 0)


@given(st.lists(VERSIONS))
def test_the_highest_is_one_of_them_and_none_is_above_it(versions: list[SchemaVersion]) -> None:
    best = highest(versions)
    assert best in versions if versions else best is None
    assert all(best is not None and version <= best for version in versions)
