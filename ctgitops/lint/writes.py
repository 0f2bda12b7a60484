"""Finds each UPDATE, DELETE and MERGE of a statement, and how many rows each can change. Includes WITH clauses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING, Any

from ..lazy import dataclass
from ..sql.nodes import Node, relation_name, switched_on
from ..sql.tautology import always_true
from .batching import in_batches
from .selectivity import selective

if TYPE_CHECKING:
    from .catalog import Table
    from .rule_input import Case

KINDS = (
    "UpdateStmt", "DeleteStmt", "MergeStmt", "InsertStmt", "SelectStmt", "CreateTableAsStmt", "CopyStmt", "ExplainStmt",
    "PrepareStmt",
)  # fmt: skip
"""Types of statements that change rows, or that can contain such a statement, for example in a WITH clause."""
_CHANGES = {"UpdateStmt", "DeleteStmt", "MergeStmt", "InsertStmt"}
_MERGED = {"CMD_UPDATE": "updates", "CMD_DELETE": "deletes"}


@dataclass(frozen=True)
class Write:
    """An UPDATE, DELETE or MERGE of a table in use. A MERGE can yield an UPDATE and a DELETE."""

    table: Table
    verb: str
    """`updates`, `deletes`."""
    kind: str
    node: Node = field(repr=False)
    condition: Any = field(repr=False)
    """The WHERE condition. For a MERGE, the join condition and the WHEN condition. None without a condition."""
    of_conflicts: bool = False
    """Whether the write is the DO UPDATE of an INSERT, which changes only existing rows."""

    @property
    def whole(self) -> bool:
        """Whether the statement certainly changes every row of `table`."""
        return not self.of_conflicts and (self.condition is None or always_true(self.condition, self.table))

    @property
    def few(self) -> bool:
        """Whether the condition compares a column with a constant, so that few rows can match."""
        return selective(self.condition)

    @property
    def in_batches(self) -> str:
        """The advice to make the statement a batched migration."""
        return in_batches(self.kind, self.node, self.table)


def writes(case: Case) -> Iterator[Write]:
    """The changes that the statement, including its WITH clause, makes to rows of tables in use."""
    for kind, node in _statements(case.kind, case.node):
        if kind == "MergeStmt":
            yield from _merged(case, node)
        elif kind == "InsertStmt":
            yield from _upserted(case, node)
        elif kind in _CHANGES and (table := case.in_use(node.get("relation", {}))):
            verb = "deletes" if kind == "DeleteStmt" else "updates"
            yield Write(table, verb, kind, node, node.get("whereClause"))


def _statements(kind: str, node: Node) -> Iterator[tuple[str, Node]]:
    """The statement itself, statements in its WITH clause, and a statement inside EXPLAIN ANALYZE, PREPARE or COPY."""
    if kind == "ExplainStmt" and not switched_on(node.get("options", ()), "analyze"):
        return
    if kind in _CHANGES:
        yield kind, node
    ctes = (item.get("CommonTableExpr", {}) for item in node.get("withClause", {}).get("ctes", ()))
    for inner in (*(cte.get("ctequery", {}) for cte in ctes), node.get("query", {}), node.get("selectStmt", {})):
        for each, statement in inner.items():
            yield from _statements(each, statement)


def _merged(case: Case, node: Node) -> Iterator[Write]:
    """The UPDATE and the DELETE of a MERGE. The join condition and the WHEN condition limit the rows of each."""
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
    """The DO UPDATE of an INSERT … SELECT, if the SELECT reads tables and has no LIMIT."""
    select = node.get("selectStmt", {}).get("SelectStmt", {})
    reads = any({"RangeVar", "JoinExpr"} & set(item) for item in select.get("fromClause", ()))
    updates = node.get("onConflictClause", {}).get("action") == "ONCONFLICT_UPDATE"
    if updates and reads and "limitCount" not in select and (table := case.in_use(node.get("relation", {}))):
        yield Write(table, "updates", "InsertStmt", node, select.get("whereClause"), of_conflicts=True)
