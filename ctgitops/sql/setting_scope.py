"""Determines from SQL text which settings and temporary tables end at COMMIT, which a server cannot tell earlier."""

from __future__ import annotations

from dataclasses import dataclass

from .guard import guarded
from .nodes import Node, walk
from .parse import trees
from .settings import setting_of


@dataclass(frozen=True)
class Lasting:
    """Names, as PostgreSQL has them. What a function or a DO block does, no file says."""

    until_commit: frozenset[str] = frozenset()
    """Settings that are only ever set for the transaction; `role` and `session_authorization` are such."""
    beyond: frozenset[str] = frozenset()
    """Settings that are set for the session."""
    dropped: frozenset[str] = frozenset()
    """Temporary tables that the commit drops."""
    channels: tuple[str, ...] = ()
    """What is listened to, which begins with the commit."""


@guarded("its settings")
def lasting(sql: str) -> Lasting:
    """Of the statements of `sql`. Raises SqlSyntaxError."""
    found = [each for tree in trees(sql) for each in walk({tree.kind: tree.node})]
    settings = [setting for kind, node in found if (setting := setting_of(kind, node))]
    beyond = frozenset(name for name, local in settings if not local)
    channels: dict[str, None] = {}
    for kind, node in found:
        if kind == "ListenStmt":
            channels[node.get("conditionname", "")] = None
        elif kind == "UnlistenStmt":
            gone = node.get("conditionname")
            channels = {name: None for name in channels if gone and name != gone}
    return Lasting(
        frozenset(name for name, _ in settings) - beyond,
        beyond,
        frozenset(name for kind, node in found if (name := _dropped(kind, node))),
        tuple(channels),
    )


def _dropped(kind: str, node: Node) -> str:
    """A temporary table that the commit drops."""
    if kind == "CreateStmt" and node.get("oncommit") == "ONCOMMIT_DROP":
        return str(node.get("relation", {}).get("relname", ""))
    if kind == "IntoClause" or (kind == "CreateTableAsStmt" and "into" in node):
        into = node.get("into", node)
        return str(into.get("rel", {}).get("relname", "")) if into.get("onCommit") == "ONCOMMIT_DROP" else ""
    return ""
