"""The steps that rebuild a schema elsewhere, from the ledger or from the files."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.plan.plan import Direction
from ctgitops.core.plan.replay import ReplayTarget, like, seed_step, steps_of, steps_of_files, with_versions_of
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot, SnapshotSource
from ctgitops.errors import WorkspaceError
from tests.fakes import chained, entry, migration, seed, workspace

ONE, TWO = migration("001_one", "1.0.0"), migration("002_two", "1.1.0", down=None)
TABLE = SchemaObject("table", "public.t", attributes={"version": "1"})


def extension(version: str, **attributes: str) -> SchemaObject:
    return SchemaObject("extension", "postgis", attributes={"version": version, **attributes})


def test_a_step_has_the_text_that_was_applied() -> None:
    one, two = steps_of(chained(entry(TWO), entry(ONE)))
    assert (one.name, two.name) == ("002_two", "001_one")
    assert (two.direction, two.number, str(two.version), two.checksum) == (Direction.APPLY, 1, "1.0.0", ONE.checksum)
    assert two.script.sql == ONE.up.sql
    assert two.script.path == "migrations/001_one.sql"
    assert ONE.down
    assert two.rollback_script
    assert two.rollback_script.sql == ONE.down.sql
    assert one.rollback_script is None


def test_files_are_replayed_up_to_a_number_unless_a_problem_blocks_them() -> None:
    work = workspace(ONE, migration("002_two", "1.1.0"))
    assert [step.number for step in steps_of_files(work)] == [1, 2]
    assert [step.number for step in steps_of_files(work, 1)] == [1]
    with pytest.raises(WorkspaceError) as refused:
        steps_of_files(workspace(ONE, migration("002_two", sql="selec 1;")))
    assert refused.value.place
    assert refused.value.place.path == "migrations/002_two.sql"


def test_a_seed_file_is_a_step_without_a_number() -> None:
    made = seed("seeds/a.sql")
    step = seed_step(made)
    assert (step.direction, step.number, step.name, step.checksum) == (Direction.APPLY, 0, made.name, made.checksum)
    assert step.script is made.script


def test_a_copy_is_like_the_database_of_the_snapshot() -> None:
    about = SnapshotSource("15.18", "deploy", "app, public", "shop")
    assert like(Snapshot.of((extension("3.5"), TABLE), about)) == ReplayTarget(
        15, {"postgis": "3.5"}, "deploy", "app, public", "shop"
    )
    assert like(Snapshot()) == ReplayTarget()


def test_the_version_of_an_extension_is_that_of_the_packages_and_is_not_compared() -> None:
    about = SnapshotSource("15.18")
    expected = Snapshot.of((TABLE, extension("3.4", schema="a")), about)
    live = Snapshot.of((replace(TABLE, attributes={"version": "2"}), extension("3.5", schema="b")))
    found, notes = with_versions_of(expected, live)
    assert found.by_key == {each.key: each for each in (TABLE, extension("3.5", schema="a"))}
    assert found.about == about
    assert notes == ("extension postgis is 3.5 in the database and 3.4 here: its version was not compared",)
    for other in (Snapshot.of((TABLE,)), expected):
        assert with_versions_of(expected, other) == (expected, ())
