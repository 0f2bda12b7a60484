"""Reads the schema of a sandbox database: once as a whole, and then only what changed, in one session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...errors import LedgerError
from ..catalog.schema_snapshot import unreadable_as_error
from ..connection.connect import Address, Connection, connect, lost_as_error
from .schema_tracker import SchemaTracker, TrackedSchema

if TYPE_CHECKING:
    from ...core.schema.schema_history import Changed
    from ...core.schema.snapshot import Snapshot


class SchemaReader:
    """Reads the schema as the migrations' role, because the superuser must not run functions of unreviewed SQL."""

    def __init__(self, address: Callable[[], Address], known: TrackedSchema | None = None) -> None:
        self._address = address
        self._tracker = SchemaTracker(known)
        self._connection: Connection | None = None

    @property
    def known(self) -> TrackedSchema:
        """What the last read returned."""
        return self._tracker.known

    def snapshot(self) -> Snapshot:
        """Reads the whole schema in a new session. Raises LedgerError."""
        self.close()
        try:
            with self._session() as connection:
                return self._tracker.start(connection)
        finally:
            self.close()

    def changed(self) -> Changed:
        """Reads what changed since the last read. Raises LedgerError."""
        lost = self._connection is not None
        while True:
            try:
                with self._session() as connection:
                    return self._tracker.changed(connection)
            except LedgerError:
                if not lost:
                    raise
                # A migration may end the sessions of its role, of which this is one
                lost = False
                self.close()

    def close(self) -> None:
        """Ends the session. A database with sessions cannot be renamed."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _session(self) -> Iterator[Connection]:
        address = self._address()
        if self._connection is None or self._connection.closed:
            self._connection = connect(address, "ctgitops/snapshot")
        with lost_as_error(address), unreadable_as_error(address):
            yield self._connection
