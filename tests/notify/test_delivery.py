"""Notifications reach real receivers: webhooks, services of Apprise, a mail server; no receiver changes a result."""

from __future__ import annotations

import hashlib
import hmac
import json
import socketserver
import threading
from collections.abc import Iterator

import pytest

from ctgitops.core.environment.receiver import Event, Receiver
from ctgitops.core.gate.request import Origin
from ctgitops.notify import delivery
from ctgitops.notify.delivery import SIGNATURE, Delivery, deliver
from ctgitops.report.notification import Notification
from tests.notify.receiver import Heard, serving

ORIGIN = Origin("anna", "a" * 40, 7, "https://github.com/o/r/actions/runs/1", "https://github.com/o/r")
FAILED = Notification(Event.FAILED, "production", "FAILED: no", ("at: m.sql:1", "database: unchanged"), "fix", ORIGIN)


@pytest.fixture
def heard() -> Iterator[Heard]:
    with serving() as found:
        yield found


def sent(receiver: Receiver, notification: Notification = FAILED, **environ: str) -> tuple[Delivery, ...]:
    return deliver(notification, (receiver,), environ)


def test_a_webhook_gets_the_signed_document(heard: Heard) -> None:
    hook = Receiver("HOOK", is_webhook=True, signing_secret="KEY")
    assert sent(hook, HOOK=heard.url, KEY="k3y") == (Delivery("HOOK"),)
    ((headers, body),) = heard.requests
    assert headers[SIGNATURE.lower()] == f"sha256={hmac.new(b'k3y', body, hashlib.sha256).hexdigest()}"
    document = json.loads(body)
    assert (document["event"], document["environment"], document["pull_request"]) == ("failed", "production", 7)


def test_a_webhook_without_its_key_gets_nothing(heard: Heard) -> None:
    hook = Receiver("HOOK", is_webhook=True, signing_secret="KEY")
    (result,) = sent(hook, HOOK=heard.url)
    assert "KEY" in result.error
    assert heard.requests == []


@pytest.mark.parametrize("status", [500, 404, 302])
def test_an_answer_that_is_no_success_is_an_error_and_a_redirect_is_not_followed(heard: Heard, status: int) -> None:
    heard.status = status
    with serving() as other:
        heard.headers = {"location": other.url}
        (result,) = sent(Receiver("HOOK", is_webhook=True), HOOK=heard.url)
        assert str(status) in result.error
        assert heard.url not in result.error
        assert other.requests == []


def test_a_receiver_that_hangs_is_given_up_and_the_others_get_it(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "LONGEST", 0.5)
    heard.silent = threading.Event()
    with serving() as other:
        receivers = (Receiver("SLOW", is_webhook=True), Receiver("QUICK", is_webhook=True))
        slow, quick = deliver(FAILED, receivers, {"SLOW": heard.url, "QUICK": other.url})
    assert "no answer within" in slow.error
    assert quick.error == ""


@pytest.mark.parametrize("url", ["", "not a url", "slack://", "ftp://127.0.0.1/x"])
@pytest.mark.parametrize("is_webhook", [True, False])
def test_what_is_no_receiver_is_an_error_without_the_url(url: str, *, is_webhook: bool) -> None:
    (result,) = sent(Receiver("HOOK", is_webhook=is_webhook), HOOK=url)
    assert result.error
    assert not url or url not in result.error


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://127.0.0.1:1/", "cannot connect, or the connection was closed"),
        ("http://[::1/", "the URL is not valid"),
    ],
)
def test_what_prevented_a_delivery_is_told_in_words(url: str, said: str) -> None:
    (result,) = sent(Receiver("HOOK", is_webhook=True), HOOK=url)
    assert said in result.error


def test_only_the_events_that_a_receiver_wants_are_sent(heard: Heard) -> None:
    assert sent(Receiver("HOOK", frozenset({Event.DRIFT}), is_webhook=True), HOOK=heard.url) == ()
    assert heard.requests == []


def test_a_receiver_of_policy_and_manifest_is_told_once(heard: Heard) -> None:
    both = (Receiver("HOOK", is_webhook=True),) * 2
    assert len(deliver(FAILED, both, {"HOOK": heard.url})) == 1
    assert len(heard.requests) == 1


def test_a_regression_is_a_warning_and_not_an_information(heard: Heard) -> None:
    for event in (Event.REGRESSION, Event.APPLIED):
        sent(Receiver("URL"), Notification(event, "production", "x"), URL=heard.url.replace("http://", "json://"))
    assert [json.loads(body)["type"] for _, body in heard.requests] == ["warning", "info"]


@pytest.mark.parametrize("scheme", ["mmost", "json"])
def test_services_of_apprise_get_title_and_text_without_mentions(heard: Heard, scheme: str) -> None:
    url = heard.url.replace("http://", f"{scheme}://") + ("/aaaaaaaaaaaaaaaaaaaaaaaaaa" if scheme == "mmost" else "")
    hostile = Notification(Event.FAILED, "production", "FAILED: @channel <!here> [x](https://evil.example)")
    assert sent(Receiver("URL"), hostile, URL=url) == (Delivery("URL"),)
    ((_, body),) = heard.requests
    said = json.dumps(json.loads(body), ensure_ascii=False)
    assert "production: FAILED" in said
    for hostile_text in ("@channel", "<!here>", "](https"):
        assert hostile_text not in said


def test_a_mail_server_gets_it() -> None:
    got: list[str] = []

    class Mail(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 mail\r\n")
            in_data = False
            while line := self.rfile.readline().decode():
                if in_data:
                    got.append(line)
                    in_data = line != ".\r\n"
                    answer = "" if in_data else "250 ok"
                else:
                    in_data = line.upper().startswith("DATA")
                    answer = "354 go on" if in_data else "221 bye" if line.upper().startswith("QUIT") else "250 ok"
                if answer:
                    self.wfile.write(f"{answer}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        port = server.server_address[1]
        url = f"mailto://127.0.0.1:{port}?from=ctgitops@example.com&to=team@example.com&mode=insecure"
        result = sent(Receiver("MAIL"), MAIL=url)
        server.shutdown()
        thread.join()
    assert result == (Delivery("MAIL"),)
    assert "production: FAILED: no" in "".join(got)
