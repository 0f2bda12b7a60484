"""Delivers notifications: texts with Apprise, JSON documents to webhooks."""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..core.environment.receiver import Event, Receiver
from ..lazy import dataclass

if TYPE_CHECKING:
    from ..report.notification import Notification

LONGEST = 10.0
"""Maximum time in seconds for all receivers together. The end of a run waits no longer than this."""
SIGNATURE = "X-Ctgitops-Signature-256"
_TIMEOUTS = (4.0, 8.0)
"""Seconds to wait for the connection, and for the response."""
_IN_WORDS = {
    "SSLError": "its certificate is not valid for the host in the URL",
    "ConnectTimeout": f"cannot connect within {_TIMEOUTS[0]:.0f} seconds",
    "ReadTimeout": f"no answer within {_TIMEOUTS[1]:.0f} seconds",
    "ConnectionError": "cannot connect, or the connection was closed without an answer",
    "InvalidURL": "the URL is not valid",
}
"""Maps errors of requests, by their class, to text. Their own text contains the URL."""


@dataclass(frozen=True)
class Delivery:
    """The result for one receiver, named after its secret. `error` is empty if the receiver took the notification."""

    receiver: str
    error: str = ""


def deliver(
    notification: Notification, receivers: tuple[Receiver, ...], environ: Mapping[str, str]
) -> tuple[Delivery, ...]:
    """Sends a notification to the receivers that want its event. Sends to all at once, in at most LONGEST seconds.

    Raises no error. The result says what prevented a delivery.
    """
    asked = [receiver for receiver in dict.fromkeys(receivers) if receiver.wants(notification.event)]
    errors: dict[Receiver, str] = {}

    def send(receiver: Receiver) -> None:
        errors[receiver] = _sent(notification, receiver, environ)

    threads = [threading.Thread(target=send, args=(receiver,), daemon=True) for receiver in asked]
    for thread in threads:
        thread.start()
    end = time.monotonic() + LONGEST
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    late = f"no answer within {LONGEST:.0f} seconds"
    return tuple(Delivery(receiver.secret, errors.get(receiver, late)) for receiver in asked)


def _sent(notification: Notification, receiver: Receiver, environ: Mapping[str, str]) -> str:
    """Why the receiver did not accept the notification. Empty if it did. Never contains the URL, which is a secret."""
    url = environ.get(receiver.secret, "").strip()
    if not url:
        return f"the variable {receiver.secret} is not set"
    try:
        if receiver.is_webhook:
            return _posted(notification, url, receiver.signing_secret, environ)
        return _told(notification, url)
    except Exception as error:  # noqa: BLE001 - whatever a receiver's client raises, the run's result stays
        return _IN_WORDS.get(type(error).__name__, type(error).__name__)


def _posted(notification: Notification, url: str, key_name: str, environ: Mapping[str, str]) -> str:
    import requests  # noqa: PLC0415 - 60 ms, which a run without receivers need not spend

    if not url.startswith(("https://", "http://")):
        return "the URL does not begin with https://"
    body = notification.json.encode()
    headers = {"Content-Type": "application/json", "User-Agent": "ctgitops"}
    if key_name:
        if not (key := environ.get(key_name, "")):
            return f"the variable {key_name}, the key of the signature, is not set"
        headers[SIGNATURE] = f"sha256={hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}"
    # A redirect could lead to another host than the one in the secret
    answer = requests.post(url, body, headers=headers, timeout=_TIMEOUTS, allow_redirects=False)
    return (
        "" if answer.status_code in range(200, 300) else f"the receiver answered with HTTP status {answer.status_code}"
    )


def _told(notification: Notification, url: str) -> str:
    import apprise  # noqa: PLC0415 - 120 ms, which a run without receivers need not spend

    from ..report.notification_text import Dialect  # noqa: PLC0415 - as above

    log = logging.getLogger("apprise")
    log.handlers, log.propagate = [logging.NullHandler()], False  # its messages can contain the URL
    # A redirect could lead to another host than the one in the secret
    asset = apprise.AppriseAsset(app_id="ctgitops", app_url="", async_mode=False, http_redirects=False)
    sender = apprise.Apprise(asset=asset)
    if not sender.add(url):
        return "Apprise does not know a service with such a URL"
    rich = RICH.get(type(sender[0]).__name__)
    dialect = Dialect(rich.dialect) if rich else Dialect.PLAIN
    if rich and rich.parameters:
        sender.clear()
        sender.add(_with(url, rich.parameters))
    kinds = {Event.FAILED: "failure", Event.BACKUP: "failure", Event.DRILL: "failure"}
    kinds |= dict.fromkeys((Event.DRIFT, Event.WAITING, Event.OVERRIDE, Event.REGRESSION), "warning")
    title = notification.title(Dialect.PLAIN if rich and rich.plain_title else dialect)
    sent = sender.notify(
        body=notification.text(dialect) or title,
        title=title,
        notify_type=apprise.NotifyType(kinds.get(notification.event, "info")),
        body_format=apprise.NotifyFormat.MARKDOWN if rich else apprise.NotifyFormat.TEXT,
    )
    return "" if sent else f"{sender[0].service_name} did not accept it, or could not be reached"


@dataclass(frozen=True)
class _Rich:
    """How a service gets Markdown instead of plain text."""

    dialect: str = "common"
    parameters: tuple[str, ...] = ()
    """Parameters of its Apprise URL. The URL's own parameters take precedence."""
    plain_title: bool = False
    """Whether the service shows the title without Markdown, like the subject of a mail."""


RICH = {
    "NotifySlack": _Rich("slack", ("blocks=yes", "image=no", "footer=no")),
    "NotifyDiscord": _Rich("common", ("format=markdown", "fields=no", "avatar=no")),
    "NotifyWorkflows": _Rich("common", ("image=no",)),
    "NotifyMattermost": _Rich("common", ("image=no",)),
    "NotifyEmail": _Rich("common", plain_title=True),
}
"""The services that get Markdown, by the class in Apprise. All other services get plain text."""


def _with(url: str, parameters: tuple[str, ...]) -> str:
    """The URL with those of `parameters` that it does not have yet."""
    _, question, query = url.partition("?")
    has = {part.partition("=")[0].lower() for part in query.split("&")}
    added = "&".join(each for each in parameters if each.partition("=")[0] not in has)
    return f"{url}{'&' if question else '?'}{added}" if added else url
