"""gcp-storage-emulator from PyPI, behind a proxy for what it lacks of the XML API that obstore speaks.

The emulator stores and returns objects by the XML API. The proxy adds the ETag, refuses to overwrite under the
condition `x-goog-if-generation-match: 0`, and answers head, list and delete from the emulator's JSON API. So these
tests show which requests are made, and not how Google answers them.
"""
# ruff: noqa: S310

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.backup.seaweed import free_ports
from tests.backup.test_interrupted import until


def program() -> str | None:
    """The path of `gcp-storage-emulator`."""
    return shutil.which("gcp-storage-emulator")


@contextmanager
def emulator(folder: Path) -> Iterator[str]:
    """A server on loopback with the bucket `first`; the URL of the proxy."""
    found = program()
    assert found
    [port] = free_ports(1)
    command = [found, "start", "--host=127.0.0.1", f"--port={port}", "--in-memory", "--default-bucket=first"]
    with (folder / "google.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        proxy = ThreadingHTTPServer(("127.0.0.1", 0), type("Proxy", (_Proxy,), {"behind": f"http://127.0.0.1:{port}"}))
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        try:
            until(lambda: server.poll() is None and _answers(f"http://127.0.0.1:{port}/"))
            yield f"http://127.0.0.1:{proxy.server_port}"
        finally:
            proxy.shutdown()
            proxy.server_close()
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def credentials(folder: Path) -> Path:
    """The file of a service account without OAuth, as obstore supports it for emulators."""
    fields = {"client_email": "", "private_key": "", "private_key_id": "", "disable_oauth": True}
    (folder / "account.json").write_text(json.dumps(fields))
    return folder / "account.json"


def _answers(url: str) -> bool:
    try:
        return int(urllib.request.urlopen(url).status) == 200
    except URLError:
        return False


class _Proxy(BaseHTTPRequestHandler):
    behind = ""
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.headers.get("x-goog-if-generation-match") == "0" and self._object()[0] == 200:
            self._answer(412, _error("PreconditionFailed"))
            return
        request = urllib.request.Request(f"{self.behind}{self.path}", content, method="PUT")
        self._answer(
            self._fetched(request)[0], b"", ETag=f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        )

    def do_HEAD(self) -> None:
        status, found = self._object()
        self._answer(status, b"", **self._about(found))

    def do_GET(self) -> None:
        if "list-type" in parse_qs(urlsplit(self.path).query):
            self._list()
            return
        _, about = self._object()
        status, content = self._fetched(urllib.request.Request(f"{self.behind}{self.path}"))
        headers = self._about(about)
        headers.pop("Content-Length", None)
        self._answer(status, content if status == 200 else _error("NoSuchKey"), **headers)

    def do_DELETE(self) -> None:
        self._answer(self._fetched(urllib.request.Request(self._json(), method="DELETE"))[0], b"")

    def _json(self) -> str:
        _, bucket, name = unquote(urlsplit(self.path).path).split("/", 2)
        return f"{self.behind}/storage/v1/b/{bucket}/o/{quote(name, safe='')}"

    def _object(self) -> tuple[int, dict[str, Any]]:
        status, text = self._fetched(urllib.request.Request(self._json()))
        return status, json.loads(text) if status == 200 else {}

    def _about(self, found: dict[str, Any]) -> dict[str, str]:
        if not found:
            return {}
        etag = f'"{found["etag"]}"'
        return {"ETag": etag, "Content-Length": found["size"], "Last-Modified": "Mon, 30 Nov 2026 00:00:00 GMT"}

    def _list(self) -> None:
        bucket = urlsplit(self.path).path.strip("/")
        prefix = parse_qs(urlsplit(self.path).query).get("prefix", [""])[0]
        url = f"{self.behind}/storage/v1/b/{bucket}/o?prefix={quote(prefix, safe='')}"
        status, text = self._fetched(urllib.request.Request(url))
        if status != 200:
            self._answer(404, _error("NoSuchBucket"))
            return
        items = "".join(
            f"<Contents><Key>{escape(each['name'])}</Key><Size>{each['size']}</Size>"
            f"<LastModified>2026-11-30T00:00:00.000Z</LastModified><ETag>{_hex(each['md5Hash'])}</ETag></Contents>"
            for each in json.loads(text).get("items", [])
        )
        self._answer(200, f"<ListBucketResult>{items}</ListBucketResult>".encode())

    def _fetched(self, request: urllib.request.Request) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read()
        except HTTPError as error:
            return error.code, error.read()

    def _answer(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        return


def _hex(md5_in_base64: str) -> str:
    return base64.b64decode(md5_in_base64).hex()


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
