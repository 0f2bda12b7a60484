"""Checks of a server, on real servers with and without an archive."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import psycopg
import pytest

from ctgitops.core.doctor.diagnosis import CheckVerdict
from ctgitops.core.environment.environment import ShadowPolicy
from ctgitops.postgres.doctor.server_checks import SUPPORT_ENDS, connections, extensions, recovery, server_version
from ctgitops.postgres.server.local_server import LocalServer
from tests.fakes import STAGING
from tests.postgres.doctor.scene import doctor, verdicts
from tests.servers import base_for_servers, programs_for_tests, run

pytestmark = pytest.mark.slow


def test_the_end_of_support_is_found_by_its_date(database_url: str) -> None:
    with doctor(database_url) as opened:
        end = SUPPORT_ENDS[opened.connection.info.server_version // 10_000]
        assert verdicts(server_version(opened, end)) == [CheckVerdict.OK]
        assert verdicts(server_version(opened, date(2099, 1, 1))) == [CheckVerdict.PROBLEM]


def test_an_unknown_major_is_unknown(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with doctor(database_url) as opened:
        monkeypatch.delitem(SUPPORT_ENDS, opened.connection.info.server_version // 10_000)
        assert verdicts(server_version(opened, date(2026, 1, 1))) == [CheckVerdict.UNKNOWN]


def test_too_few_free_connections_are_found(database_url: str) -> None:
    name = database_url.rpartition("@/")[2].partition("?")[0]
    with doctor(database_url) as opened:
        assert verdicts(connections(opened, 3)) == [CheckVerdict.OK]
        run(database_url, f"alter database {name} connection limit 4")
        with psycopg.connect(database_url), psycopg.connect(database_url):
            (found,) = connections(opened, 3)
        assert (found.verdict, found.what) == (CheckVerdict.PROBLEM, "free connections: 1; a run needs 3")
        assert f"ALTER DATABASE {name} CONNECTION LIMIT" in found.fix


def test_extensions_that_the_server_lacks_are_found(database_url: str) -> None:
    with doctor(database_url) as opened:
        wanted = replace(STAGING, shadow=ShadowPolicy(extensions=("plpgsql", "no_such_extension")))
        (found,) = extensions(opened, wanted)
        assert (found.verdict, "no_such_extension" in found.what) == (CheckVerdict.PROBLEM, True)
        assert verdicts(extensions(opened, replace(STAGING, shadow=ShadowPolicy(extensions=("plpgsql",))))) == [
            CheckVerdict.OK
        ]


def test_a_server_without_an_archive_is_a_problem_only_without_a_backup(database_url: str) -> None:
    with doctor(database_url) as opened:
        assert verdicts(recovery(opened, has_backup=True)) == [CheckVerdict.NOTE]
        assert verdicts(recovery(opened, has_backup=False)) == [CheckVerdict.PROBLEM]


def test_an_archive_that_works_and_one_that_fails_are_told_apart() -> None:
    wal = {"wal_level": "replica", "archive_mode": "on", "max_wal_senders": "2"}
    for command, expected in (("true", CheckVerdict.OK), ("false", CheckVerdict.PROBLEM)):
        settings = wal | {"archive_command": command}
        with LocalServer(programs_for_tests(), settings=settings, base=base_for_servers()) as server:
            with doctor(server.url()) as opened:
                unarchived = verdicts(recovery(opened, has_backup=True))
            assert unarchived == [CheckVerdict.UNKNOWN], "no WAL file is archived yet"
            column = "archived_count" if command == "true" else "failed_count"
            run(server.url(), "select pg_switch_wal()")
            with psycopg.connect(server.url(), autocommit=True) as watcher:
                while not watcher.execute(f"select {column} from pg_stat_archiver").fetchone()[0]:  # type: ignore[index]
                    run(server.url(), "select pg_switch_wal(), txid_current()")
            with doctor(server.url()) as opened:
                assert verdicts(recovery(opened, has_backup=True)) == [expected]


@pytest.mark.parametrize("wal_level", ["minimal", "replica"])
def test_a_server_on_which_the_fix_of_the_archive_ran_starts_and_archives(wal_level: str) -> None:
    before = {"wal_level": wal_level, "max_wal_senders": "0"}
    with LocalServer(programs_for_tests(), settings=before, base=base_for_servers()) as server:
        with doctor(server.url()) as opened:
            (found,) = recovery(opened, has_backup=False)
        with psycopg.connect(server.url(), autocommit=True) as admin:
            for statement in found.fix.splitlines():
                admin.execute(statement.replace("…", "true").encode())
            query = "select name, setting from pg_file_settings where sourcefile like '%postgresql.auto.conf'"
            after = {str(name): str(setting) for name, setting in admin.execute(query.encode())}
    restarted = LocalServer(programs_for_tests(), settings=before | after, base=base_for_servers())
    with restarted as server, doctor(server.url()) as opened:
        assert verdicts(recovery(opened, has_backup=False)) == [CheckVerdict.UNKNOWN], "no WAL file is archived yet"


def test_an_archiver_without_a_command_needs_only_the_command() -> None:
    settings = {"wal_level": "replica", "archive_mode": "on"}
    without = LocalServer(programs_for_tests(), settings=settings, base=base_for_servers())
    with without as server, doctor(server.url()) as opened:
        (found,) = recovery(opened, has_backup=True)
    assert "archive_command" in found.fix
    assert "archive_mode" not in found.fix
