"""The size of a server's folder is counted again when the file system lost space, and after some seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctgitops.postgres.server import limits
from ctgitops.postgres.server.limits import MEGABYTE, FolderSize


def _write(path: Path, megabytes: int) -> None:
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(b"x" * MEGABYTE)


def test_a_folder_that_grows_much_is_counted_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RECOUNT_SECONDS", 3600)
    size = FolderSize(tmp_path)
    _write(tmp_path / "first", 1)
    first = size()
    assert MEGABYTE <= first < 2 * MEGABYTE
    (tmp_path / "base").mkdir()
    _write(tmp_path / "base" / "second", 40)
    assert size() >= first + 40 * MEGABYTE


def test_a_folder_is_counted_again_after_some_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = FolderSize(tmp_path)
    first = size()
    _write(tmp_path / "a", 1)
    assert size() == first
    monkeypatch.setattr(limits, "RECOUNT_SECONDS", 0)
    monkeypatch.setattr(size, "_next_count", 0.0)
    assert size() == first + MEGABYTE


def test_a_folder_that_is_gone_has_no_size(tmp_path: Path) -> None:
    assert FolderSize(tmp_path / "none")() == 0
