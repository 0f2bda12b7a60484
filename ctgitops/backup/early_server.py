"""Starts the throw-away server of a verification while pg_dump still runs."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from ..postgres.connection.uninterrupted_cleanup import uninterrupted_cleanup
from ..postgres.server.local_server import LocalServer
from ..postgres.server.programs import server_for

RESTORE_SETTINGS = {"maintenance_work_mem": "256MB", "max_wal_size": "4GB", "autovacuum": "off"}


class EarlyServer:
    """A throw-away server, which `begin` starts in a thread. The server ends with the block."""

    def __init__(self, *, wanted: bool = True) -> None:
        self._wanted = wanted
        self._cleanup = ExitStack()
        self._starting: Future[LocalServer] | None = None

    def begin(self, major: int, extensions: Iterable[str]) -> None:
        """Begins to start a server of version `major`. Returns at once. `started` raises the errors."""
        if not self._wanted:
            return
        pool = self._cleanup.enter_context(ThreadPoolExecutor(1, thread_name_prefix="server"))
        self._starting = pool.submit(self._started, major, tuple(extensions))

    def _started(self, major: int, extensions: tuple[str, ...]) -> LocalServer:
        server = LocalServer(server_for(major, extensions), settings=RESTORE_SETTINGS)
        server.__enter__()
        self._cleanup.push(server)
        return server

    @property
    def starting(self) -> bool:
        """Whether a server was begun."""
        return self._starting is not None

    def started(self) -> LocalServer:
        """The server, when it is ready. Raises UsageError if it does not start."""
        if self._starting is None:
            raise AssertionError("`begin` was not called")
        return self._starting.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with uninterrupted_cleanup():
            if self._starting:
                futures.wait([self._starting])
            self._cleanup.close()
