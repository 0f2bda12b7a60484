"""Detects a connection pooler in transaction mode, which loses session locks and session settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...errors import UsageError
from .session_pooler import SUPABASE_DIRECT, SUPABASE_POOLER, TRANSACTION_PORT, supabase_advice

if TYPE_CHECKING:
    from .connect import Address, Connection

_WHO = "select pg_catalog.pg_backend_pid(), pg_catalog.current_setting('ctgitops.arrived', true)"
SETTINGS_PROBE = {"ctgitops.arrived": "yes"}
"""A connection option that tests a pooler. The server receives the option only if the pooler passes options on."""


def refuse_pooler(lock: Connection, address: Address, another: Callable[[], Connection]) -> None:
    """Raises UsageError if a pooler is in transaction mode, or drops connection options. Read-only.

    `lock` must be opened with the connection option SETTINGS_PROBE, which a pooler may drop.
    """
    backend, setting = _asked(lock)
    _refuse_transaction_mode(lock, backend, address, another)
    if setting != "yes":
        raise _refusal(lock, address, "drops session settings, so `timeouts.lock` would have no effect")


def refuse_transaction_pooler(lock: Connection, address: Address, another: Callable[[], Connection]) -> None:
    """Raises UsageError if statements on one connection can reach several sessions of the server. Read-only.

    Accepts a pooler in session mode that drops or refuses connection options.
    """
    _refuse_transaction_mode(lock, _asked(lock)[0], address, another)


def _refuse_transaction_mode(
    lock: Connection, backend: object, address: Address, another: Callable[[], Connection]
) -> None:
    info = lock.info
    if backend == info.backend_pid and str(info.port) != TRANSACTION_PORT:
        return
    if info.host.endswith(SUPABASE_POOLER) and str(info.port) == TRANSACTION_PORT:
        raise _refusal(lock, address, "is in transaction mode, so the run lock would be lost")
    with another() as other, other.transaction():
        # A pooler in transaction mode gives `other` the server session that `lock` used just before
        if _asked(other)[0] == backend or _asked(lock)[0] != backend:
            raise _refusal(
                lock, address, "uses another server session for each transaction, so the run lock would be lost"
            )


def _asked(connection: Connection) -> tuple[object, ...]:
    row = connection.execute(_WHO.encode()).fetchone()
    return row or (None, None)


def _refusal(lock: Connection, address: Address, why: str) -> UsageError:
    what = f"{address.label} leads to a connection pooler that {why}"
    return UsageError(what, state="nothing was changed", hint=direct(lock.info.host))


def direct(host: str) -> str:
    """Advice on which URL to use instead."""
    if host.endswith((SUPABASE_POOLER, SUPABASE_DIRECT)):
        return supabase_advice(host)
    if host.endswith(".neon.tech") and "-pooler." in host:
        return f"connect directly: the same URL with the host {host.replace('-pooler.', '.', 1)}"
    return (
        "use the URL of the server itself (often port 5432), or of a pooler in session mode that passes on the startup "
        "parameter `options`; PgBouncer does not"
    )
