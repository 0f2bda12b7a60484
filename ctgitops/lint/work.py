"""Describes a statement's work that grows with the size of tables in use: reads, writes, scans, sleeps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..sql.nodes import Node, parts_of, switched_on, walk
from .nested_statements import CALLED
from .rows_read import has_rows, scanned
from .rule_input import Case, called

QUERIES = (
    "SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "CreateTableAsStmt", "CopyStmt", "ExplainStmt",
    "ExecuteStmt", "RefreshMatViewStmt", CALLED,
)  # fmt: skip
MANY = 10_000
"""The number of rows from which a call of generate_series counts as work."""


def queried(case: Case) -> Iterator[str]:
    """The work of a query, as text such as `reads or changes many rows of t`. The text follows `while it`."""
    statement = _executed(case)
    if not statement:
        return
    yield from (f"reads or changes many rows of {name}" for name in scanned(case, statement))
    if case.kind in {"RefreshMatViewStmt", "CopyStmt"} and (table := _named(case)):
        yield f"{'fills' if case.kind == 'RefreshMatViewStmt' else 'copies rows of'} `{called(table)}`"
    for kind, each in walk(statement):
        if kind == "FuncCall":
            yield from _of_call(each)


def _executed(case: Case) -> Any:
    """The statement. For EXECUTE, the prepared query. None if no query runs, as for EXPLAIN without ANALYZE."""
    kind, node = case.kind, case.node
    if kind == "ExplainStmt" and not switched_on(node.get("options", ()), "analyze"):
        return None
    if node.get("skipData") or node.get("into", {}).get("skipData"):
        return None
    if kind == "ExecuteStmt":
        prepared = case.transaction.of_kind("PrepareStmt")
        return [each.get("query") for each in prepared if each.get("name") == node.get("name")]
    return {kind: node}


def _named(case: Case) -> Any:
    relation = case.node.get("relation", {})
    table = case.in_use(relation) if relation else None
    return table if table and has_rows(case, table) else None


def _of_call(call: Node) -> Iterator[str]:
    name = "".join(parts_of(call.get("funcname", []))[-1:])
    numbers = [each.get("A_Const", {}).get("ival", {}).get("ival", 0) for each in call.get("args", ())]
    if name == "generate_series" and len(numbers) > 1:
        rows = (numbers[1] - numbers[0]) // max(1, *numbers[2:3], 1)
        if rows >= MANY:
            yield f"generates {rows:,} rows"
    elif name in {"pg_sleep", "pg_sleep_for", "pg_sleep_until"}:
        yield "sleeps"
