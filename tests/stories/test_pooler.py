"""A real PgBouncer between ctgitops and the server."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import fetch, missing, programs_for_tests, run
from tests.stories.house import House, until

pytestmark = pytest.mark.slow
PASSED_ON = "ignore_startup_parameters = options,extra_float_digits\n"


@pytest.fixture(scope="module")
def listening() -> Iterator[LocalServer]:
    with LocalServer(programs_for_tests(), listen="127.0.0.1") as server:
        yield server


@contextlib.contextmanager
def bouncer(url: str, mode: str, more: str = "") -> Iterator[str]:
    """PgBouncer before the database at `url`; gives the URL through it."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        raise missing("pgbouncer", "no pgbouncer here (Debian: apt-get install pgbouncer)")
    parts = urlsplit(url)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        ini = Path(folder) / "pgbouncer.ini"
        ini.write_text(
            f"[databases]\n* = host={parts.hostname} port={parts.port} "
            f"user={parts.username} password={parts.password}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
            f"pool_mode = {mode}\n{more}"
        )
        ini.chmod(0o644)
        account = "nobody" if os.getuid() == 0 else None
        process = subprocess.Popen(
            [program, "-q", str(ini)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=account
        )
        try:
            until(lambda: _answers(port))
            yield f"postgresql://postgres@127.0.0.1:{port}{parts.path}"
        finally:
            process.terminate()
            process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_p01_p29_a_pooler_in_transaction_mode_is_refused_and_nothing_is_changed(
    house: House, listening: LocalServer
) -> None:
    """Seen to fail without the look: it applied, with a lock that the pooler had given back."""
    url = listening.create_database("transaction_mode").url
    house.migration("001_one", "create table one ();")
    with bouncer(url, "transaction", PASSED_ON) as through:
        house.environment("staging", through)
        planned, done = house.plan(), house.apply()
    assert (planned.status, done.status) == (2, 2), done.said
    assert "error[pooler]" in planned.out
    assert "`ctgitops apply" not in planned.out
    assert "uses another server session for each transaction, so the run lock would be lost" in done.words
    assert "the URL of the server itself" in done.words
    assert fetch(url, "select count(*) from pg_namespace where nspname = 'ctgitops'") == [(0,)]


def test_a_pooler_that_swallows_settings_is_refused(house: House, listening: LocalServer) -> None:
    url = listening.create_database("session_mode").url
    house.migration("001_one", "create table one ();")
    with bouncer(url, "session", PASSED_ON) as through:
        house.environment("staging", through)
        done = house.apply()
    assert done.status == 2, done.said
    assert "drops session settings, so `timeouts.lock` would have no effect" in done.words


def test_a_pooler_in_statement_mode_is_not_tried_again(house: House, listening: LocalServer) -> None:
    url = listening.create_database("statement_mode").url
    house.migration("001_one", "create table one ();")
    with bouncer(url, "statement", PASSED_ON) as through:
        house.environment("staging", through)
        planned, done = house.plan(), house.apply()
    for ended in (planned, done):
        assert ended.status == 4, ended.said
        assert "PgBouncer is in statement mode: use the URL of the server itself" in ended.words
        assert "run the command again" not in ended.words


@pytest.mark.parametrize(
    ("host", "advice"),
    [
        ("ep-one-1.eu.aws.neon.tech", "the URL of the server itself"),
        ("ep-one-1-pooler.eu.aws.neon.tech", "connect directly: the same URL with the host ep-one-1.eu.aws.neon.tech"),
        ("aws-0.pooler.supabase.com", "use the session pooler (the same URL with port 5432)"),
    ],
)
def test_a_provider_s_pooler_has_advice_for_its_url(
    house: House, listening: LocalServer, host: str, advice: str
) -> None:
    url = listening.create_database(f"named_{host.count(chr(45))}").url
    house.migration("001_one", "create table one ();")
    with bouncer(url, "transaction", PASSED_ON) as through:
        house.environment("staging", through.replace("127.0.0.1", host) + "?hostaddr=127.0.0.1")
        planned = house.plan()
    assert planned.status == 2, planned.said
    assert advice in planned.words


def test_a_pooler_that_refuses_settings_is_called_by_its_name(house: House, listening: LocalServer) -> None:
    url = listening.create_database("strict").url
    house.migration("001_one", "create table one ();")
    with bouncer(url, "transaction") as through:
        house.environment("staging", through)
        done = house.apply()
    assert done.status == 4, done.said
    assert "PgBouncer rejects startup parameters" in done.words


@pytest.mark.parametrize("together", [False, True])
def test_the_session_pooler_of_supabase_gets_the_settings_by_sql_and_keeps_them(
    house: House, listening: LocalServer, *, together: bool
) -> None:
    """Supavisor drops the startup parameter `options`. Seen to fail without the SQL: refused, and hinted at itself."""
    url = listening.create_database(f"supavisor_{together}".lower()).url
    show = "select current_setting('lock_timeout') || ' ' || current_setting('statement_timeout') as said"
    for number in (1, 2):
        sql = f"create table t{number} as {show}; reset lock_timeout; set work_mem = '8MB';"
        house.migration(f"00{number}_t{number}", sql, down=f"drop table t{number};")
    manner = "transaction: all\n" if together else ""
    with bouncer(url, "session", PASSED_ON) as through:
        named = through.replace("127.0.0.1", "aws-0-eu-west-1.pooler.supabase.com") + "?hostaddr=127.0.0.1"
        house.environment("staging", named, f"timeouts: {{lock: 300ms, statement: 7min}}\n{manner}")
        planned, done = house.plan(), house.apply()
    assert planned.status == 0, planned.said
    assert done.status == 0, done.said
    assert "leaks session state: setting work_mem" in done.words
    assert fetch(url, "select said from t1 union all select said from t2") == [("300ms 7min",), ("300ms 7min",)]


ROLES = """
create role {owner};
create role {login} login noinherit password 'deploy';
grant {owner} to {login};
create schema app authorization {owner};
create table app.t as select 1 as a;
alter table app.t owner to {owner};
"""


@pytest.mark.parametrize("more", [PASSED_ON, ""], ids=["options ignored", "options refused"])
def test_a_backup_through_the_session_pooler_of_supabase_is_made_as_the_role_of_the_manifest(
    house: House, listening: LocalServer, more: str
) -> None:
    """Seen to fail: pg_dump got the role only in the startup parameter `options`, and was denied app.t."""
    name = f"dumped_{bool(more)}".lower()
    url = listening.create_database(name).url
    run(url, ROLES.format(owner=f"owner_{name}", login=f"login_{name}"))
    house.migration("001_one", "create table one ();")
    parts = urlsplit(url)
    login = parts._replace(netloc=f"login_{name}:deploy@{parts.hostname}:{parts.port}").geturl()
    with bouncer(login, "session", more) as through:
        named = through.replace("127.0.0.1", "aws-0-eu-west-1.pooler.supabase.com") + "?hostaddr=127.0.0.1"
        house.environment("staging", named, f"  role: owner_{name}\nbackup: {{to: backups}}\n")
        done = house.run("backup", "--env", "staging")
    assert done.status == 0, done.said
    assert "counted 1 row in 1 table" in done.words


def test_a_backup_through_a_pooler_in_transaction_mode_is_refused(house: House, listening: LocalServer) -> None:
    """Seen to fail: the backup was taken, without its lock and without the settings of pg_dump."""
    url = listening.create_database("dumped_in_transactions").url
    with bouncer(url, "transaction", PASSED_ON) as through:
        house.environment("staging", through, "backup: {to: backups}\n")
        done = house.run("backup", "--env", "staging")
    assert done.status == 7, done.said
    assert "uses another server session for each transaction" in done.words
    assert "nothing was changed" in done.words
