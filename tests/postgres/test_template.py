"""A data directory that was kept: the same server, sooner; one that is broken or not ours alone is not taken."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctgitops.postgres import template
from ctgitops.postgres.server import LocalServer
from tests.servers import base_for_servers, fetch, programs_for_tests


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv(template.CACHE_VARIABLE, str(folder))
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
