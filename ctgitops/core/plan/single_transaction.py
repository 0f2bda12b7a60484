"""Finds statements that prevent applying all pending migrations in a single transaction. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from ...sql.parse import SqlSyntaxError, enum_values_used
from ..problem import Problem

if TYPE_CHECKING:
    from ...sql.script import Script


def single_transaction_problems(scripts: tuple[tuple[str, Script], ...], manifest: str) -> Iterator[Problem]:
    """Problems that prevent `transaction: all`. `scripts` contains pairs of a name and a script."""
    try:
        for name, script in scripts:
            if found := _outside(script):
                what = f"{manifest} requires one transaction for all files, but {name} cannot run in it: {found[0]}"
                yield Problem("not-together", what, script.place(found[1]), _hint(name, manifest))
        yield from _enum_values(scripts, manifest)
    except SqlSyntaxError:
        return  # another problem reports it


def _outside(script: Script) -> tuple[str, int] | None:
    """Why a script cannot share a transaction, and the cause's offset in its text. None if the script can share it."""
    if script.outside:
        return script.outside
    first = next((statement for statement in script.statements if statement.sets_transaction), None)
    return ("SET TRANSACTION must be the first statement of its transaction", script.start_of(first)) if first else None


def _hint(name: str, manifest: str) -> str:
    return f"set `transaction: each` in {manifest} while {name} is pending, or rewrite {name} without that statement"


def _enum_values(scripts: tuple[tuple[str, Script], ...], manifest: str) -> Iterator[Problem]:
    """A problem for each enum value that one file adds and a later file uses."""
    ends = list(accumulate(len(script.statements) for _, script in scripts))
    for use in enum_values_used("\n;\n".join(script.sent for _, script in scripts)):
        index = bisect_right(ends, use.statement)
        name, script = scripts[index]
        if any((own.type, own.value) == (use.type, use.value) for own in enum_values_used(script.sent)):
            continue
        what = f"'{use.value}' is used in the transaction that adds this value to {use.type}, which PostgreSQL rejects"
        statement = script.statements[use.statement - (ends[index - 1] if index else 0)]
        yield Problem("enum-value", what, script.place(script.start_of(statement)), _hint(name, manifest))
