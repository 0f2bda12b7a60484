"""An advisory lock that a backup holds while it runs. Other runs do not remove the objects of such a backup."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from ..connection.connect import Address, connect, connected, lost_as_error
from ..connection.pooler import refuse_transaction_pooler


def _key(backup: str) -> int:
    return int.from_bytes(hashlib.sha256(f"ctgitops backup {backup}".encode()).digest()[:8], signed=True)


@contextmanager
def backup_lock(address: Address, backup: str) -> Iterator[None]:
    """Holds the lock of the backup with the ID `backup`, in the source database and outside a transaction.

    Raises UsageError for a pooler in transaction mode. There, the lock and pg_dump's settings would be lost.
    """
    with connect(address, "ctgitops backup") as connection:
        with lost_as_error(address):
            refuse_transaction_pooler(connection, address, lambda: connect(address, "ctgitops backup"))
            connection.execute("select pg_catalog.pg_advisory_lock(%s)", (_key(backup),))
        yield


def is_running(address: Address, backup: str) -> bool:
    """Whether another session holds the lock of the backup with the ID `backup`."""
    with connected(address, "ctgitops backup") as connection:
        row = connection.execute("select pg_catalog.pg_try_advisory_xact_lock(%s)", (_key(backup),)).fetchone()
        return not (row and row[0])
