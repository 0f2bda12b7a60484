"""Finds each UPDATE, DELETE and MERGE in a statement and in its WITH, and the number of rows that each can change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..sql.nodes import Node, relation_name, switched_on
from ..sql.tautology import always_true
from .batching import in_batches
from .catalog import Table
from .rule_input import Case
from .selectivity import selective

KINDS = (
    "UpdateStmt", "DeleteStmt", "MergeStmt", "InsertStmt", "SelectStmt", "CreateTableAsStmt", "CopyStmt", "ExplainStmt",
    "PrepareStmt",
)  # fmt: skip
"""Statements that change rows, or that can contain such a statement, for example in WITH."""
_CHANGES = {"UpdateStmt", "DeleteStmt", "MergeStmt", "InsertStmt"}
_MERGED = {"CMD_UPDATE": "updates", "CMD_DELETE": "deletes"}


@dataclass(frozen=True)
class Write:
    """An UPDATE, a DELETE or a MERGE of a table in use. A MERGE may be both an UPDATE and a DELETE."""

    table: Table
    verb: str
    """`updates`, `deletes`."""
    kind: str
    node: Node = field(repr=False)
    condition: Any = field(repr=False)
    """The WHERE condition. For a MERGE, its join condition AND its WHEN condition. None without a condition."""
    of_conflicts: bool = False
    """Whether the write is the DO UPDATE of an INSERT, which changes only existing rows."""

    @property
    def whole(self) -> bool:
        """Whether the statement certainly changes every row of `table`."""
        return not self.of_conflicts and (self.condition is None or always_true(self.condition, self.table))

    @property
    def few(self) -> bool:
        """Whether the condition compares a column with a constant. Few rows can then match."""
        return selective(self.condition)

    @property
    def in_batches(self) -> str:
        """The advice to rewrite the statement as a batched migration."""
        return in_batches(self.kind, self.node, self.table)


def writes(case: Case) -> Iterator[Write]:
    """The row changes that the statement and its WITH queries make to tables in use."""
    for kind, node in _statements(case.kind, case.node):
        if kind == "MergeStmt":
            yield from _merged(case, node)
        elif kind == "InsertStmt":
            yield from _upserted(case, node)
        elif kind in _CHANGES and (table := case.in_use(node.get("relation", {}))):
            verb = "deletes" if kind == "DeleteStmt" else "updates"
            yield Write(table, verb, kind, node, node.get("whereClause"))


def _statements(kind: str, node: Node) -> Iterator[tuple[str, Node]]:
    """The statement, the statements in its WITH, and the statement inside EXPLAIN ANALYZE, PREPARE or COPY."""
    if kind == "ExplainStmt" and not switched_on(node.get("options", ()), "analyze"):
        return
    if kind in _CHANGES:
        yield kind, node
    ctes = (item.get("CommonTableExpr", {}) for item in node.get("withClause", {}).get("ctes", ()))
    for inner in (*(cte.get("ctequery", {}) for cte in ctes), node.get("query", {}), node.get("selectStmt", {})):
        for each, statement in inner.items():
            yield from _statements(each, statement)


def _merged(case: Case, node: Node) -> Iterator[Write]:
    """The UPDATE and the DELETE of a MERGE, each limited by the join condition and the condition of its WHEN."""
    table, source = case.in_use(node.get("relation", {})), node.get("sourceRelation", {})
    rows = source.get("RangeSubselect", {}).get("subquery", {}).get("SelectStmt", {})
    if table is None or "valuesLists" in rows or relation_name(source.get("RangeVar", {}))[1] == "batch":
        return
    for item in node.get("mergeWhenClauses", ()):
        clause = item.get("MergeWhenClause", {})
        if verb := _MERGED.get(clause.get("commandType", "")):
            parts = [part for part in (node.get("joinCondition"), clause.get("condition")) if part]
            yield Write(table, verb, "MergeStmt", node, {"BoolExpr": {"boolop": "AND_EXPR", "args": parts}})


def _upserted(case: Case, node: Node) -> Iterator[Write]:
    """The DO UPDATE of an INSERT … SELECT that reads tables and has no LIMIT."""
    select = node.get("selectStmt", {}).get("SelectStmt", {})
    reads = any({"RangeVar", "JoinExpr"} & set(item) for item in select.get("fromClause", ()))
    updates = node.get("onConflictClause", {}).get("action") == "ONCONFLICT_UPDATE"
    if updates and reads and "limitCount" not in select and (table := case.in_use(node.get("relation", {}))):
        yield Write(table, "updates", "InsertStmt", node, select.get("whereClause"), of_conflicts=True)
