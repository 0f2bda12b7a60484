"""A cached data directory gives the same server faster. A broken one, or one that others can write to, is not used."""

from __future__ import annotations

import lzma
import os
from pathlib import Path

import pytest

from ctgitops.postgres.server import data_directory
from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import base_for_servers, fetch, programs_for_tests


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv(data_directory.CACHE_VARIABLE, str(folder))
    return folder


def identity() -> object:
    with LocalServer(programs_for_tests(), base=base_for_servers()) as server:
        return fetch(server.url(), "select system_identifier from pg_control_system()")


@pytest.mark.slow
def test_a_second_server_unpacks_what_the_first_one_made(cache: Path) -> None:
    first = identity()
    (kept,) = cache.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert identity() == first


@pytest.mark.slow
def test_what_is_broken_is_made_anew_and_kept(cache: Path) -> None:
    identity()
    (kept,) = cache.iterdir()
    size = kept.stat().st_size
    kept.write_bytes(kept.read_bytes()[: size // 3])
    identity()
    (kept,) = cache.iterdir()
    assert kept.stat().st_size > size // 2


@pytest.mark.slow
def test_from_a_folder_that_others_may_write_to_nothing_is_started(cache: Path) -> None:
    cache.mkdir()
    cache.chmod(0o777)
    assert identity() != identity()
    assert list(cache.iterdir()) == []


@pytest.mark.slow
def test_what_nobody_used_for_a_month_goes_when_another_is_kept(cache: Path) -> None:
    cache.mkdir(0o700)
    old = cache / "data-9-0123456789abcdef.tar"
    old.write_text("")
    os.utime(old, (0, 0))
    identity()
    assert not old.exists()


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, bytes]:
    """A data directory as an image brings it along: its name, its bytes."""
    cache = tmp_path_factory.mktemp("first", numbered=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(data_directory.CACHE_VARIABLE, str(cache))
        identity()
    (kept,) = cache.iterdir()
    return f"{kept.name}.xz", lzma.compress(kept.read_bytes(), preset=0)


@pytest.fixture
def brought(packed: tuple[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """It in a folder of its own."""
    name, content = packed
    folder = tmp_path / "brought"
    folder.mkdir(0o755)
    (folder / name).write_bytes(content)
    monkeypatch.setenv(data_directory.BROUGHT_VARIABLE, str(folder))
    return folder / name


@pytest.mark.slow
def test_a_server_begins_with_what_the_image_brings_and_leaves_it_as_it_is(brought: Path, cache: Path) -> None:
    before = (brought.read_bytes(), brought.stat().st_mtime_ns)
    assert identity() == identity()
    assert (brought.read_bytes(), brought.stat().st_mtime_ns) == before
    assert list(brought.parent.iterdir()) == [brought]
    assert list(cache.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("writable", ["the folder", "the archive"])
def test_what_an_image_brings_is_not_taken_where_others_may_write_to_it(
    brought: Path, cache: Path, writable: str
) -> None:
    first = identity()
    (brought if writable == "the archive" else brought.parent).chmod(0o777)
    assert identity() != first
    assert len(list(cache.iterdir())) == 1


@pytest.mark.slow
@pytest.mark.parametrize("part", [slice(0, 100_000), slice(100_000, None)], ids=["cut", "no head"])
def test_where_what_an_image_brings_is_broken_a_server_is_made_and_nothing_taken_away(
    brought: Path, cache: Path, part: slice
) -> None:
    broken = brought.read_bytes()[part]
    brought.write_bytes(broken)
    assert identity() == identity()
    assert brought.read_bytes() == broken
    assert len(list(cache.iterdir())) == 1
