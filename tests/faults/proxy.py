"""A small TCP proxy on loopback between a run and its server, which counts, delays, stalls or cuts the connection."""

from __future__ import annotations

import contextlib
import queue
import socket
import struct
import threading
import time
from types import TracebackType
from typing import Self

CHUNK = 1 << 16
RESET_AT_ONCE = struct.pack("ii", 1, 0)


class Proxy:
    """Listens on a port of its own for a server at `host`:`port`; each way takes half of `round_trip` seconds."""

    def __init__(self, host: str, port: int, *, round_trip: float = 0.0) -> None:
        self.exchanges = 0
        """How often a client spoke after its server had spoken, or for the first time."""
        self.connections = 0
        self._server = (host, port)
        self._one_way = round_trip / 2
        self._flows = threading.Event()
        self._flows.set()
        self._left: int | None = None
        self._word = b""
        self._deaf = False
        self._links: list[_Link] = []
        self._lock = threading.Lock()
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._door.getsockname()[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self.cut()

    def url(self, straight: str) -> str:
        """The URL of the same database, through here."""
        host, port = self._server
        return straight.replace(f"@{host}:{port}/", f"@127.0.0.1:{self.port}/")

    def cut(self) -> None:
        """Ends every connection as a broken cable does; new ones are let in."""
        with self._lock:
            links, self._links = self._links, []
            self._word, self._deaf = b"", False
        for link in links:
            link.cut()
        self._flows.set()

    def cut_after(self, count: int) -> None:
        """Cuts as soon as so many more bytes have passed, in the middle of a message as likely as not."""
        self._left = count

    def lose_answers_to(self, word: bytes) -> None:
        """From the next thing on that a client says with `word` in it, nothing comes back any more."""
        self._word = word

    def is_lost(self, data: bytes, *, answer: bool) -> bool:
        """Whether that is an answer that gets lost."""
        if not answer and self._word and self._word in data.lower():
            self._deaf = True
        return answer and self._deaf

    def stall(self) -> None:
        """Nothing passes any more, and nobody is told."""
        self._flows.clear()

    def go_on(self) -> None:
        """What was held back passes."""
        self._flows.set()

    def let(self, data: bytes) -> bytes | None:
        """What of `data` may pass, once it may; None: everything was cut there."""
        self._flows.wait()
        with self._lock:
            if self._left is None:
                return data
            self._left -= len(data)
            if self._left > 0:
                return data
            passes, self._left = data[: self._left or None], None
        return passes or None

    def spoke(self) -> None:
        """A client began to speak."""
        with self._lock:
            self.exchanges += 1

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._door.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._server)
            except OSError:
                client.close()
                continue
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = _Link(self, client, server, self._one_way)
            with self._lock:
                self.connections += 1
                self._links.append(link)
            link.start()


class _Link:
    """One connection: a thread that reads and one that writes, each way."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket, one_way: float) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._one_way = one_way
        self._last: socket.socket | None = None

    def start(self) -> None:
        for source, sink in ((self._client, self._server), (self._server, self._client)):
            parcels: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
            threading.Thread(target=self._read, args=(source, parcels), daemon=True).start()
            threading.Thread(target=self._write, args=(sink, parcels), daemon=True).start()

    def cut(self) -> None:
        for side in (self._client, self._server):
            with contextlib.suppress(OSError):
                side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_ONCE)
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
            side.close()

    def _read(self, source: socket.socket, parcels: queue.SimpleQueue[tuple[float, bytes]]) -> None:
        data = b"first"
        while data:
            try:
                data = source.recv(CHUNK)
            except OSError:
                data = b""
            if data and source is self._client and self._last is not source:
                self._proxy.spoke()
            self._last = source
            parcels.put((time.monotonic() + self._one_way, data))

    def _write(self, sink: socket.socket, parcels: queue.SimpleQueue[tuple[float, bytes]]) -> None:
        while True:
            due, data = parcels.get()
            time.sleep(max(0.0, due - time.monotonic()))
            if data and self._proxy.is_lost(data, answer=sink is self._client):
                continue
            passes = self._proxy.let(data) if data else b""
            try:
                if passes:
                    sink.sendall(passes)
                if data and (passes is None or len(passes) < len(data)):
                    self._proxy.cut()
                    return
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
            except OSError:
                return
