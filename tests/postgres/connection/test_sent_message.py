"""Messages that run at the same time on a real server: `cancel_all` ends all of them, and always ends itself."""

from __future__ import annotations

import time

import pytest

from ctgitops.postgres.connection import sent_message
from ctgitops.postgres.connection.sent_message import SentMessage, cancel_all
from tests.servers import session


class Deaf(SentMessage):
    """Its first requests to cancel are lost, as if they arrived before the statement."""

    lost = 1

    def cancel(self) -> None:
        self.lost -= 1
        if self.lost < 0:
            super().cancel()


def test_a_lost_request_to_cancel_is_repeated(database_url: str) -> None:
    """Seen to fail with one request for each message: the second one runs to its end."""
    with session(database_url) as one, session(database_url) as two:
        sent = [SentMessage(one), Deaf(two), SentMessage(two)]
        for each in sent[:2]:
            each.send("select pg_sleep(4)")
        cancel_all(sent[:2])
        cancel_all(sent[2:])  # Ctrl-C came before it was sent
        states = [each.answer.failure.sqlstate for each in sent if each.answer and each.answer.failure]
        assert states == ["57014", "57014"]


def test_a_server_that_does_not_answer_does_not_keep_the_run(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sent_message, "CANCEL_ALL_SECONDS", 0.1)
    with session(database_url) as one:
        deaf = Deaf(one)
        deaf.lost = 1000
        deaf.send("select pg_sleep(3)")
        began = time.monotonic()
        cancel_all([deaf])
        assert time.monotonic() - began < 2
        assert deaf.answer is None
        one.close()
