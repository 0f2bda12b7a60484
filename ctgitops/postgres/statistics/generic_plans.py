"""Reads the generic plans of the database's busiest statements, with EXPLAIN, which does not execute the statements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import psycopg

from ...core.performance.plan_shape import shape_of
from ...sql.explainable import is_explainable
from ..connection.connect import Address, connect
from .statements import LONGEST_TEXT

if TYPE_CHECKING:
    from ...core.performance.sample import StatementFigures

SINCE = 16_00_00
MOST = 30
SETTINGS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "1s",
    "lock_timeout": "100ms",
    "idle_in_transaction_session_timeout": "10s",
    "standard_conforming_strings": "on",
}
"""Settings of the session that runs EXPLAIN.

They contain no search path, because the names in the statements are those of the application. Strings have the form
that ctgitops's parser reads.
"""


def read_plans(address: Address, figures: Mapping[str, StatementFigures]) -> tuple[dict[str, str], str]:
    """Maps statements to the shapes of their generic plans. Also returns why some plans are missing. Read-only.

    Raises psycopg.Error, LedgerError.
    """
    wanted = sorted(figures, key=lambda key: figures[key].total, reverse=True)[:MOST]
    found: dict[str, str] = {}
    refused = 0
    with connect(address, "ctgitops/performance", SETTINGS) as connection:
        if connection.info.server_version < SINCE:
            return {}, "PostgreSQL can show generic plans from version 16 on"
        for key in wanted:
            text = figures[key].text
            if len(text) >= LONGEST_TEXT or not is_explainable(text):
                continue
            try:
                # The simple protocol: the extended one would want values for the parameters
                row = connection.execute(f"explain (generic_plan, format json, costs off) {text}".encode()).fetchone()
            except psycopg.Error:
                if connection.closed:
                    raise
                refused += 1
                continue
            if row and (shape := shape_of(row[0])):
                found[key] = shape
    return found, f"for this role, the server could not plan {refused} of {len(wanted)} statements" if refused else ""
