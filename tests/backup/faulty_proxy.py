"""An HTTP proxy in front of a store, which answers, cuts or loses requests as a test says."""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Fault(Enum):
    """What happens to a request that the proxy does not pass on as it is."""

    CUT_REQUEST = auto()
    """The connection breaks in the middle of its body."""
    CUT_ANSWER = auto()
    """The store carries it out, and the connection breaks in the middle of the answer."""
    LOST_ANSWER = auto()
    """The store carries it out, and the connection breaks before the answer."""
    SILENCE = auto()
    """No answer, while the connection stays open."""


@dataclass(frozen=True)
class Answer:
    """An answer instead of the store's."""

    status: int
    content: bytes = b""

    @classmethod
    def error(cls, status: int, code: str) -> Answer:
        """An error in the format of S3."""
        return cls(status, f"<Error><Code>{code}</Code><Message>as the test says</Message></Error>".encode())


Decide = Callable[[str, str], "Fault | Answer | None"]
"""What happens to a request with this method and path; None passes it on."""


@dataclass
class FaultyProxy:
    """The proxy's address, the requests that it got, and what happens to the next ones."""

    url: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)
    decide: Decide = field(default=lambda _method, _path: None)


def first(number: int, then: Fault | Answer, *, method: str = "", part: str = "") -> Decide:
    """`then` for the first so many matching requests of each path."""
    seen: dict[tuple[str, str], int] = {}
    lock = threading.Lock()

    def decide(asked: str, path: str) -> Fault | Answer | None:
        if method not in {"", asked} or part not in path:
            return None
        with lock:
            seen[asked, path] = seen.get((asked, path), 0) + 1
            return then if seen[asked, path] <= number else None

    return decide


@contextmanager
def faulty_proxy(behind: str, tls: ssl.SSLContext | None = None) -> Iterator[FaultyProxy]:
    """A proxy on loopback, in front of the store at `behind`."""
    proxy = FaultyProxy()
    parts = urlsplit(behind)
    handler = type("Handler", (_Handler,), {"proxy": proxy, "behind": (parts.hostname, parts.port)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    proxy.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    proxy: FaultyProxy
    behind: tuple[str, int]
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:  # the client or the store closed its connection: if this one stayed open, the client would wait
            self.close_connection = True

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.proxy.requests.append((self.command, self.path))
        fault = self.proxy.decide(self.command, self.path)
        if fault is Fault.CUT_REQUEST:
            self.rfile.read(length // 2)
            self.close_connection = True
            self.connection.close()
            return
        content = self.rfile.read(length)
        if fault is Fault.SILENCE:
            self.rfile.read(1)  # until the client closes the connection
            self.close_connection = True
            return
        if isinstance(fault, Answer):
            self._answer(fault.status, fault.content, [])
            return
        store = http.client.HTTPConnection(*self.behind)
        store.request(self.command, self.path, content, dict(self.headers))
        answer = store.getresponse()
        body = answer.read()
        store.close()
        if fault is Fault.LOST_ANSWER:
            self.close_connection = True
            self.connection.close()
            return
        self._answer(answer.status, body, answer.getheaders(), cut=fault is Fault.CUT_ANSWER)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _handle  # noqa: N815 - names of BaseHTTPRequestHandler

    def _answer(self, status: int, body: bytes, headers: list[tuple[str, str]], *, cut: bool = False) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        length = {name.lower(): value for name, value in headers}.get("content-length", "0")
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.close_connection = True
            self.wfile.flush()
            self.connection.close()

    def log_message(self, *_: object) -> None:
        return
