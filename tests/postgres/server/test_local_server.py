"""The local throw-away server: it starts, and is removed whatever happens."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ctgitops.errors import LedgerError, UsageError
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.programs import Programs, find_programs, programs_in
from tests.servers import fetch, missing, programs_for_tests, run, session
from tests.stories.house import until

AS_ROOT = os.geteuid() == 0


@pytest.fixture
def base() -> Iterator[Path]:
    """A folder that the server's account can enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="t", dir="/tmp"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def processes_about(text: str) -> list[str]:
    """Command lines that hold a text; of those that have ended, none."""
    listed = subprocess.run(["ps", "-ewwo", "stat=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if text in line and not line.startswith("Z")]


def wait_until_gone(base: Path, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while (processes_about(str(base)) or any(base.iterdir())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_about(str(base)) == []
    assert list(base.iterdir()) == []


def start_elsewhere(base: Path, then: str) -> subprocess.Popen[str]:
    """Another Python that starts a server, prints its folder and goes on with `then`."""
    script = f"""
import signal, sys, time
from pathlib import Path
from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import fetch, programs_for_tests
print("begins", flush=True)
with LocalServer(programs_for_tests(), base=Path({str(base)!r})) as server:
    print("ready", flush=True)
    {then}
"""
    return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True)


def read_until(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout
    for line in process.stdout:
        if line.strip() == word:
            return
    raise AssertionError(f"it ended without saying {word!r}")


def test_starts_empty_and_is_gone_with_its_folder(base: Path) -> None:
    with LocalServer(programs_for_tests(), base=base) as server:
        assert fetch(server.url(), "show server_encoding") == [("UTF8",)]
        url = server.create_database("Ü mit 'quotes\" /?#").url
        assert fetch(url, "select current_database()") == [("Ü mit 'quotes\" /?#",)]
        assert processes_about(str(base))
    wait_until_gone(base, 0)


def test_only_its_account_gets_at_its_socket_and_its_data(server: LocalServer) -> None:
    assert server.folder.stat().st_mode & 0o777 == 0o700
    assert (server.folder / "s").stat().st_mode & 0o777 == 0o700
    assert "host=%2F" in server.url()


def test_killed_with_9_leaves_neither_server_nor_folder(base: Path) -> None:
    with start_elsewhere(base, "time.sleep(60)") as process:
        read_until(process, "ready")
        assert processes_about(str(base))
        process.kill()
    wait_until_gone(base)


@pytest.mark.slow
@pytest.mark.parametrize("after", [0.05, 0.3])
def test_killed_with_9_while_starting_leaves_nothing_either(base: Path, after: float) -> None:
    with start_elsewhere(base, "time.sleep(60)") as process:
        read_until(process, "begins")
        time.sleep(after)
        process.kill()
    wait_until_gone(base)


@pytest.mark.slow
def test_ctrl_c_is_ours_to_handle_before_the_server_goes(base: Path) -> None:
    then = """
    try:
        print("waiting", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        time.sleep(0.3)
        assert fetch(server.url(), "select 1") == [(1,)]
        print("still there", flush=True)
"""
    with start_elsewhere(base, then.strip()) as process:
        read_until(process, "waiting")
        os.killpg(process.pid, signal.SIGINT)
        read_until(process, "still there")
        assert process.wait(10) == 0
    wait_until_gone(base, 0)


def test_an_exception_in_the_block_ends_the_server_too(base: Path) -> None:
    with pytest.raises(ZeroDivisionError), LocalServer(programs_for_tests(), base=base):
        raise ZeroDivisionError
    wait_until_gone(base, 0)


@pytest.mark.slow
def test_is_ended_even_while_somebody_is_busy_in_it(base: Path) -> None:
    with LocalServer(programs_for_tests(), base=base) as server:
        busy = subprocess.Popen(
            [sys.executable, "-c", f"from tests.servers import run; run({server.url()!r}, 'select pg_sleep(60)')"],
            stderr=subprocess.DEVNULL,
        )
        while not fetch(server.url(), "select from pg_stat_activity where query like '%sleep%' and state = 'active'"):
            time.sleep(0.02)
    assert busy.wait(10) != 0
    wait_until_gone(base, 0)


def test_over_tcp_it_wants_its_password(tcp_server: LocalServer) -> None:
    url = tcp_server.url()
    assert url.startswith("postgresql://postgres:")
    assert fetch(url, "select 1") == [(1,)]
    password = url.split(":")[2].split("@")[0]
    with pytest.raises(LedgerError, match="password authentication failed") as caught:
        fetch(url.replace(password, "wrong-password"), "select 1")
    assert "wrong-password" not in str(caught.value)


@pytest.mark.slow
def test_settings_are_the_servers(base: Path) -> None:
    with LocalServer(programs_for_tests(), settings={"work_mem": "7MB", "wal_level": "replica"}, base=base) as server:
        assert fetch(server.url(), "select current_setting('work_mem'), current_setting('wal_level')") == [
            ("7MB", "replica")
        ]


def test_says_why_it_does_not_start_and_leaves_nothing(base: Path) -> None:
    with (
        pytest.raises(UsageError, match='invalid value for parameter "work_mem"'),
        LocalServer(programs_for_tests(), settings={"work_mem": "nonsense"}, base=base),
    ):
        pass
    wait_until_gone(base, 0)


def test_without_server_programs_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no server programs"):
        LocalServer(Programs(tmp_path, 17, "17.1", None))


def test_without_a_short_folder_says_so(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    with (
        pytest.raises(UsageError, match="no usable folder for a throw-away server"),
        LocalServer(programs_for_tests(), base=deep),
    ):
        pass


@pytest.mark.slow
def test_nothing_of_our_environment_is_in_the_servers(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGING_DATABASE_URL", "a-secret")
    with LocalServer(programs_for_tests(), base=base) as server:
        run(server.url(), "create table seen (line text); copy seen from program 'env'")
        assert "PATH=" in str(fetch(server.url(), "select line from seen"))
        assert "a-secret" not in str(fetch(server.url(), "select line from seen"))


@pytest.mark.slow
@pytest.mark.skipif(not AS_ROOT, reason="only root starts a server under another account")
def test_programs_that_the_servers_account_cannot_reach_are_copied(base: Path, tmp_path: Path) -> None:
    whole = [p for p in find_programs() if p.has_server and (p.bin.parent / "share" / "postgres.bki").is_file()]
    if not whole:
        raise missing("whole", "no PostgreSQL here that is whole in one folder")
    home = whole[0].bin.parent
    hidden = tmp_path / home.parent.name / home.name
    shutil.copytree(home, hidden, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
    for libraries in home.parent.parent.glob(f"{home.parent.name}.libs"):
        shutil.copytree(libraries, tmp_path / libraries.name)
    tmp_path.chmod(0o700)
    programs = programs_in(hidden / "bin")
    assert programs
    with LocalServer(programs, base=base) as server:
        assert server.programs.bin.is_relative_to(base)
        assert fetch(server.url(), "select 1") == [(1,)]
    wait_until_gone(base, 0)


def test_a_server_that_is_lost_while_a_database_is_made_is_told_as_that(server: LocalServer) -> None:
    making = "select pid from pg_stat_activity where query like 'create database%' and wait_event_type = 'Lock'"
    with session(server.url()) as holder, ThreadPoolExecutor(1) as pool:
        holder.execute("begin; lock table pg_catalog.pg_database in exclusive mode")
        made = pool.submit(LocalServer.create_database, server, "never")
        until(lambda: fetch(server.url(), making))
        fetch(server.url(), f"select pg_terminate_backend(pid) from ({making}) as maker (pid)")
        with pytest.raises(LedgerError, match="did not answer: terminating connection"):
            made.result()
