"""A receipt lies in the store only together with all objects of its backup, however the run ends."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from ctgitops.backup.bucket import Bucket
from ctgitops.backup.object_store import ObjectStore
from ctgitops.backup.objects import FolderObjects, NotAllowedError
from ctgitops.backup.store_calls import Wait

ID = "20261130T120000Z-staging-0123abcd"


@dataclass(frozen=True)
class Interrupted(Bucket):
    """Stores the receipt, and then the answer is lost or a signal arrives."""

    error: BaseException | None = None
    deletes: bool = True

    def put(self, name: str, content: bytes, wait: Wait | None = None) -> str:
        tag = super().put(name, content, wait)
        if name.endswith("/receipt.json") and self.error:
            raise self.error
        return tag

    def delete(self, names: Sequence[str], seconds: float | None = None) -> None:
        if not self.deletes:
            raise NotAllowedError("it refuses")
        super().delete(names, seconds)


def taken(bucket: Interrupted) -> ObjectStore:
    """The store after a run that was interrupted when its receipt was stored."""
    store = ObjectStore(bucket, bucket.address)
    assert bucket.error
    with pytest.raises(type(bucket.error)), store.begin(ID) as draft:
        (draft.folder / "dump").mkdir()
        (draft.folder / "dump" / "toc.dat").write_bytes(b"content")
        draft.finish("{}")
    return store


@pytest.mark.parametrize("error", [KeyboardInterrupt(), NotAllowedError("lost")])
def test_a_receipt_is_removed_with_its_objects(error: BaseException) -> None:
    """Seen to fail: the objects were removed, and the receipt stayed."""
    store = taken(Interrupted(MemoryStore(), "memory", error=error))
    assert store.receipt(ID) is None
    assert store.names(ID) == ()


def test_a_receipt_that_cannot_be_removed_keeps_its_objects() -> None:
    store = taken(Interrupted(MemoryStore(), "memory", error=KeyboardInterrupt(), deletes=False))
    assert store.receipt(ID) == "{}"
    assert store.names(ID) == ("begun", "dump/toc.dat")


def test_a_file_that_cannot_be_written_to_its_end_gets_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen to fail: half a receipt stayed in the folder."""
    objects = FolderObjects(tmp_path)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            objects.put(f"{ID}/receipt.json", b"{}")
    assert list(objects.list()) == []
    objects.put(f"{ID}/receipt.json", b"{}")
    assert [each.name for each in objects.list()] == [f"{ID}/receipt.json"]
