"""The throw-away server of a verification, which starts during the dump."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctgitops.backup import early_server
from ctgitops.backup.early_server import EarlyServer
from ctgitops.errors import BackupError, UsageError
from tests.backup.scene import Scene
from tests.servers import programs_for_tests, run


@pytest.mark.slow
def test_the_server_ends_with_the_block_also_if_nothing_waits_for_it() -> None:
    with EarlyServer() as early:
        early.begin(programs_for_tests().major, ())
        server = early.started()
        assert server.folder.is_dir()
        pid = server.process_id
    assert not server.folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_error_of_the_start_is_raised_where_the_server_is_needed() -> None:
    with EarlyServer() as early:
        early.begin(99, ())
        with pytest.raises(UsageError, match="no server programs of PostgreSQL 99"):
            early.started()


def test_an_error_of_the_start_does_not_hide_an_error_of_the_dump(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("cannot start new thread")

    monkeypatch.setattr(early_server, "server_for", fails)
    with pytest.raises(BackupError, match="of the dump"), EarlyServer() as early:
        early.begin(99, ())
        raise BackupError("an error of the dump")


def test_a_server_that_is_not_wanted_is_not_started() -> None:
    with EarlyServer(wanted=False) as early:
        early.begin(99, ())
    assert early.starting is False


@pytest.mark.slow
def test_the_server_starts_before_the_dump_ends(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(scene.url, "create table t as select 1 as a")
    seen: list[bool] = []
    real = EarlyServer.begin

    def begin(early: EarlyServer, major: int, extensions: tuple[str, ...]) -> None:
        seen.append(bool(list((tmp_path / "backups").glob("*.partial/dump/toc.dat"))))
        real(early, major, extensions)

    monkeypatch.setattr(EarlyServer, "begin", begin)
    assert "a throw-away server on the run's machine" in scene.take().proof
    assert seen == [False]
