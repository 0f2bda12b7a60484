"""What Slack, Teams, Discord, Mattermost and a mail server receive: rich, within their published rules, and inert.

A local HTTP server receives each request that Apprise sends, and answers as the service does: with an error if the
payload breaks a rule of the service's documentation.
"""

from __future__ import annotations

import email
import email.policy
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from ctgitops.core.environment.receiver import Event, Receiver
from ctgitops.core.gate.request import Origin
from ctgitops.notify import delivery
from ctgitops.notify.delivery import Delivery, deliver
from ctgitops.report.notification import Notification
from tests.notify.receiver import Heard, serving

SLACK = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
TEAMS = "workflows://teams.example:443/0123456789abcdef0123456789abcdef/sig-abc"
DISCORD = "https://discord.com/api/webhooks/123456789012345678/abcdefghijklmnopqrstuvwxyz_0123456789-abcdefghijklmnopqrstuvwxyzABC"
MATTERMOST = "mmost://chat.example/aaaaaaaaaaaaaaaaaaaaaaaaaa"
ORIGIN = Origin("anna", "a" * 40, 7, "https://github.com/o/r/actions/runs/1", "https://github.com/o/r")
HOSTILE = (
    "@channel @everyone <!here> <@U1> *bold* _it_ ~no~ [pay](https://evil.example) <https://evil.example|x> `x` # h"
)
FAILED = Notification(
    Event.FAILED,
    "production",
    f"FAILED: {HOSTILE} {'y' * 300}",
    (f"at: {HOSTILE}", "database: 001_one is applied", *(f"fact {n} {'x' * 390}" for n in range(40))),
    "run `ctgitops plan --env production` again",
    ORIGIN,
)


def slack_rules(document: Any) -> None:
    """https://docs.slack.dev/reference/block-kit/blocks: header at most 150 characters, section text at most 3,000."""
    (attachment,) = document["attachments"]
    header, section = attachment["blocks"]
    assert (header["type"], header["text"]["type"]) == ("header", "plain_text")
    assert 0 < len(header["text"]["text"]) <= 150
    assert (section["type"], section["text"]["type"]) == ("section", "mrkdwn")
    assert 0 < len(section["text"]["text"]) <= 3000
    assert attachment["color"].startswith("#")


def teams_rules(document: Any) -> None:
    """https://learn.microsoft.com/connectors/teams: a message with one Adaptive Card, at most 28 KB."""
    assert document["type"] == "message"
    (attachment,) = document["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], float(card["version"]) <= 1.5) == ("AdaptiveCard", True)
    assert all(part["type"] == "TextBlock" and part["text"] for part in card["body"])
    assert card["msteams"].get("entities", []) == [], "no mention"
    assert len(json.dumps(document).encode()) <= 28_000


def discord_rules(document: Any) -> None:
    """https://docs.discord.com/developers/resources/message: title 256, description 4,096, all 6,000 characters."""
    (embed,) = document["embeds"]
    assert 0 < len(embed["title"]) <= 256
    assert 0 < len(embed["description"]) <= 4096
    assert len(embed["title"]) + len(embed["description"]) <= 6000
    assert 0 <= embed["color"] <= 0xFFFFFF
    assert not document.get("content"), "a text outside of the embed could ping"


def mattermost_rules(document: Any) -> None:
    assert 0 < len(document["text"]) <= 16_383


@dataclass
class Service:
    """A local server that is every service at once."""

    rules: Callable[[Any], None] = mattermost_rules
    documents: list[Any] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    found = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            document = json.loads(self.rfile.read(int(self.headers["content-length"])))
            found.hosts.append(self.headers["x-host"])
            try:
                found.rules(document)
                status = 200
                found.documents.append(document)
            except (AssertionError, KeyError, ValueError):
                status = 400
            self.send_response(status)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    real = requests.Session.request

    def here(session: requests.Session, method: str, url: str, **options: Any) -> requests.Response:
        headers = {**(options.pop("headers", None) or {}), "x-host": urlsplit(url).netloc}
        return real(session, method, f"http://127.0.0.1:{server.server_port}/", headers=headers, **options)

    monkeypatch.setattr(requests.Session, "request", here)
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def sent(url: str, notification: Notification = FAILED) -> str:
    (result,) = deliver(notification, (Receiver("URL"),), {"URL": url})
    return result.error


RULES = [
    (SLACK, slack_rules, "hooks.slack.com"),
    (TEAMS, teams_rules, "teams.example:443"),
    (DISCORD, discord_rules, "discord.com"),
    (MATTERMOST, mattermost_rules, "chat.example"),
]


@pytest.mark.parametrize(("url", "rules", "host"), RULES, ids=["slack", "teams", "discord", "mattermost"])
def test_a_payload_keeps_the_rules_of_the_service_and_mentions_and_hides_nothing(
    service: Service, url: str, rules: Callable[[Any], None], host: str
) -> None:
    service.rules = rules
    assert sent(url) == ""
    assert service.hosts == [host]
    said = json.dumps(service.documents[0], ensure_ascii=False)
    for mention in ("@channel", "@everyone", "<!here>", "<@U1>", "](https", "<https"):
        assert mention not in said
    assert "**at:**" in said or "*at:*" in said, "labels are bold"
    assert "`ctgitops plan --env production`" in said, "a command is code"
    assert "https://github.com/o/r/actions/runs/1" in said
    assert "https://github.com/o/r/pull/7" in said
    assert "and 3" in said, "facts that are too many are left out; the next step and the links stay"


def test_slack_has_no_escapes_so_characters_that_look_alike_replace_markup(service: Service) -> None:
    service.rules = slack_rules
    assert sent(SLACK) == ""
    text = service.documents[0]["attachments"][0]["blocks"][1]["text"]["text"]
    star, macron, tilde = "\N{ASTERISK OPERATOR}", "\N{MODIFIER LETTER LOW MACRON}", "\N{TILDE OPERATOR}"
    assert f"{star}bold{star} {macron}it{macron} {tilde}no{tilde}" in text
    assert "\\" not in text


@pytest.mark.parametrize(("url", "rules"), [(DISCORD, discord_rules), (TEAMS, teams_rules)], ids=["discord", "teams"])
def test_where_there_are_escapes_text_is_escaped(service: Service, url: str, rules: Callable[[Any], None]) -> None:
    service.rules = rules
    assert sent(url) == ""
    said = json.dumps(service.documents[0], ensure_ascii=False).replace("\\\\", "\\")
    assert r"\*bold\* \_it\_ \~no\~" in said


def test_a_payload_that_the_service_refuses_is_an_error_without_the_url(service: Service) -> None:
    service.rules = teams_rules
    assert sent(SLACK) == "Slack did not accept it, or could not be reached"


def test_the_urls_own_parameters_are_kept(service: Service) -> None:
    assert delivery._with("slack://a?blocks=no", ("blocks=yes", "image=no")) == "slack://a?blocks=no&image=no"
    service.rules = lambda document: None if "blocks" not in str(document) else slack_rules({})
    assert sent(f"{SLACK}?blocks=no") == ""


class Mailbox:
    """The messages that a mail server accepted."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content)
        return "250 accepted"


def test_a_mail_server_gets_html_in_which_text_is_inert() -> None:
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    try:
        url = f"mailto://127.0.0.1:{port}?from=ctgitops@example.com&to=team@example.com&mode=insecure"
        assert sent(url) == ""
    finally:
        server.stop()
    (mail,) = (email.message_from_bytes(each, policy=email.policy.default) for each in box.mails)
    assert mail["subject"].startswith("production: FAILED: ")
    assert "\\" not in mail["subject"], "a subject has no markup, so it needs no escapes"
    html = mail.get_body(("html",))
    assert html is not None
    text = html.get_content()
    assert "<strong>at:</strong>" in text
    assert "<code>ctgitops plan --env production</code>" in text
    for inert in ("<em>", "<del>", "<a href", "<!here>", "<h1"):
        assert inert not in text


@pytest.mark.parametrize("is_webhook", [True, False])
def test_a_certificate_that_is_not_trusted_is_an_error(
    tmp_path_factory: pytest.TempPathFactory, *, is_webhook: bool
) -> None:
    import subprocess

    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "1",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with serving(context) as heard:
        url = heard.url if is_webhook else heard.url.replace("https://", "jsons://")
        (result,) = deliver(FAILED, (Receiver("URL", is_webhook=is_webhook),), {"URL": url})
        assert result.error == (
            "its certificate is not valid for the host in the URL"
            if is_webhook
            else "JSON did not accept it, or could not be reached"
        )
        assert heard.requests == []


@pytest.mark.parametrize("status", [500, 302, 307])
def test_a_service_that_answers_with_an_error_or_a_redirect_is_an_error(heard: Heard, status: int) -> None:
    heard.status = status
    with serving() as other:
        heard.headers = {"location": other.url}
        assert sent(heard.url.replace("http://", "json://")) == "JSON did not accept it, or could not be reached"
        assert other.requests == []


def test_a_service_that_hangs_is_given_up(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "LONGEST", 0.3)
    heard.silent = threading.Event()
    assert "no answer within" in sent(heard.url.replace("http://", "json://"))


@pytest.fixture
def heard() -> Iterator[Heard]:
    with serving() as found:
        yield found


def test_a_text_that_is_short_is_whole(service: Service) -> None:
    brief = Notification(Event.APPLIED, "staging", "1 migration applied", ("001_one",))
    assert deliver(brief, (Receiver("URL"),), {"URL": MATTERMOST}) == (Delivery("URL"),)
    assert service.documents[0]["text"] == "staging: 1 migration applied\r\n- 001\\_one"
