"""A webhook's receiver for tests."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Heard:
    """An HTTP server, the answer that it gives, and the requests that it received."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    silent: threading.Event | None = None
    """If set, requests are only answered after this event."""


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Heard]:
    found = Heard()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            found.requests.append(({name.lower(): text for name, text in self.headers.items()}, body))
            if found.silent:
                found.silent.wait(20)
            self.send_response(found.status)
            for name, text in found.headers.items():
                self.send_header(name, text)
            self.send_header("content-length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - http.server's name; the method after a redirect

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    found.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield found
    if found.silent:
        found.silent.set()
    server.shutdown()
    thread.join()
    server.server_close()
