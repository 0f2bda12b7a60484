"""Parses CREATE EXTENSION. The sandbox runs it as another role if the migration's role may not create the extension."""

from __future__ import annotations

from ..lazy import dataclass
from .nodes import Node, options_of


@dataclass(frozen=True)
class Extension:
    """The options of a CREATE EXTENSION."""

    name: str
    schema: str = ""
    version: str = ""
    cascade: bool = False
    if_not_exists: bool = False


def extension_of(kind: str, node: Node) -> Extension | None:
    """The extension that a statement creates. None if the statement is not CREATE EXTENSION."""
    if kind != "CreateExtensionStmt":
        return None
    options = options_of(node.get("options", ()))
    return Extension(
        node.get("extname", ""),
        options.get("schema", {}).get("String", {}).get("sval", ""),
        options.get("new_version", {}).get("String", {}).get("sval", ""),
        "cascade" in options,
        node.get("if_not_exists", False),
    )
