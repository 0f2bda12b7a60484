"""ConstructTrack's migrations: the same schema after up, down and up again, and no drift from the ledger."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from ctgitops.core.schema.compare import compare
from ctgitops.core.schema.snapshot import Snapshot
from ctgitops.postgres.catalog.schema_snapshot import take_snapshot
from ctgitops.postgres.connection.connect import Address
from tests.stories.house import House

OWN = Path(__file__).parents[2] / "migrations"


def _snapshot(url: str) -> Snapshot:
    return take_snapshot(Address(url, label="the test's database"))


@pytest.mark.slow
def test_our_own_schema_has_not_drifted_and_is_the_same_after_down_and_up(house: House, database_url: str) -> None:
    shutil.copytree(OWN, house.root / "migrations", dirs_exist_ok=True)
    house.environment("staging", database_url)
    house.applied()
    first = _snapshot(database_url)
    assert len(first.objects) > 100
    looked = house.run("drift")
    assert looked.status == 0, looked.said
    steps = 0
    while house.run("rollback", "--env", "staging", "--steps", "1").status == 0 and steps < 40:
        steps += 1
    assert steps > 0  # as far as the first whose way back is done by hand
    assert compare(first, _snapshot(database_url)) != ()
    held = re.findall(r"repair --again (\d+)", house.apply().words)
    assert len(held) == steps
    assert house.run("repair", "--again", *held, "--env", "staging", "--reason", "a test").status == 0
    house.applied()
    assert compare(first, _snapshot(database_url)) == ()
