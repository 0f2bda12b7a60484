"""After any fault at any moment, the next runs complete the work, and each migration is applied exactly once.

`CTGITOPS_FAULTS` is the number of random faults, `CTGITOPS_FAULT_SEED` the first seed: `make faults N=200 SEED=7`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from random import Random
from urllib.parse import urlsplit

import pytest

from tests.faults.faults import FAULTS, FAULTS_OF_THE_NETWORK, When, any_moment, at_line
from tests.faults.proxy import Proxy
from tests.faults.scene import MAY_END, Scene, Undisturbed, all_is_well, goes_on

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
COUNT = int(os.environ.get("CTGITOPS_FAULTS", "26"))
FIRST = int(os.environ.get("CTGITOPS_FAULT_SEED", "1"))
EVERY_LINE = range(1, 66) if COUNT >= 100 else range(1, 66, 8)
ALL = [*FAULTS, *FAULTS_OF_THE_NETWORK]
Told = Callable[[str, object], None]


def chance(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - a moment, not a secret


def break_it(scene: Scene, kind: str, when: When, *, told: Told) -> None:
    """One run with one fault; it may end in any honest way."""
    told("fault", f"{kind}, at {when.name}")
    with contextlib.ExitStack() as stack:
        proxy = None
        environ = {}
        if kind in FAULTS_OF_THE_NETWORK:
            parts = urlsplit(scene.url)
            proxy = stack.enter_context(Proxy(str(parts.hostname), int(parts.port or 0)))
            environ["STAGING_DATABASE_URL"] = proxy.url(scene.url)
        watched = scene.start(environ)
        struck = when.comes(scene, watched)
        told("struck", struck)
        if struck:
            (FAULTS | FAULTS_OF_THE_NETWORK)[kind](scene, watched, proxy)
        done = watched.ended(90)
    assert done.status in MAY_END, done.said


@pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))
def test_p07_broken_by_anything_at_any_moment(
    scene: Scene, undisturbed: Undisturbed, seed: int, record_property: Told
) -> None:
    scene = replace(scene, chance=chance(seed))
    kind = ALL[seed % len(ALL)]
    when = any_moment(scene, undisturbed)
    break_it(scene, kind, when, told=record_property)
    goes_on(scene.house)
    all_is_well(scene.url, undisturbed.facts)


@pytest.mark.parametrize("line", EVERY_LINE)
def test_p05_killed_at_each_event_that_it_tells(
    scene: Scene, undisturbed: Undisturbed, line: int, record_property: Told
) -> None:
    break_it(scene, "kill -9", at_line(line), told=record_property)
    goes_on(scene.house)
    all_is_well(scene.url, undisturbed.facts)


@pytest.mark.parametrize("seed", range(FIRST, FIRST + max(2, COUNT // 20)))
def test_broken_again_and_again(scene: Scene, undisturbed: Undisturbed, seed: int, record_property: Told) -> None:
    """Five faults one after the other on the same database, each where the run before left it."""
    scene = replace(scene, chance=chance(1_000_000 + seed))
    for _ in range(5):
        kind = scene.chance.choice(ALL)
        when = any_moment(scene, undisturbed)
        break_it(scene, kind, when, told=record_property)
    goes_on(scene.house)
    all_is_well(scene.url, undisturbed.facts)
