"""Finds the tables, views and columns that SQL drops, renames or creates. Uses the names that queries use."""

from __future__ import annotations

from collections.abc import Iterator

from ..lazy import dataclass
from .nodes import Node, commands, dropped_names

_RELATIONS = {
    "OBJECT_TABLE": "table",
    "OBJECT_VIEW": "view",
    "OBJECT_MATVIEW": "materialized view",
    "OBJECT_FOREIGN_TABLE": "foreign table",
}
"""Maps the parser's names to the kinds of relations that queries can name."""


@dataclass(frozen=True)
class ChangedName:
    """A table, view or column name that queries can no longer use. The name is unquoted, as in the system catalogs."""

    table: str
    column: str = ""
    """The column's name. Empty if the whole table is dropped or renamed."""
    renamed_to: str = ""
    kind: str = "table"
    """The kind of the relation, as the statement names it."""

    @property
    def name(self) -> str:
        """The qualified name, including the column if there is one."""
        return self.column or self.table

    @property
    def text(self) -> str:
        """The change as text, such as `column projects.photo is dropped`."""
        what = f"column {self.table}.{self.column}" if self.column else f"{self.kind} {self.table}"
        return f"{what} is renamed to {self.renamed_to}" if self.renamed_to else f"{what} is dropped"


@dataclass(frozen=True)
class ConflictTarget:
    """A dropped unique constraint or index. An INSERT … ON CONFLICT may refer to it by name or by its columns."""

    table: str
    constraint: str
    columns: tuple[str, ...]
    """The key columns, with an empty string for each expression."""

    @property
    def text(self) -> str:
        """The change as text, such as `unique orders_number on orders (number) is dropped`."""
        columns = ", ".join(column or "an expression" for column in self.columns)
        return f"unique {self.constraint} on {self.table} ({columns}) is dropped"


SearchedName = ChangedName | ConflictTarget
"""A name to search for in code."""


def removed_names(kind: str, node: Node) -> Iterator[ChangedName]:
    """The names that `node` itself drops or renames. Leaves out names that CASCADE or a function drops."""
    if kind == "DropStmt" and node.get("removeType") in _RELATIONS:
        relation = _RELATIONS[node["removeType"]]
        yield from (ChangedName(names[-1], kind=relation) for names in dropped_names(node) if names)
    elif kind == "AlterTableStmt":
        for command in commands(kind, node):
            if command.get("subtype") == "AT_DropColumn":
                yield ChangedName(_table(node), command.get("name", ""))
    elif kind == "RenameStmt":
        yield from _renamed(node)


def created_names(kind: str, node: Node) -> Iterator[ChangedName]:
    """The names that `node` creates, including the new names of renamed objects."""
    if kind in {"CreateStmt", "ViewStmt"}:
        yield ChangedName(_table(node, "relation" if kind == "CreateStmt" else "view"))
    elif kind == "CreateTableAsStmt":
        yield ChangedName(_table(node.get("into", {}), "rel"))
    elif kind == "AlterTableStmt":
        for command in commands(kind, node):
            if command.get("subtype") == "AT_AddColumn":
                yield ChangedName(_table(node), command.get("def", {}).get("ColumnDef", {}).get("colname", ""))
    elif kind == "RenameStmt":
        for old in _renamed(node):
            yield ChangedName(old.table, old.renamed_to) if old.column else ChangedName(old.renamed_to)


def _renamed(node: Node) -> Iterator[ChangedName]:
    if node.get("renameType") == "OBJECT_COLUMN":
        yield ChangedName(_table(node), node.get("subname", ""), node.get("newname", ""))
    elif node.get("renameType") in _RELATIONS:
        relation = _RELATIONS[node["renameType"]]
        yield ChangedName(_table(node), renamed_to=node.get("newname", ""), kind=relation)


def _table(node: Node, key: str = "relation") -> str:
    name: str = node.get(key, {}).get("relname", "")
    return name
