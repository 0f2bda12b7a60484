"""Checks of this machine: clients, and the server for the trial."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ctgitops.core.doctor.diagnosis import CheckVerdict
from ctgitops.core.environment.environment import Environment, ShadowPolicy
from ctgitops.errors import BackupError, LedgerError, UsageError
from ctgitops.postgres.connection.connect import Address
from ctgitops.postgres.doctor import machine_checks
from ctgitops.postgres.doctor.machine_checks import dump_client, trial
from ctgitops.postgres.server import programs
from tests.fakes import STAGING
from tests.postgres.doctor.scene import doctor, verdicts

pytestmark = pytest.mark.slow


def like(**keys: Any) -> Environment:
    return replace(STAGING, shadow=ShadowPolicy(**keys))


def test_the_client_that_a_backup_uses_is_named(database_url: str) -> None:
    with doctor(database_url) as opened:
        (found,) = dump_client(opened, dumps=True)
        assert found.verdict in {CheckVerdict.OK, CheckVerdict.NOTE}
        assert "pg_dump" in found.what
        assert "no backup" in next(iter(dump_client(opened, dumps=False))).what


def test_a_machine_without_clients_is_found(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "find_programs", lambda: ())
    with doctor(database_url) as opened:
        (found,) = dump_client(opened, dumps=True)
        assert (found.verdict, "no pg_dump" in found.what, bool(found.fix)) == (CheckVerdict.PROBLEM, True, True)


def test_a_trial_on_this_machine_needs_a_server_and_its_extensions(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with doctor(database_url) as opened:
        assert verdicts(trial(opened, like(), None)) == [CheckVerdict.OK]
        (lacks,) = trial(opened, like(extensions=("no_such_extension",)), None)
        assert (lacks.verdict, "lacks no_such_extension" in lacks.what) == (CheckVerdict.PROBLEM, True)
        (off,) = trial(opened, like(wanted=False), None)
        assert off.verdict is CheckVerdict.NOTE
        monkeypatch.setattr(programs, "find_programs", lambda: ())
        monkeypatch.setattr(machine_checks, "containers_available", lambda: False)
        (none,) = trial(opened, like(), None)
        assert (none.verdict, "no server programs" in none.what) == (CheckVerdict.PROBLEM, True)


@contextmanager
def engine() -> Iterator[str]:
    """What Docker's client asks a container engine first."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            body = b"OK" if self.path.endswith("/_ping") else b'{"ApiVersion": "1.44"}'
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_trial_in_a_container_needs_an_engine_that_answers(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = like(image="postgres:17")
    monkeypatch.setattr("ctgitops.postgres.server.container_server.SOCKET", Path("/nonexistent"))
    with doctor(database_url) as opened:
        monkeypatch.delenv("DOCKER_HOST", raising=False)
        (absent,) = trial(opened, wanted, None)
        assert (absent.verdict, "container engine" in absent.what) == (CheckVerdict.PROBLEM, True)
        monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
        assert verdicts(trial(opened, wanted, None)) == [CheckVerdict.PROBLEM]
        with engine() as host:
            monkeypatch.setenv("DOCKER_HOST", host)
            assert verdicts(trial(opened, wanted, None)) == [CheckVerdict.OK]
        monkeypatch.setattr(machine_checks, "find_spec", lambda _: None)
        (extra,) = trial(opened, wanted, None)
        assert (extra.verdict, extra.fix) == (CheckVerdict.PROBLEM, "pip install 'ctgitops[container]'")


def test_a_trial_on_another_server_needs_that_server(database_url: str) -> None:
    there, gone = Address(database_url, "the shadow"), Address("postgresql://127.0.0.1:1/x", "the shadow")
    with doctor(database_url) as opened:
        assert verdicts(trial(opened, like(), lambda: there)) == [CheckVerdict.OK]
        with pytest.raises(LedgerError, match="cannot connect to the shadow"):
            list(trial(opened, like(), lambda: gone))
        (lacks,) = trial(opened, like(extensions=("no_such_extension",)), lambda: there)
        assert lacks.verdict is CheckVerdict.PROBLEM


def test_the_errors_that_these_checks_word_are_those_of_a_run() -> None:
    with pytest.raises(BackupError):
        programs.client_for(99)
    with pytest.raises(UsageError):
        programs.server_for(99)
