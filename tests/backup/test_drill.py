"""Finished backups are compared with their receipts, and restored for a drill."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctgitops.backup.finished import FinishedBackups
from ctgitops.core.backup.drill import Drill
from ctgitops.core.environment.environment import BackupPolicy, Environment
from ctgitops.core.receipt import Receipt
from ctgitops.errors import BackupError
from tests.backup.scene import Scene
from tests.backup.stores import KEY, PUBLIC
from tests.servers import run

pytestmark = pytest.mark.slow
CHANGES = ["changed", "cut short", "removed", "added"]


@pytest.fixture(params=["folder", "encrypted folder"])
def taken(request: pytest.FixtureRequest, quick: Scene) -> tuple[Scene, Receipt]:
    run(quick.url, "create table t as select generate_series(1, 10) as a; create table u as select 'x' as a")
    quick.critical = ("public.u",)
    if request.param == "encrypted folder":
        quick.encrypt_to = (PUBLIC,)
    return quick, quick.take()


def drill(scene: Scene, name: str = "staging") -> Drill:
    policy = BackupPolicy(scene.to, verify_server="VERIFY_URL", store=scene.settings)
    return FinishedBackups(scene.backups).drill(Environment(name, "URL", backup=policy), scene.tell)


def verify(scene: Scene, receipt: Receipt) -> tuple[str, ...]:
    return FinishedBackups(scene.backups).verify(f"{receipt.location}/receipt.json", scene.tell)[1]


def change(receipt: Receipt, how: str) -> None:
    folder = Path(receipt.location)
    [file] = folder.glob("dump/toc.dat*")
    content = file.read_bytes()
    match how:
        case "changed":
            file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        case "cut short":
            file.write_bytes(content[:-1])
        case "removed":
            file.unlink()
        case _:
            (folder / "dump" / "another").write_bytes(b"")


def test_what_is_stored_matches_its_receipt_and_needs_no_key(taken: tuple[Scene, Receipt]) -> None:
    scene, receipt = taken
    assert verify(scene, receipt) == ()


@pytest.mark.parametrize("how", CHANGES)
def test_what_was_changed_is_found_without_a_restore(taken: tuple[Scene, Receipt], how: str) -> None:
    scene, receipt = taken
    change(receipt, how)
    said = {
        "changed": "different SHA-256",
        "cut short": "different size",
        "removed": "is missing",
        "added": "not in the r",
    }
    with pytest.raises(BackupError, match=said[how]) as caught:
        verify(scene, receipt)
    assert caught.value.state


@pytest.mark.parametrize("how", CHANGES)
def test_a_drill_of_a_changed_backup_fails_and_stays_on_record(taken: tuple[Scene, Receipt], how: str) -> None:
    scene, receipt = taken
    scene.key = KEY
    change(receipt, how)
    with pytest.raises(BackupError) as caught:
        drill(scene)
    assert caught.value.state
    [note] = (Path(receipt.location) / "notes").iterdir()
    assert Drill.from_json(note.read_text()).failed == caught.value.what


def test_a_drill_restores_the_newest_backup_and_measures_the_time(taken: tuple[Scene, Receipt]) -> None:
    scene, receipt = taken
    scene.key = KEY
    run(scene.url, "drop table t")  # the drill does not depend on the live database
    result = drill(scene)
    assert (result.backup, result.failed) == (receipt.id, "")
    assert result.restore_seconds > 0
    assert "on the verify server (VERIFY_URL)" in result.place
    [stored] = FinishedBackups(scene.backups).stored(Environment("staging", "URL", backup=BackupPolicy(scene.to)))
    assert stored.drills == (result,)
    assert verify(scene, receipt) == (), "the result of a drill is not part of the backup"


def test_a_drill_compares_contents_and_schema_with_the_receipt(taken: tuple[Scene, Receipt]) -> None:
    scene, receipt = taken
    scene.key = KEY
    file = Path(receipt.location) / "receipt.json"
    text = file.read_text()
    for old, new, said in (
        ('"public.t": 10', '"public.t": 11', "public.t: 11 rows in the receipt, 10 restored"),
        (f'"{receipt.contents["public.u"]}"', '"1"', "public.u: different contents"),
        (receipt.schema_sha256, "0" * 64, "the hash of the schema is different"),
    ):
        file.write_text(text.replace(old, new))
        with pytest.raises(BackupError, match=said):
            drill(scene)


def test_a_drill_without_the_key_fails(quick: Scene) -> None:
    quick.encrypt_to = (PUBLIC,)
    quick.take()
    with pytest.raises(BackupError, match="there is no private key"):
        drill(quick)


def test_a_drill_without_a_backup_fails(quick: Scene) -> None:
    with pytest.raises(BackupError, match="staging has no backup in backups"):
        drill(quick)
    quick.take()
    with pytest.raises(BackupError, match="production has no backup"):
        drill(quick, "production")


def test_the_receipt_of_another_environment_or_backup_is_refused(quick: Scene) -> None:
    receipt = quick.take()
    file = Path(receipt.location) / "receipt.json"
    text = file.read_text()
    file.write_text(text.replace('"environment": "staging"', '"environment": "production"'))
    with pytest.raises(BackupError, match="the receipt of a backup of production"):
        drill(quick)
    with pytest.raises(BackupError, match="the receipt of a backup of production"):
        verify(quick, receipt)
    file.write_text(text.replace(f'"id": "{receipt.id}"', '"id": "20261101T000000Z-staging-0123abcd"'))
    with pytest.raises(BackupError, match="another backup"):
        verify(quick, receipt)
    file.unlink()
    with pytest.raises(BackupError, match="there is no receipt"):
        verify(quick, receipt)
