"""Rewrites an UPDATE or a DELETE as a batched statement. Lint shows the result as advice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..sql.batch import shape_faults, shape_of
from ..sql.deparse import expression, reaches_out
from ..sql.nodes import Node, columns_in, identifier
from ..sql.parse import SqlSyntaxError, trees
from ..sql.tautology import always_true

if TYPE_CHECKING:
    from .catalog import Table

_DIRECTIVE = "write the statement in batches, in a separate migration: `-- ctgitops: batch size=5000`"
_OTHERS = {"withClause", "fromClause", "usingClause", "returningClause"}


def in_batches(kind: str, node: Node, table: Table) -> str:
    """The batched statement, as advice. If lint cannot write the whole statement, a template."""
    sql = "" if kind not in {"UpdateStmt", "DeleteStmt"} or _OTHERS & set(node) else _batched(kind, node, table)
    if sql and _runs(sql):
        return f"{_DIRECTIVE}, then `{sql}`"
    keys = ", ".join(map(identifier, _key(table)))
    batch = f"WITH batch AS (SELECT {keys} FROM {_name(table)} WHERE … LIMIT $1 FOR UPDATE SKIP LOCKED) …"  # noqa: S608 - advice, not executed
    return f"{_DIRECTIVE}, then `{batch}`, where the condition excludes rows that are done"


def _batched(kind: str, node: Node, table: Table) -> str:
    alias = node.get("relation", {}).get("alias", {}).get("aliasname", "")
    target, of = _name(table) + (f" AS {identifier(alias)}" if alias else ""), identifier(alias) or _name(table)
    keys = [identifier(key) for key in _key(table)]
    names = ", ".join(f"{of}.{key} AS batch_{number}" for number, key in enumerate(keys, 1))
    match = " AND ".join(f"{of}.{key} = batch.batch_{number}" for number, key in enumerate(keys, 1))
    conditions = list(_conditions(kind, node, table))
    if "" in conditions:
        return ""
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    batch = f"WITH batch AS (SELECT {names} FROM {target}{where} LIMIT $1 FOR UPDATE SKIP LOCKED)"  # noqa: S608 - advice, not executed
    if kind == "DeleteStmt":
        return f"{batch} DELETE FROM {target} USING batch WHERE {match}"  # noqa: S608 - advice, not executed
    assigned = ", ".join(f"{identifier(column)} = {expression(value)}" for column, value in _assigned(node))
    return f"{batch} UPDATE {target} SET {assigned} FROM batch WHERE {match}"  # noqa: S608 - advice, not executed


def _conditions(kind: str, node: Node, table: Table) -> Iterator[str]:
    """The WHERE conditions of the batch. A condition that cannot be written as SQL is an empty string."""
    where = node.get("whereClause")
    if where is not None and not always_true(where, table):
        yield f"({expression(where)})" if expression(where) else ""
    if kind == "UpdateStmt":
        yield _left(node)


def _left(node: Node) -> str:
    """A condition for rows that the UPDATE has not changed yet. Empty if a second run could compute other values."""
    assigned = dict(_assigned(node))
    values = [expression(value) for value in assigned.values()]
    computed = any(columns_in(value) & set(assigned) or reaches_out(value) for value in assigned.values())
    if computed or not all(values) or len(assigned) != len(node.get("targetList", ())):
        return ""
    tests = [f"{identifier(column)} IS DISTINCT FROM {value}" for column, value in zip(assigned, values, strict=True)]
    return f"({' OR '.join(tests)})"


def _assigned(node: Node) -> Iterator[tuple[str, Any]]:
    for item in node.get("targetList", ()):
        target = item.get("ResTarget", {})
        if "indirection" not in target and "MultiAssignRef" not in target.get("val", {}):
            yield target.get("name", ""), target.get("val", {})


def _runs(sql: str) -> bool:
    """Whether `sql` parses and can run in batches. For example, a keyword used as a name prevents parsing."""
    try:
        (tree,) = trees(sql)
    except (SqlSyntaxError, ValueError):
        return False
    return not any(shape_faults(shape_of(tree.kind, tree.node), 0))


def _name(table: Table) -> str:
    return ".".join(identifier(part) for part in table.name if part and part != "public")


def _key(table: Table) -> list[str]:
    """The columns that identify a row: the primary key, or else `ctid`. Assumes `id` for an unknown table."""
    primary = (c.columns for c in table.constraints.values() if c.kind == "CONSTR_PRIMARY")
    return sorted(next(primary, frozenset())) or ["ctid" if table.known else "id"]
