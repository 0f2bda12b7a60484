"""Files are uploaded while others are still written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from pyrage.x25519 import Identity

from ctgitops.backup import upload
from ctgitops.backup.encryption import Cipher
from ctgitops.backup.store_calls import Wait
from ctgitops.backup.upload import Upload
from ctgitops.core.receipt import SavedFile
from tests.backup.test_interrupted import until


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "EVERY_SECONDS", 0.01)


def into(stored: dict[str, bytes]) -> Callable[[str, bytes, Wait], None]:
    """A store that never waits."""
    return lambda name, content, _wait: stored.__setitem__(name, content)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="without /proc, files wait for the end of the dump")
def test_a_complete_file_is_stored_while_another_is_written(tmp_path: Path) -> None:
    stored: dict[str, bytes] = {}
    with (tmp_path / "open").open("wb") as file:
        file.write(b"a half")
        file.flush()
        (tmp_path / "dump").mkdir()
        (tmp_path / "dump" / "complete").write_bytes(b"rows")
        uploading = Upload(tmp_path, Cipher(), into(stored))
        try:
            until(lambda: "dump/complete" in stored)
            assert "open" not in stored
            file.write(b" and the rest")
            file.close()
            read = uploading.rest()
        finally:
            uploading.stop()
    assert stored == {"dump/complete": b"rows", "open": b"a half and the rest"}
    assert read["dump/complete"] == SavedFile(4, hashlib.sha256(b"rows").hexdigest())


def test_a_large_file_is_stored_in_parts_and_an_empty_one_as_an_empty_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "PART", 4)
    (tmp_path / "a").write_bytes(b"0123456789")
    (tmp_path / "b").write_bytes(b"")
    (tmp_path / "c").write_bytes(b"0123")
    stored: dict[str, bytes] = {}
    uploading = Upload(tmp_path, Cipher(), into(stored))
    uploading.rest()
    uploading.stop()
    assert stored == {"a": b"0123", "a.part00001": b"4567", "a.part00002": b"89", "b": b"", "c": b"0123"}


def test_an_error_of_the_store_ends_the_upload(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"rows")

    def refuse(_name: str, _content: bytes, _wait: Wait) -> None:
        raise OSError("the store is full")

    uploading = Upload(tmp_path, Cipher(), refuse)
    with pytest.raises(OSError, match="the store is full"):
        uploading.rest()
    uploading.stop()


def test_an_encrypted_upload_ends_when_it_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen to fail with InterruptedError, after which pyrage reads again and again."""
    monkeypatch.setattr(upload, "PART", 1 << 16)
    (tmp_path / "a").write_bytes(bytes(1 << 22))
    began, stopped = Event(), Event()

    def put(_name: str, _content: bytes, _wait: Wait) -> None:
        began.set()
        stopped.wait()

    uploading = Upload(tmp_path, Cipher((str(Identity.generate().to_public()),)), put)
    with ThreadPoolExecutor(2) as pool:
        rest = pool.submit(uploading.rest)
        assert began.wait(20)
        stopping = pool.submit(uploading.stop)
        until(uploading._wait.stop.is_set)
        stopped.set()
        stopping.result(20)
        assert rest.exception(20) is not None
