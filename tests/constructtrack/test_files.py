"""The conventions that each file in migrations/ follows."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from ctgitops.cli.main import ctgitops

HERE = Path(__file__).parent
MIGRATIONS = HERE.parents[1] / "migrations"
UP_FILES = sorted(
    (file for file in MIGRATIONS.glob("*.sql") if file.name.count(".") == 1), key=lambda file: int(file.name[:3])
)
ALL_FILES = [*UP_FILES, HERE / "postgis/006_spatial_indexes.sql"]
FIRST = ["Migration", "Version", "Description", "Breaking Changes", "Rollback", "Created", "Author"]
THEN = ["Dependencies", "Estimated Execution Time", "Impact"]
Version = tuple[int, ...]

every_file = pytest.mark.parametrize("file", ALL_FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")


def header(file: Path) -> dict[str, str]:
    lines = file.read_text().splitlines()[: len(FIRST) + len(THEN) + 1]
    return dict(line.removeprefix("-- ").split(": ", 1) for line in lines if line != "--")


def version(file: Path) -> Version:
    return tuple(int(part) for part in header(file)["Version"].split("."))


def number(file: Path) -> int:
    return int(file.name[:3])


def steps_after(earlier: Version) -> set[Version]:
    major, minor, patch = earlier
    return {(major, minor, patch + 1), (major, minor + 1, 0), (major + 1, 0, 0)}


@every_file
def test_the_header_is_complete_and_in_order(file: Path) -> None:
    lines = file.read_text().splitlines()
    assert [line.removeprefix("-- ").split(":")[0] for line in lines[: len(FIRST)]] == FIRST
    assert lines[len(FIRST)] == "--"
    assert [line.removeprefix("-- ").split(":")[0] for line in lines[8 : 8 + len(THEN)]] == THEN
    fields = header(file)
    assert fields["Migration"] == file.stem
    assert re.fullmatch(r"\d+\.\d+\.\d+", fields["Version"])
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", fields["Created"])
    assert re.fullmatch(r"[^<]+ <[^@ ]+@constructtrack\.example>", fields["Author"])
    assert re.fullmatch(r"Available|Not Available|Manual - .+", fields["Rollback"])


@every_file
def test_the_body_has_nine_sections_and_an_empty_one_says_why(file: Path) -> None:
    sections = re.split(r"(?m)^-- -{70,}\n-- ([1-9])\. .+\n-- -{70,}\n", file.read_text())
    assert sections[1::2] == [str(position) for position in range(1, 10)]
    for position, text in zip(sections[1::2], sections[2::2], strict=True):
        statements = [line for line in text.splitlines() if line and not line.startswith("--")]
        assert statements or text.startswith("-- none: "), f"section {position} is empty and does not say why"


@every_file
def test_a_migration_controls_no_transaction_and_needs_no_psql(file: Path) -> None:
    text = re.sub(r"(?m)^\s*--.*$", "", file.read_text())
    assert not re.search(r"(?mi)^\s*(BEGIN|COMMIT|ROLLBACK|START TRANSACTION)\s*;", text)
    assert not re.search(r"(?m)^\s*\\", text)
    assert ("record_migration('" in text) != ("CONCURRENTLY" in text)


@pytest.mark.parametrize("file", UP_FILES, ids=lambda file: file.stem)
def test_the_files_beside_a_migration_are_those_its_header_promises(file: Path) -> None:
    assert file.with_suffix(".verify.sql").exists()
    assert file.with_suffix(".down.sql").exists() == (header(file)["Rollback"] == "Available")


@pytest.mark.parametrize("file", UP_FILES, ids=lambda file: file.stem)
def test_a_migration_depends_on_lower_numbers_that_exist(file: Path) -> None:
    named = header(file)["Dependencies"]
    dependencies = [] if named == "None" else [int(word) for word in named.split(", ")]
    assert all(dependency < number(file) for dependency in dependencies)
    assert set(dependencies) <= {number(other) for other in UP_FILES}
    assert bool(dependencies) == (file != UP_FILES[0])


def test_versions_go_up_one_step_at_a_time_and_say_what_kind_of_change_it_is() -> None:
    versions = [version(file) for file in UP_FILES]
    assert len(set(versions)) == len(versions)
    assert min(versions) == (1, 0, 0)
    for file in UP_FILES[1:]:
        earlier = [version(other) for other in UP_FILES if version(other) < version(file)]
        assert any(version(file) in steps_after(one) for one in earlier), file.name
        is_major = version(file)[1:] == (0, 0)
        assert is_major == (header(file)["Breaking Changes"] == "Yes"), file.name


def test_numbers_are_contiguous_in_each_band_and_versions_rise_with_them() -> None:
    text = (MIGRATIONS / "policy.yaml").read_text()
    bands = [(int(low), int(high)) for low, high in re.findall(r"(?m)^  \w+: (\d+)-(\d+)", text)]
    assert len(bands) == 10
    for low, high in bands:
        members = [file for file in UP_FILES if low <= number(file) <= high]
        assert [number(file) for file in members] == list(range(low, low + len(members)))
        assert all(version(one) < version(other) for one, other in pairwise(members))


def test_the_variant_for_postgis_is_the_same_migration() -> None:
    plain, variant = header(MIGRATIONS / "006_spatial_indexes.sql"), header(ALL_FILES[-1])
    for field in ("Migration", "Version", "Description", "Breaking Changes", "Created", "Author", "Dependencies"):
        assert plain[field] == variant[field]


def test_check_has_nothing_against_this_repository() -> None:
    arguments = ["check", "--root", str(MIGRATIONS.parent)]
    assert CliRunner().invoke(ctgitops, arguments, standalone_mode=False).return_value == 0
