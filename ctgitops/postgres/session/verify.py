"""Runs the verify queries of applied migrations again."""

from __future__ import annotations

from ...core.view.verify import Refuted
from ...errors import Place
from ...sql.script import Script
from ..connection.connect import Address, connected
from ..connection.simple_query import exchange
from ..transaction.execute import verify
from ..transaction.step_failure import StepFailed


def refuted_at(address: Address, queries: tuple[Script, ...]) -> tuple[Refuted, ...]:
    """The queries that are not true or that fail; each runs in a read-only transaction. Read-only."""
    found: list[Refuted] = []
    settings = {"default_transaction_read_only": "on"}
    with connected(address, "ctgitops/verify", settings) as connection:
        for script in queries:
            exchange(connection, "begin read only")
            try:
                verify(connection, script)
            except StepFailed as failed:
                place = failed.spot.place or Place(script.path)
                found.append(Refuted(address.hidden(failed.failure.message), place))
            exchange(connection, "rollback")
    return tuple(found)
