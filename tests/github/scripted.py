"""A fake GitHub on 127.0.0.1 with scripted failures: a few API calls, kept in memory, and one author per token."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = Any


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass
class Fault:
    """How one call goes wrong; `lands` where its work is done all the same."""

    method: str
    path: str
    status: int
    message: str = "boom"
    headers: dict[str, str] = field(default_factory=dict)
    lands: bool = False


class Scripted:
    """What it holds, what it was asked, and what goes wrong next."""

    def __init__(self) -> None:
        self.url = ""
        self.lock = threading.Lock()
        self.logins = {"ours": "github-actions[bot]", "theirs": "mallory"}
        self.faults: list[Fault] = []
        self.log: list[tuple[str, str]] = []
        self.canned: dict[str, Json] = {}
        self.delay = 0.0
        """How long each call takes, in seconds."""
        kinds = ("comments", "check-runs", "deployments", "statuses", "reviews", "remarks", "dispatches")
        self.made: dict[str, list[Json]] = {kind: [] for kind in kinds}

    @property
    def comments(self) -> list[Json]:
        return self.made["comments"]

    def asked(self, method: str) -> int:
        """How many calls, without those to GraphQL."""
        return sum(1 for name, path in self.log if name == method and path != "/graphql")

    def answer(self, method: str, target: str, token: str, body: Json) -> tuple[int, dict[str, str], Json]:
        parts = urlsplit(target)
        path = re.sub(r"^/repos/[^/]+/[^/]+", "", parts.path)
        with self.lock:
            self.log.append((method, path))
            fault = next((f for f in self.faults if f.method == method and re.fullmatch(f.path, path)), None)
            if fault:
                self.faults.remove(fault)
                if not fault.lands:
                    return fault.status, fault.headers, {"message": fault.message}
            if len((body or {}).get("output", {}).get("annotations", ())) > 50:
                return 422, {}, {"message": "annotations exceed a maximum quantity of 50"}
            status, headers, found = self._do(method, path, parse_qs(parts.query), token, body)
            return (fault.status, fault.headers, {"message": fault.message}) if fault else (status, headers, found)

    def _do(self, method: str, path: str, query: Json, token: str, body: Json) -> tuple[int, dict[str, str], Json]:
        if token not in self.logins:
            return 401, {}, {"message": "Bad credentials"}
        if path == "/graphql":
            return 200, {}, {"data": {"viewer": {"login": self.logins[token]}}}
        if path in self.canned:
            return (
                self._page(path, self.canned[path], query) if method == "GET" else (404, {}, {"message": "Not Found"})
            )
        kind, number = self._kind(path)
        if number is not None and method in ("PATCH", "DELETE"):
            return self._change(method, path, number, body)
        if kind and method == "POST":
            return 201, {}, self._make(kind, body, token)
        return self._list(path, kind, query) if kind else (404, {}, {"message": "Not Found"})

    def _list(self, path: str, kind: str, query: Json) -> tuple[int, dict[str, str], Json]:
        filters = {"task": "task", "environment": "environment", "check_name": "name"}
        wanted = {filters[key]: values[0] for key, values in query.items() if key in filters}
        rows = [row for row in self.made[kind] if all(row.get(key) == value for key, value in wanted.items())]
        listed = {"total_count": len(rows), "check_runs": rows} if kind == "check-runs" else rows
        return self._page(path, listed, query)

    def _kind(self, path: str) -> tuple[str | None, int | None]:
        if match := re.fullmatch(r"/pulls/\d+/(comments|reviews)", path):
            return {"comments": "remarks"}.get(match[1], match[1]), None
        if match := re.search(r"/(comments|check-runs|deployments|statuses|dispatches)$", path):
            return match[1], None
        if re.fullmatch(r"/statuses/[0-9a-f]{40}", path):
            return "statuses", None
        match = re.search(r"/(?:comments|check-runs)/(\d+)$", path)
        return None, int(match[1]) if match else None

    def _make(self, kind: str, body: Json, token: str) -> Json:
        number = 1 + max((row["id"] for rows in self.made.values() for row in rows), default=0)
        folder = {"comments": "issues/comments"}.get(kind, kind)
        url = f"{self.url}/repos/o/r/{folder}/{number}"
        login = self.logins[token]
        row = {**body, "id": number, "url": url, "html_url": f"{self.url}/{number}", "user": {"login": login}}
        row["created_at"] = row["updated_at"] = _now()
        self.made[kind].append(row)
        for remark in body.get("comments", ()):
            self._make("remarks", remark, token)
        if kind == "check-runs":
            self.canned[f"/check-runs/{number}/annotations"] = list(body["output"].get("annotations", ()))
        return row

    def _change(self, method: str, path: str, number: int, body: Json) -> tuple[int, dict[str, str], Json]:
        kind = "comments" if "comments" in path else "check-runs"
        row = next((r for r in self.made[kind] if r["id"] == number), None)
        if row is None:
            return 404, {}, {"message": "Not Found"}
        if method == "DELETE":
            self.made[kind].remove(row)
            return 204, {}, None
        row.update(body, updated_at=_now())
        if kind == "check-runs":
            self.canned[f"/check-runs/{number}/annotations"] += body["output"]["annotations"]
        return 200, {}, row

    def _page(self, path: str, rows: Json, query: Json) -> tuple[int, dict[str, str], Json]:
        if not isinstance(rows, list):
            return 200, {}, rows
        size, page = int(query.get("per_page", ["30"])[0]), int(query.get("page", ["1"])[0])
        following = f"{self.url}/repos/o/r{path}?per_page={size}&page={page + 1}"
        headers = {"Link": f'<{following}>; rel="next"'} if len(rows) > size * page else {}
        return 200, headers, rows[size * (page - 1) : size * page]


@contextmanager
def running() -> Iterator[Scripted]:
    """Serves until the block ends."""
    scripted = Scripted()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # or each answer waits 40 ms for a delayed ACK

        def log_message(self, *_: object) -> None:
            pass

        def serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            time.sleep(scripted.delay)
            token = (self.headers.get("authorization") or " ").split()[-1]
            status, headers, body = scripted.answer(self.command, self.path, token, json.loads(raw) if raw else None)
            sent = b"" if status == 204 else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(sent))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(sent)

    for method in ("GET", "POST", "PATCH", "PUT", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.serve)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    scripted.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield scripted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
