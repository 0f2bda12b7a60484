"""A proxy for the test GitHub, which adds tag lookups and read-only tokens."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

READ_ONLY = "ghs_readonly"
"""A token such as a fork's pull request has."""
WRITES = ("POST", "PATCH", "PUT", "DELETE")
_TAG = re.compile(r"/repos/([^/]+/[^/]+)/git/refs?/tags/(.+)")
_PASSED = ("authorization", "content-type", "accept")
_RETURNED = ("link", "content-type")


class Front:
    """Where it listens, what it was told about tags, and every write that was asked for."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream.rstrip("/")
        self.tags: dict[str, str] = {}
        self.writes: list[tuple[str, str, int]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def listening(self) -> Iterator[Front]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], str]:
        token = headers.get("authorization", "").split()[-1:]
        if method in WRITES and token == [READ_ONLY] and not path.startswith("/graphql"):
            refused = {"message": "Resource not accessible by integration", "documentation_url": ""}
            return 403, {"content-type": "application/json"}, json.dumps(refused)
        if method == "GET" and (found := _TAG.fullmatch(urlsplit(path).path)) and found[2] in self.tags:
            return 200, {"content-type": "application/json"}, json.dumps(self._ref(found[1], found[2]))
        return self._forwarded(method, path, headers, body)

    def _ref(self, repository: str, tag: str) -> dict[str, Any]:
        sha = self.tags[tag]
        at = f"{self.url}/repos/{repository}/git"
        commit = {"type": "commit", "sha": sha, "url": f"{at}/commits/{sha}"}
        return {"ref": f"refs/tags/{tag}", "node_id": "", "url": f"{at}/refs/tags/{tag}", "object": commit}

    def _forwarded(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], str]:
        to = urlsplit(self.upstream)
        connection = http.client.HTTPConnection(str(to.hostname), to.port, timeout=30)
        try:
            connection.request(method, path, body or None, {k: v for k, v in headers.items() if k in _PASSED})
            response = connection.getresponse()
            text = response.read().decode().replace(self.upstream, self.url)
            kept = {k.lower(): v.replace(self.upstream, self.url) for k, v in response.getheaders()}
        finally:
            connection.close()
        return response.status, {k: v for k, v in kept.items() if k in _RETURNED}, text

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        front = self

        class Door(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Nothing: pytest shows what a test says."""

            def _go(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {k.lower(): v for k, v in self.headers.items()}
                status, given, text = front.answer(self.command, self.path, headers, body)
                if self.command in WRITES:
                    front.writes.append((self.command, self.path, status))
                data = text.encode()
                self.send_response(status)
                for key, value in given.items():
                    self.send_header(key, value)
                if status != 204:
                    self.send_header("content-length", str(len(data)))
                self.end_headers()
                if status != 204:
                    self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _go  # noqa: N815 - http.server

        return Door
