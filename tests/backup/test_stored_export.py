"""Exported tables in the store: encrypted, compared, tried by a drill, fetched, and left out of a restore."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from ctgitops.backup.finished import FinishedBackups
from ctgitops.core.environment.environment import BackupPolicy, Environment, ExportFormat, ExportPolicy
from ctgitops.core.receipt import Receipt
from ctgitops.errors import BackupError, UsageError
from tests.backup.scene import Scene
from tests.backup.stores import KEY, PUBLIC
from tests.servers import fetch, run

pytestmark = pytest.mark.slow


@pytest.fixture(params=["csv", "parquet"])
def taken(request: pytest.FixtureRequest, quick: Scene) -> tuple[Scene, Receipt]:
    run(quick.url, "create table t as select n, 'secret ' || n as s from generate_series(1, 1000) n")
    quick.more = {"export": ExportPolicy(("public.t",), ExportFormat(request.param))}
    quick.encrypt_to, quick.key = (PUBLIC,), KEY
    return quick, quick.take()


def finished(scene: Scene) -> FinishedBackups:
    return FinishedBackups(scene.backups)


def fetched(scene: Scene, receipt: Receipt, name: str = "out") -> Path:
    finished(scene).fetch_export(receipt.location, scene.root / name, scene.tell)
    return scene.root / name


def drill(scene: Scene) -> None:
    policy = BackupPolicy(scene.to, verify_server="VERIFY_URL")
    finished(scene).drill(Environment("staging", "URL", backup=policy), scene.tell)


def test_the_files_are_encrypted_compared_and_fetched(taken: tuple[Scene, Receipt]) -> None:
    scene, receipt = taken
    stored = sorted(path.name for path in (Path(receipt.location) / "export").iterdir())
    assert stored == sorted(f"{name}.age" for name in receipt.exported_files)
    assert {f"export/{name}" for name in stored} < set(receipt.stored)
    assert finished(scene).verify(receipt.location, scene.tell)[1] == ()
    drill(scene)
    assert "loaded the exported files of 1 table" in " ".join(scene.said)
    files = {path.name: path for path in fetched(scene, receipt).iterdir()}
    assert set(files) == set(receipt.exported_files)
    if receipt.exported_as == "csv":
        assert gzip.decompress(files["public.t.csv.gz"].read_bytes()).startswith(b'n,s\n"1","secret 1"\n')
    with pytest.raises(UsageError, match="already exists"):
        fetched(scene, receipt)


def test_a_changed_export_fails_verify_drill_and_fetch_but_no_restore(
    taken: tuple[Scene, Receipt], make_database: Callable[[], str]
) -> None:
    scene, receipt = taken
    [name] = receipt.exported["public.t"].files
    file = Path(receipt.location) / "export" / f"{name}.age"
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(BackupError, match="different size"):
        finished(scene).verify(receipt.location, scene.tell)
    with pytest.raises(BackupError, match="changed or truncated"):
        drill(scene)
    with pytest.raises(BackupError, match="changed or truncated"):
        fetched(scene, receipt)
    target = make_database()
    scene.restore(receipt, target)
    assert fetch(target, "select count(*) from t") == fetch(scene.url, "select count(*) from t")


def test_an_export_that_was_replaced_with_its_checksums_fails_a_drill(quick: Scene) -> None:
    run(quick.url, "create table t as select n from generate_series(1, 1000) n")
    quick.more = {"export": ExportPolicy(("public.t",))}
    receipt = quick.take()
    file = Path(receipt.location) / "export" / "public.t.csv.gz"
    old = file.read_bytes()
    new = gzip.compress(gzip.decompress(old).replace(b'"777"', b'"778"'))
    file.write_bytes(new)
    text = (Path(receipt.location) / "receipt.json").read_text()
    import hashlib

    text = text.replace(hashlib.sha256(old).hexdigest(), hashlib.sha256(new).hexdigest())
    text = text.replace(f'"bytes": {len(old)}', f'"bytes": {len(new)}')
    (Path(receipt.location) / "receipt.json").write_text(text)
    with pytest.raises(BackupError, match=r"export of public\.t: same number of rows, but different contents"):
        drill(quick)


def test_a_backup_without_an_export_says_so(quick: Scene) -> None:
    run(quick.url, "create table t as select 1 as n")
    receipt = quick.take()
    with pytest.raises(UsageError, match="has no exported tables"):
        fetched(quick, receipt)
    assert not (quick.root / "out").exists()


def test_the_export_is_proved_from_the_store(quick: Scene) -> None:
    run(quick.url, "create table t as select n from generate_series(1, 1000) n")
    quick.more = {"export": ExportPolicy(("public.t",), ExportFormat.PARQUET)}
    quick.encrypt_to, quick.key, quick.from_store = (PUBLIC,), KEY, True
    receipt = quick.take()
    assert "downloaded and restored from there" in receipt.stored_proof
    assert receipt.exported["public.t"].rows == 1000
