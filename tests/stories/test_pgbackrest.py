"""pgBackRest for real: the backup before a plan, and a recovery to the run's restore point on a second server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.os_account import unprivileged
from ctgitops.postgres.server.programs import Programs
from ctgitops.postgres.server.watchdog import Watchdog
from tests.servers import fetch, missing, programs_for_tests, run
from tests.stories.house import House, Run, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]
PATIENCE = 300
"""Seconds for one command: each backup copies about a thousand files, and verifies them."""
PITR = ("--type=name", "--target-action=promote")


@dataclass(frozen=True)
class Archived:
    """A server that archives its WAL with pgBackRest, and the folder with its configuration and repository."""

    server: LocalServer
    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "pgbackrest.conf"

    @property
    def path(self) -> dict[str, str]:
        """The search path with a pgBackRest that runs as the server's account, as `sudo -u postgres` does."""
        return {"PATH": f"{self.folder}/bin:{os.environ['PATH']}"}

    def run(self, *arguments: str) -> str:
        command = [f"{self.folder}/bin/pgbackrest", f"--config={self.config}", "--stanza=main", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def archived() -> Iterator[Archived]:
    if shutil.which("pgbackrest") is None:
        raise missing("pgbackrest", "pgBackRest is not installed")
    account = unprivileged()
    with tempfile.TemporaryDirectory(prefix="pgbackrest-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        config = folder / "pgbackrest.conf"
        settings = {
            "wal_level": "replica",
            "max_wal_senders": "3",
            "full_page_writes": "on",
            "archive_mode": "on",
            "archive_command": f"pgbackrest --config={config} --stanza=main archive-push %p",
        }
        with LocalServer(programs_for_tests(), settings=settings) as server:
            for each in ("repo", "lock", "spool"):
                (folder / each).mkdir()
                if account:
                    account.take_over(folder / each)
            config.write_text(
                f"[global]\nrepo1-path={folder}/repo\nlock-path={folder}/lock\nspool-path={folder}/spool\n"
                "log-level-file=off\nlog-level-console=warn\nrepo1-retention-full=9\nrepo1-bundle=y\ncompress-type=none\n"
                "start-fast=y\n"
                f"[main]\npg1-path={server._data}\npg1-port={server._port}\npg1-socket-path={server._sockets}\n"
                "pg1-user=postgres\n"
            )
            config.chmod(0o644)
            (folder / "bin").mkdir()
            wrapper = folder / "bin/pgbackrest"
            by = f"setpriv --reuid={account.uid} --regid={account.gid} --clear-groups " if account else ""
            wrapper.write_text(f'#!/bin/sh\ncd / && exec {by}{shutil.which("pgbackrest")} "$@"\n')
            wrapper.chmod(0o755)
            made = Archived(server, folder)
            made.run("stanza-create")
            yield made


class Recovered(LocalServer):
    """A second server, which pgBackRest restores up to a restore point."""

    archived: Archived
    target: str

    def _make_data(self, programs: Programs, watchdog: Watchdog) -> None:  # noqa: ARG002 - as the server's
        self._data.mkdir(0o700)
        if self._account:
            self._account.take_over(self._data)
        self.archived.run(f"--pg1-path={self._data}", *PITR, f"--target={self.target}", "restore")


@pytest.fixture
def repository(tmp_path: Path, archived: Archived) -> tuple[House, str]:
    url = archived.server.create_database(f"app_{len(archived.server.url())}_{tmp_path.name[-8:].strip('_')}").url
    house = House(tmp_path / "repository")
    house.policy("header: optional\n")
    manifest = f"backup: {{by: pgbackrest, pgbackrest: {{stanza: main, config: {archived.config}}}}}\n"
    house.environment("staging", url)
    house.migration("001_one", "create table one (id int primary key, name text);")
    house.applied()
    house.environment("staging", url, manifest)
    return house, url


def applied(house: House, archived: Archived) -> Run:
    return house.start("apply", "--env", "staging", environ=archived.path).ended(PATIENCE)


def test_a_bad_migration_is_undone_by_recovery_to_its_restore_point(
    archived: Archived, repository: tuple[House, str]
) -> None:
    """Rows that were written after the backup and before the migration are in the recovered server as well."""
    house, url = repository
    run(url, "insert into one select n, 'name ' || n from generate_series(1, 1000) n")
    before = fetch(url, "select * from one order by id")
    house.migration("002_bad", "update one set name = null;")
    done = applied(house, archived)
    assert done.status == 0, done.said
    assert "taken by pgbackrest, not restored by ctgitops" in done.words

    (receipt,) = fetch(url, "select receipt from ctgitops.ledger where name = '002_bad'")[0]
    assert isinstance(receipt, dict)
    assert (receipt["by"], receipt["recovery_point"]["archive"]) == ("pgbackrest", "archived")
    name = receipt["recovery_point"]["name"]
    assert f"PITR to restore point `{name}`" in done.words
    assert f"--set={receipt['id']} " in receipt["restore_with"]
    status = house.run("status", "--env", "staging", "--format", "json").json
    assert status["environments"][0]["recovery_point"]["name"] == name

    ((file,),) = fetch(url, "select pg_walfile_name(pg_current_wal_lsn())")
    run(url, "insert into one values (0, 'later'); select pg_switch_wal()")
    until(lambda: fetch(url, f"select last_archived_wal >= '{file}' from pg_stat_archiver") == [(True,)])
    recovered = Recovered(archived.server.programs, settings={"wal_level": "replica", "max_wal_senders": "3"})
    recovered.archived, recovered.target = archived, name
    with recovered:
        copy = recovered.url(url.partition("?")[0].rpartition("/")[2])
        assert fetch(copy, "select * from one order by id") == before
        assert fetch(copy, "select name from ctgitops.ledger order by id") == [("001_one",)]
    assert fetch(url, "select count(name) from one") == [(1,)]


def test_a_backup_that_fails_stops_the_run(repository: tuple[House, str], archived: Archived) -> None:
    house, url = repository
    house.environment(
        "staging", url, f"backup: {{by: pgbackrest, pgbackrest: {{stanza: other, config: {archived.config}}}}}\n"
    )
    house.migration("002_two", "create table two ();")
    refused = applied(house, archived)
    assert refused.status == 7, refused.said
    assert "nothing was changed" in refused.words
    assert fetch(url, "select to_regclass('two') is null") == [(True,)]


def test_a_damaged_repository_is_not_called_verified(repository: tuple[House, str], archived: Archived) -> None:
    """Seen to fail if only the exit status of `pgbackrest verify` counts."""
    house, url = repository
    archived.run("backup", "--type=full")
    found = json.loads(archived.run("info", "--output=json"))
    label = found[0]["backup"][-1]["label"]
    damaged = archived.folder / "repo/backup/main" / label / "bundle/1"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[: len(whole) // 2] + b"not this" + whole[len(whole) // 2 + 8 :])
    house.migration("002_two", "create table two ();")
    refused = applied(house, archived)
    assert refused.status == 7, refused.said
    assert "`pgbackrest verify` does not report the backup as valid: stanza: main status: error" in refused.words
    assert fetch(url, "select to_regclass('two') is null") == [(True,)]
