"""Determines from SQL which settings and temporary tables end at COMMIT. No query shows this before COMMIT."""

from __future__ import annotations

from ..lazy import dataclass
from .guard import guarded
from .nodes import Node, walk
from .parse import trees
from .settings import setting_of


@dataclass(frozen=True)
class SettingScopes:
    """Settings, temporary tables and channels, by scope. Leaves out the effects of functions and DO blocks."""

    until_commit: frozenset[str] = frozenset()
    """Settings that are set only for the transaction, including `role` and `session_authorization`."""
    beyond: frozenset[str] = frozenset()
    """Settings that are set for the session."""
    dropped: frozenset[str] = frozenset()
    """Temporary tables that COMMIT drops."""
    channels: tuple[str, ...] = ()
    """Channels of LISTEN, which takes effect at COMMIT."""


@guarded("the scopes of settings")
def settings_by_scope(sql: str) -> SettingScopes:
    """The settings, temporary tables and channels of `sql`, by scope. Raises SqlSyntaxError."""
    found = [each for tree in trees(sql) for each in walk({tree.kind: tree.node})]
    settings = [setting for kind, node in found if (setting := setting_of(kind, node))]
    beyond = frozenset(name for name, local in settings if not local)
    channels: dict[str, None] = {}
    for kind, node in found:
        if kind == "ListenStmt":
            channels[node.get("conditionname", "")] = None
        elif kind == "UnlistenStmt":
            channel = node.get("conditionname")
            channels = {name: None for name in channels if channel and name != channel}
    return SettingScopes(
        frozenset(name for name, _ in settings) - beyond,
        beyond,
        frozenset(name for kind, node in found if (name := _dropped(kind, node))),
        tuple(channels),
    )


def _dropped(kind: str, node: Node) -> str:
    """The temporary table that `node` creates with ON COMMIT DROP. Empty for other nodes."""
    if kind == "CreateStmt" and node.get("oncommit") == "ONCOMMIT_DROP":
        return str(node.get("relation", {}).get("relname", ""))
    if kind == "IntoClause" or (kind == "CreateTableAsStmt" and "into" in node):
        into = node.get("into", node)
        return str(into.get("rel", {}).get("relname", "")) if into.get("onCommit") == "ONCOMMIT_DROP" else ""
    return ""
