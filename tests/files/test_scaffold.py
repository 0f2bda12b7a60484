from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ctgitops.core.expand.phase import Phase, PhaseKind
from ctgitops.core.migration.header import parse_header
from ctgitops.core.migration.structure import PARTS, structure_faults
from ctgitops.core.workspace.workspace import problems_of
from ctgitops.errors import UsageError
from ctgitops.files.expansion import Expansion, expansion_files
from ctgitops.files.first_files import first_files
from ctgitops.files.history_workflow import history_workflow
from ctgitops.files.scaffold import Change, Order, new_migration, with_parts, write_files
from ctgitops.files.workspace import read_workspace
from ctgitops.sql.script import Script
from tests.files.checkout import HEADER, Checkout

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 23, 14, 15, 2, tzinfo=UTC)


def order(words: str = "Add photos to projects", change: Change = Change.ADDITIVE, band: str | None = None) -> Order:
    return Order(words, "Anna <anna@constructtrack.example>", NOW, change, band)


def test_a_new_migration_has_the_next_number_and_version_and_a_full_header(repo: Checkout) -> None:
    repo.write("migrations/001_a.sql", HEADER.format(name="001_a", version="1.4.2"))
    up, down = new_migration(repo.read(), order())
    assert up.path == "migrations/002_add_photos_to_projects.sql"
    assert up.text == (
        "-- Migration: 002_add_photos_to_projects\n"
        "-- Version: 1.5.0\n"
        "-- Description: Add photos to projects\n"
        "-- Breaking Changes: No\n"
        "-- Rollback: Available\n"
        "-- Created: 2026-11-23\n"
        "-- Author: Anna <anna@constructtrack.example>\n"
        "--\n"
        "-- Dependencies: 001\n"
        "-- Estimated Execution Time: unknown\n"
        "-- Impact: unknown\n\n"
    )
    assert down.path == "migrations/002_add_photos_to_projects.down.sql"
    assert down.text == "-- Rolls back 002_add_photos_to_projects.\n\n"


def test_a_new_migration_does_not_wait_for_one_that_waits_for_a_flag(repo: Checkout) -> None:
    """Otherwise, a contract would hold back all later migrations. Only an expand of the same column waits for it."""
    repo.write("migrations/001_a.sql", HEADER.format(name="001_a", version="1.0.0"))
    contract = "-- ctgitops: flag go\n-- ctgitops: contract 001\nALTER TABLE t DROP COLUMN old;\n"
    repo.write("migrations/002_b.sql", HEADER.format(name="002_b", version="2.0.0") + contract)
    (up, _) = new_migration(repo.read(), order())
    assert "-- Dependencies: 001\n" in up.text
    phase = Phase(PhaseKind.EXPAND, "Adds a column", {2: "ALTER TABLE t ADD COLUMN x int;"}, "none")
    for names, needed in (({"t", "old"}, "002"), ({"t", "other"}, "001"), ({"t"}, "002"), ({"u", "old"}, "001")):
        expansion = Expansion("x", "a sentence", "Anna", NOW, "2027-01-31", names=frozenset(names))
        (file,) = expansion_files(repo.read(), (phase,), expansion)
        assert f"-- Dependencies: {needed}\n" in file.text, names


def test_the_nine_parts_stand_below_the_header_as_in_the_migrations_of_this_repository(repo: Checkout) -> None:
    up, _ = new_migration(repo.read(), order())
    whole = with_parts(up)
    assert whole.path == up.path
    assert whole.text.startswith(up.text)
    own = (ROOT / "migrations" / "001_initial_schema.sql").read_text(encoding="utf-8")
    headings = [part.heading for part in PARTS]
    assert len(headings) == 9
    for text in (own, whole.text):
        places = [text.index(each) for each in headings]
        assert places == sorted(places)
    assert list(structure_faults(whole.text, len(whole.text))) == [], "what the rule `structure` wants"
    assert "-- SELECT record_migration('001_add_photos_to_projects.sql');" in whole.text
    assert Script(whole.text, whole.path).statements == (), "a file that was only created changes nothing"
    assert max(map(len, whole.text.splitlines())) <= 120


@pytest.mark.parametrize("change", list(Change))
def test_what_new_writes_is_what_check_wants(repo: Checkout, change: Change) -> None:
    repo.write("migrations/001_a.sql", HEADER.format(name="001_a", version="1.4.2"))
    assert len(write_files(repo.root, new_migration(repo.read(), order(change=change)))) == 2
    workspace = repo.read()
    assert problems_of(workspace) == ()
    assert str(workspace.migrations[1].version) == {"breaking": "2.0.0", "additive": "1.5.0", "fix": "1.4.3"}[change]


def test_the_first_migration_is_001_and_1_0_0(repo: Checkout) -> None:
    up, _ = new_migration(repo.read(), order("Überblick: über   alles!"))
    header, problems = parse_header(up.text, up.path)
    assert problems == ()
    assert header
    assert (header.migration, str(header.version)) == ("001_uberblick_uber_alles", "1.0.0")
    assert header.description == "Überblick: über alles!"
    assert header.dependencies == ()


def test_a_band_counts_by_itself(repo: Checkout) -> None:
    repo.write("migrations/policy.yaml", "header: optional\nbands: {core: 1-2, forms: 300-399}\n")
    assert new_migration(repo.read(), order())[0].path.startswith("migrations/001_")
    repo.write("migrations/001_a.sql")
    assert new_migration(repo.read(), order(band="forms"))[0].path.startswith("migrations/300_")
    repo.write("migrations/300_b.sql")
    assert new_migration(repo.read(), order())[0].path.startswith("migrations/301_")
    assert new_migration(repo.read(), order(band="core"))[0].path.startswith("migrations/002_")
    repo.write("migrations/002_c.sql")
    with pytest.raises(UsageError, match=r"band core \(001-002\) has no free number"):
        new_migration(repo.read(), order(band="core"))
    with pytest.raises(UsageError) as caught:
        new_migration(repo.read(), order(band="cores"))
    assert (caught.value.what, caught.value.hint) == (
        "band `cores` does not exist",
        "bands in migrations/policy.yaml: core (001-002), forms (300-399)",
    )


def test_timestamps_are_followed_by_a_timestamp(repo: Checkout) -> None:
    repo.write("migrations/20260112093000_a.sql")
    assert new_migration(repo.read(), order())[0].path.startswith("migrations/20261123141502_")


def test_words_that_give_no_name_are_refused(repo: Checkout) -> None:
    with pytest.raises(UsageError, match="contains no letter or digit for a file name"):
        new_migration(repo.read(), order("  ../.. "))


def test_words_cannot_leave_the_folder(repo: Checkout) -> None:
    assert new_migration(repo.read(), order("../../etc/passwd"))[0].path == "migrations/001_etc_passwd.sql"


def test_words_over_several_lines_stay_one_line_of_the_header(repo: Checkout) -> None:
    up, _ = new_migration(repo.read(), replace(order("one\nDROP TABLE users;"), author="Anna\nDROP TABLE t;"))
    assert "-- Description: one DROP TABLE users;\n" in up.text
    assert "-- Author: Anna DROP TABLE t;\n" in up.text


def test_init_begins_a_repository_that_check_accepts(tmp_path: Path) -> None:
    written = write_files(tmp_path, first_files(tmp_path))
    assert written == (
        "migrations/policy.yaml",
        "environments/development.yaml",
        "environments/staging.yaml",
        "environments/production.yaml",
    )
    workspace = read_workspace(tmp_path)
    assert problems_of(workspace) == ()
    assert [(e.name, e.url_secret) for e in workspace.environments] == [
        ("development", "DEVELOPMENT_DATABASE_URL"),
        ("production", "PRODUCTION_DATABASE_URL"),
        ("staging", "STAGING_DATABASE_URL"),
    ]


@pytest.mark.slow
def test_the_workflow_of_the_history_page_is_sound(tmp_path: Path) -> None:
    write_files(tmp_path, first_files(tmp_path))
    workflow = history_workflow(read_workspace(tmp_path).environments, "0.2.0")
    assert workflow.text.count("DATABASE_URL: ${{ secrets.") == 3
    (path,) = write_files(tmp_path, (workflow,))
    tools = Path(sys.executable).parent
    for command in (
        [tools / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", path],
        [tools / "actionlint", "-shellcheck=", path],
        [tools / "zizmor", "--offline", "--quiet", "--persona", "auditor", path],
    ):
        done = subprocess.run([*map(str, command)], cwd=tmp_path, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    unpinned = [
        line for line in workflow.text.splitlines() if "uses:" in line and not re.search("@[0-9a-f]{40} # v", line)
    ]
    assert unpinned == []


def test_init_writes_over_nothing_and_adds_no_manifest_to_those_that_a_team_has(tmp_path: Path) -> None:
    write_files(tmp_path, first_files(tmp_path))
    (tmp_path / "environments/staging.yaml").write_text("mine")
    (tmp_path / "environments/production.yaml").unlink()
    (tmp_path / "migrations/policy.yaml").unlink()
    assert write_files(tmp_path, first_files(tmp_path)) == ("migrations/policy.yaml",)
    (tmp_path / "environments/development.yaml").unlink()
    (tmp_path / "environments/staging.yaml").rename(tmp_path / "environments/live.yml")
    assert (tmp_path / "environments/live.yml").read_text() == "mine"
    assert write_files(tmp_path, first_files(tmp_path)) == ()
    (tmp_path / "environments/live.yml").unlink()
    assert len(write_files(tmp_path, first_files(tmp_path))) == 3, "no manifest is left"


def test_init_fits_its_policy_to_the_migrations_that_are_there(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    checkout.write("migrations/20260101000000_a.sql")
    checkout.write("migrations/20260112000000_b.sql")
    write_files(tmp_path, first_files(tmp_path))
    workspace = checkout.read()
    assert problems_of(workspace) == ()
    assert (workspace.policy.numbering, workspace.policy.header) == ("increasing", "optional")
