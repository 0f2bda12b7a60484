"""The schema of a replay is kept in the cache, and is used only for the same migrations on the same server."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from ctgitops.core.environment.environment import ShadowPolicy
from ctgitops.core.plan.plan import Direction, Step
from ctgitops.core.plan.replay import ReplayTarget
from ctgitops.core.schema.contents import Contents
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot
from ctgitops.errors import ApplyError
from ctgitops.postgres.shadow import kept_replay
from ctgitops.postgres.shadow.kept_replay import MOST, KeptReplay
from ctgitops.sql.script import Script
from tests.servers import programs_for_tests

ANY = ReplayTarget(programs_for_tests().major, role="app", database="app")
ONE = Step(Direction.APPLY, 1, "001_one", None, "c", Script("create table one (id int);", "migrations/001_one.sql"))


@dataclass
class Replayed:
    """A replay that records the steps that ran. Its schema has a table for each step."""

    ran: list[str] = field(default_factory=list)
    unmatched: tuple[str, ...] = ("extension x is not available",)

    def apply(self, steps: tuple[Step, ...]) -> None:
        if any("broken" in step.script.sql for step in steps):
            raise ApplyError("broken", state="nothing was changed")
        self.ran += [step.name for step in steps]

    def snapshot(self) -> Snapshot:
        return Snapshot.of(SchemaObject("table", name) for name in self.ran)

    def read_again(self) -> Snapshot:
        self.unmatched = (*self.unmatched, "read again")
        return Snapshot.of(SchemaObject("table", f"{name} again") for name in self.ran)

    def contents(self) -> Contents:
        raise NotImplementedError


@dataclass
class Server:
    """Counts the servers that were started."""

    started: int = 0

    @contextmanager
    def start(self) -> Iterator[Replayed]:
        self.started += 1
        yield Replayed()

    def names(self, *steps: Step, wanted: ReplayTarget = ANY, policy: ShadowPolicy | None = None) -> list[str]:
        with KeptReplay(wanted, policy or ShadowPolicy(), steps, self.start) as replay:
            return [each.name for each in replay.snapshot().objects]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CTGITOPS_CACHE", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("cache")
def test_the_same_migrations_are_replayed_once() -> None:
    server = Server()
    assert server.names(ONE) == ["001_one"]
    with KeptReplay(ANY, ShadowPolicy(), (ONE,), server.start) as replay:
        assert [each.name for each in replay.snapshot().objects] == ["001_one"]
        assert replay.unmatched == ("extension x is not available",)
    assert server.started == 1


@pytest.mark.usefixtures("cache")
def test_the_schema_after_a_restore_is_kept_with_what_it_did_not_match() -> None:
    server = Server()
    for _ in range(2):
        with KeptReplay(ANY, ShadowPolicy(), (ONE,), server.start) as replay:
            replay.snapshot()
            assert [each.name for each in replay.read_again().objects] == ["001_one again"]
            assert replay.unmatched == ("extension x is not available", "read again")
    assert server.started == 1


SQL = replace(ONE, script=Script("create table one (id bigint);", ONE.script.path))


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("steps", "wanted"),
    [
        ((SQL,), ANY),
        ((replace(ONE, name="001_uno"),), ANY),
        ((ONE, replace(ONE, number=2)), ANY),
        ((ONE,), replace(ANY, role="other")),
        ((ONE,), replace(ANY, search_path="app")),
        ((ONE,), replace(ANY, database="other")),
        ((ONE,), replace(ANY, extensions={"citext": "1.6"})),
        ((ONE,), replace(ANY, given="create schema auth")),
    ],
)
def test_whatever_can_change_the_schema_is_replayed(steps: tuple[Step, ...], wanted: ReplayTarget) -> None:
    server = Server()
    server.names(ONE)
    server.names(*steps, wanted=wanted)
    assert server.started == 2


@pytest.mark.usefixtures("cache")
def test_another_code_replays_again(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    server.names(ONE)
    monkeypatch.setattr(kept_replay, "_CODE", tmp_path_factory.mktemp("code"))
    server.names(ONE)
    assert server.started == 2


@pytest.mark.usefixtures("cache")
def test_an_extension_that_was_installed_since_is_used(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = replace(programs_for_tests())
    vars(programs)["share"] = share = tmp_path_factory.mktemp("share")
    (share / "extension").mkdir()
    monkeypatch.setattr(kept_replay, "server_for", lambda *_: programs)
    server = Server()
    for text in ("default_version = '1.0'", "default_version = '1.10'"):
        server.names(ONE)
        (share / "extension" / "vector.control").write_text(text)
    server.names(ONE)
    assert server.started == 3


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("name", ["PGTZ", "PGDATESTYLE", "PGOPTIONS"])
def test_other_settings_of_the_client_replay_again(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The default of a column can be a date or a time, which DDL reads as the session's settings say."""
    server = Server()
    for value in ("", "a", "b", "b"):
        monkeypatch.setenv(name, value)
        server.names(ONE)
    assert server.started == 3


def test_a_full_disk_keeps_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    assert Server().names(ONE) == ["001_one"]
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("policy", [ShadowPolicy(image="postgres:16"), ShadowPolicy(url_secret="SHADOW")])
def test_another_server_is_asked_each_time(cache: Path, policy: ShadowPolicy) -> None:
    server = Server()
    for _ in range(2):
        server.names(ONE, policy=policy)
    assert (server.started, list(cache.iterdir())) == (2, [])


@pytest.mark.parametrize(("old", "new"), [("001_one", "001_two"), ("fingerprint", "other"), ("unmatched", "other")])
def test_a_file_that_was_changed_is_not_used(cache: Path, old: str, new: str) -> None:
    server = Server()
    server.names(ONE)
    (file,) = cache.iterdir()
    file.write_text(file.read_text().replace(old, new))
    assert server.names(ONE) == ["001_one"]
    assert server.started == 2


def test_a_failed_migration_is_an_error_each_time(cache: Path) -> None:
    broken = replace(ONE, script=Script("broken", ONE.script.path))
    server = Server()
    for _ in range(2):
        with pytest.raises(ApplyError):
            server.names(broken)
    assert (server.started, list(cache.iterdir())) == (2, [])


def test_the_oldest_are_removed(cache: Path) -> None:
    server = Server()
    for number in range(MOST + 2):
        server.names(replace(ONE, number=number))
        for at, file in enumerate(sorted(cache.iterdir(), key=lambda path: path.stat().st_mtime_ns)):
            os.utime(file, (at, at))
    assert len(list(cache.iterdir())) == MOST
    server.names(replace(ONE, number=MOST + 1))
    assert server.started == MOST + 2
