"""Causes of failures, which a server whose messages are not English gives as well."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctgitops.core.plan.plan import Direction, Step
from ctgitops.errors import Cause
from ctgitops.postgres.connection.cancellable_query import Failure, exchange
from ctgitops.postgres.connection.connect import Connection
from ctgitops.postgres.connection.effective_settings import english
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.transaction.step_failure import hint_for, is_statement_timeout
from ctgitops.sql.script import Script
from tests.servers import base_for_servers, missing, programs_for_tests, session

STEP = Step(Direction.APPLY, 1, "001_one", None, "", Script("select 1;", "migrations/001_one.sql"))
ORDINARY = "drop role if exists ordinary; create role ordinary login; set session authorization ordinary"


class GermanServer(LocalServer):
    """PostgreSQL takes its messages' language from LANGUAGE where lc_messages names a locale other than C."""

    def started_by(self, command: list[str]) -> list[str]:
        return ["env", "LANGUAGE=de", *command]


@pytest.fixture(scope="module")
def german() -> Iterator[LocalServer]:
    programs = programs_for_tests()
    settings = {"lc_messages": "C.UTF-8"}
    with GermanServer(programs, settings=settings, base=base_for_servers()) as server:
        with session(server.url()) as connection:
            failure = failed(connection, "select 1/0")
        if failure.message != "Division durch Null":
            raise missing("translations", f"PostgreSQL in {programs.bin} has no German messages")
        yield server


def failed(connection: Connection, sql: str) -> Failure:
    answer = exchange(connection, sql)
    assert answer.failure
    exchange(connection, "rollback")
    return answer.failure


def cancelled(connection: Connection) -> Failure:
    """A statement that another session cancels as soon as it runs."""
    pid = connection.info.backend_pid
    with session(connection.info.dsn) as other:

        def cancel() -> None:
            running = f"select from pg_stat_activity where pid = {pid} and state = 'active' and query ~ 'sleep'"
            while not other.execute(running.encode()).fetchall():
                pass
            other.execute(f"select pg_cancel_backend({pid})".encode())

        thread = threading.Thread(target=cancel)
        thread.start()
        failure = failed(connection, "select pg_sleep(60)")
        thread.join()
    return failure


def test_a_statement_timeout_is_known_from_a_cancelled_statement_in_any_language(german: LocalServer) -> None:
    """Seen to fail where the words `statement timeout` were looked for."""
    with session(german.url()) as connection:
        late = failed(connection, "begin; set local statement_timeout = 1; select pg_sleep(60)")
        assert late.message.startswith("storniere Anfrage wegen Zeit")
        assert late.cause is Cause.CANCELLED
        assert is_statement_timeout(connection, late)
        assert not is_statement_timeout(connection, cancelled(connection))


def test_a_lock_timeout_is_known_in_any_language(german: LocalServer) -> None:
    with session(german.url()) as holder, session(german.url()) as connection:
        exchange(holder, "create table held ()")
        exchange(holder, "begin; lock table held")
        failure = failed(connection, "begin; set local lock_timeout = 1; lock table held")
        exchange(holder, "rollback; drop table held")
    assert failure.cause is Cause.LOCK_TIMEOUT
    assert "pg_stat_activity" in hint_for(STEP, "staging", failure)


def test_a_view_without_rows_and_an_extension_without_files_are_known_in_any_language(german: LocalServer) -> None:
    """Seen to fail where `has not been populated` and `extension` were looked for in the message."""
    with session(german.url()) as connection:
        exchange(connection, "create materialized view empty as select 1 with no data")
        assert failed(connection, "select from empty").cause is Cause.NOT_POPULATED
        refreshed = failed(connection, "refresh materialized view concurrently empty")
        assert refreshed.cause is Cause.NOT_POPULATED
        assert failed(connection, "create extension nowhere").cause is Cause.EXTENSION_MISSING
        assert failed(connection, "alter table pg_class enable trigger all").cause is None


def test_messages_are_english_only_where_the_role_may_choose(german: LocalServer) -> None:
    with session(german.url()) as connection:
        assert english(connection) == {"lc_messages": "C"}
        exchange(connection, ORDINARY)
        assert english(connection) == {}


def test_who_is_asked_to_stop_is_not_told_apart_by_words() -> None:
    raised = Failure("the run was asked to stop (SIGINT, SIGTERM or SIGHUP)", "P0001")
    assert raised.cause is None
    assert "resumes from there" not in hint_for(STEP, "staging", raised)


def test_a_server_that_is_gone_is_not_one_that_starts(server: LocalServer, tmp_path: Path) -> None:
    from ctgitops.errors import LedgerError
    from ctgitops.postgres.connection.connect import Address, connect

    with pytest.raises(LedgerError) as caught:
        connect(Address(f"postgresql:///postgres?host={tmp_path}", "nowhere"), "test")
    assert caught.value.cause is None
    with session(server.url()) as connection, session(server.url()) as other:
        exchange(other, f"select pg_terminate_backend({connection.info.backend_pid})")
        answer = exchange(connection, "select 1")
    assert answer.lost
    assert answer.failure
    assert answer.failure.cause is Cause.CONNECTION_LOST
