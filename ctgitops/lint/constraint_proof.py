"""Checks what a table's constraints already prove, so that PostgreSQL can skip a table scan."""

from __future__ import annotations

from collections.abc import Iterator

from ..sql.nodes import Node
from .catalog import Table
from .nodes import conjuncts, not_null_columns


def proved_not_null(table: Table, column: str) -> bool:
    """Whether a column is NOT NULL, or a validated CHECK proves that it is never null."""
    known = table.columns.get(column)
    if known is not None and known.not_null:
        return True
    return any(column in not_null_columns(each) for each in valid_checks(table))


def valid_checks(table: Table) -> Iterator[Node]:
    """The expressions of a table's validated CHECK constraints."""
    for constraint in table.constraints.values():
        if constraint.kind == "CONSTR_CHECK" and constraint.valid and constraint.expression:
            yield constraint.expression


def proved_parts(table: Table) -> list[Node]:
    """The conjuncts of all validated CHECK constraints of a table."""
    return [part for expression in valid_checks(table) for part in conjuncts(expression)]
