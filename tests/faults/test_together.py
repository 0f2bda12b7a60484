"""All pending migrations in one transaction, with a fault at any moment: either all are applied or none."""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random

import pytest

from tests.faults.faults import FAULTS, after
from tests.faults.scene import MAY_END, Scene, Watched, goes_on
from tests.servers import fetch
from tests.stories.house import House, advisory_locks, has, marks, ours, until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
FIRST = int(os.environ.get("CTGITOPS_FAULT_SEED", "1"))
SIZE = 12
KINDS = ["kill -9", "SIGTERM", "every backend is terminated", "the server restarts in immediate mode"]


@pytest.mark.parametrize("seed", range(FIRST, FIRST + len(KINDS)))
def test_p07_all_in_one_transaction_is_all_or_nothing(
    scene: Scene, seed: int, record_property: Callable[[str, object], None]
) -> None:
    """Seen to fail with `transaction: each`: a part of it was there."""
    chance = Random(seed)  # noqa: S311 - a moment, not a secret
    house = House(scene.house.root.parent / "together")
    house.policy("header: optional\n")
    house.environment("staging", scene.url, "transaction: all\n")
    for number in range(1, SIZE + 1):
        house.migration(f"{number:03}_one", f"create table s{number} (id int); select pg_sleep(0.1);")
    kind, when = KINDS[seed % len(KINDS)], after(chance.uniform(0.1, 1.5))
    record_property("fault", f"{kind} (transaction: all), at {when.name}")
    watched = Watched(house.start("apply", "--env", "staging"))
    struck = when.comes(scene, watched)
    record_property("struck", struck)
    if struck:
        FAULTS[kind](scene, watched, None)
    done = watched.ended(90)
    assert done.status in MAY_END, done.said
    until(lambda: not ours(scene.url) and not advisory_locks(scene.url), 15)
    made = sum(has(scene.url, f"s{number}") for number in range(1, SIZE + 1))
    applied = sum(mark.endswith(" applied") for mark in marks(scene.url))
    assert made == applied
    assert made in {0, SIZE}
    goes_on(house)
    assert fetch(scene.url, "select count(*) from ctgitops.migrations") == [(SIZE,)]
