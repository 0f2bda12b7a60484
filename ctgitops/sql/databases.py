"""Finds statements that name a database, such as ALTER DATABASE. These statements fail in a copy with another name."""

from __future__ import annotations

from collections.abc import Iterator

from .nodes import Node, text_of
from .parse import SqlSyntaxError, parse_expression, trees
from .plpgsql import body_of, inside

_DEEPEST = 5
_BY_KEY = {
    "AlterDatabaseStmt": "dbname",
    "AlterDatabaseSetStmt": "dbname",
    "AlterDatabaseRefreshCollStmt": "dbname",
    "AlterRoleSetStmt": "database",
}
"""Maps statement types to the key of the database's name. CREATE and DROP DATABASE cannot name the current database."""
_BY_OBJECT = {
    "CommentStmt": ("objtype", "object"),
    "SecLabelStmt": ("objtype", "object"),
    "AlterOwnerStmt": ("objectType", "object"),
    "RenameStmt": ("renameType", "subname"),
    "GrantStmt": ("objtype", "objects"),
}
_REINDEX = frozenset({"REINDEX_OBJECT_DATABASE", "REINDEX_OBJECT_SYSTEM"})


def databases_named(sql: str) -> tuple[str, ...]:
    """The databases that the statements of `sql` name, including those in DO blocks. Raises SqlSyntaxError."""
    return tuple(dict.fromkeys(_in_text(sql, _DEEPEST)))


def _in_text(sql: str, deep: int) -> Iterator[str]:
    for tree in trees(sql):
        yield from _named(tree.kind, tree.node)
        body = body_of(tree.node) if tree.kind == "DoStmt" else None
        if body and deep:
            yield from _in_body(body, deep - 1)


def _named(kind: str, node: Node) -> Iterator[str]:
    if name := node.get(_BY_KEY.get(kind, "")):
        yield name
    elif kind == "ReindexStmt" and node.get("kind") in _REINDEX:
        yield from filter(None, [node.get("name")])
    elif kind in _BY_OBJECT:
        of, key = _BY_OBJECT[kind]
        if node.get(of) == "OBJECT_DATABASE":
            each = node.get(key, ())
            items = each if isinstance(each, list) else [each]
            yield from (i if isinstance(i, str) else i.get("String", {}).get("sval", "") for i in items)


def _in_body(body: str, deep: int) -> Iterator[str]:
    """The databases that a PL/pgSQL body names. Ignores current_database(), which is correct in every copy."""
    try:
        runs = inside(body).runs
    except SqlSyntaxError:
        return  # a body that does not parse here still runs, and PostgreSQL reports the missing database
    for run in runs:
        try:
            text = text_of(parse_expression(run.sql)) if run.dynamic else run.sql
            yield from _in_text(text, deep)
        except SqlSyntaxError:
            continue
