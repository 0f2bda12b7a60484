"""Backups in servers with the APIs of Azure and of Google; for S3, see test_s3.py."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest

from ctgitops.backup.bucket import bucket_at
from ctgitops.backup.finished import FinishedBackups
from ctgitops.core.environment.environment import (
    BackupPolicy,
    Environment,
    ExportFormat,
    ExportPolicy,
    KeepPolicy,
    StoreSettings,
)
from ctgitops.errors import BackupError
from tests.backup import azure, google
from tests.backup.scene import Scene
from tests.backup.stores import KEY, PUBLIC
from tests.servers import fetch, missing, run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["az", "gs"])
def endpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The scheme of a cloud, and the URL of its server."""
    folder = tmp_path_factory.mktemp(request.param)
    program, server = {
        "az": (azure.program(), azure.azurite),
        "gs": (google.program(), google.emulator),
    }[request.param]
    if program is None:
        name = {"az": "azurite", "gs": "gcp-storage-emulator"}[request.param]
        raise missing(name, f"{name} is not on this machine's PATH")
    with server(folder) as url:
        yield request.param, url


@pytest.fixture
def cloud(quick: Scene, endpoint: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Backups go to a new prefix."""
    scheme, url = endpoint
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", azure.ACCOUNT)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", azure.KEY)
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", str(google.credentials(quick.root)))
    quick.to = f"{scheme}://first/{uuid.uuid4().hex}/staging"
    quick.settings = StoreSettings(endpoint=url)
    return quick


def finished(scene: Scene) -> tuple[FinishedBackups, Environment]:
    policy = BackupPolicy(scene.to, verify_server="URL", store=scene.settings, keep=KeepPolicy(last=1))
    return FinishedBackups(scene.backups), Environment("staging", "URL", backup=policy)


def test_objects_are_put_once_listed_read_and_removed(cloud: Scene) -> None:
    bucket = bucket_at(cloud.to, cloud.settings, cloud.root)
    bucket.put("a/one", b"first")
    bucket.put("a/one", b"first")  # as after a lost answer
    with pytest.raises(BackupError, match="exists with different contents, and is not overwritten"):
        bucket.put("a/one", b"second")
    small = b"" if cloud.to.startswith("az") else b"2"  # the emulator of Google's takes no empty object
    bucket.put("b/two", small)
    assert sorted((each.name, each.bytes) for each in bucket.list()) == [("a/one", 5), ("b/two", len(small))]
    assert [each.name for each in bucket.list("a")] == ["a/one"]
    assert b"".join(bucket.get("a/one")) == b"first"
    bucket.delete(["a/one", "a/none"])
    with pytest.raises(FileNotFoundError):
        b"".join(bucket.get("a/one"))


def test_a_backup_is_taken_verified_drilled_restored_and_pruned(cloud: Scene, make_database: Callable[[], str]) -> None:
    run(cloud.url, "create table t as select generate_series(1, 1000) as a")
    cloud.encrypt_to, cloud.key = (PUBLIC,), KEY
    first = cloud.take()
    cloud.from_store = True
    cloud.more = {"export": ExportPolicy(("public.t",), ExportFormat.PARQUET)}
    receipt = cloud.take()
    assert receipt.stored_proof.endswith("; downloaded and restored from there")
    backups, environment = finished(cloud)
    assert backups.verify(receipt.location, cloud.tell) == (receipt, ())
    assert backups.drill(environment, cloud.tell).backup == receipt.id
    backups.fetch_export(receipt.location, cloud.root / "exported", cloud.tell)
    assert {path.name for path in (cloud.root / "exported").iterdir()} == set(receipt.exported_files)
    target = make_database()
    assert cloud.restore(receipt, target) == receipt
    assert fetch(target, "select count(*) from t") == [(1000,)]
    assert [each.id for each in backups.prune(environment, cloud.tell, dry_run=False).goes] == [first.id]
    assert [each.id for each in backups.stored(environment)] == [receipt.id]


def test_what_was_changed_in_the_store_is_found(cloud: Scene) -> None:
    receipt = cloud.take()
    bucket = bucket_at(cloud.to, cloud.settings, cloud.root)
    name = next(each.name for each in bucket.list() if "toc.dat" in each.name)
    bucket.delete([name])
    backups, environment = finished(cloud)
    for content, said in ((None, "is missing"), (b"other", "different size")):
        if content:
            bucket.put(name, content)
        with pytest.raises(BackupError, match=said):
            backups.verify(receipt.location, cloud.tell)
        with pytest.raises(BackupError):
            backups.drill(environment, cloud.tell)


def test_a_bucket_that_does_not_exist(cloud: Scene) -> None:
    cloud.to = cloud.to.replace("//first/", "//nowhere/")
    with pytest.raises(BackupError) as caught:
        cloud.take()
    assert caught.value.hint == "create the bucket, or correct `backup.to`"
    assert caught.value.state == "nothing was changed"
