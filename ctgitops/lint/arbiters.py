"""Finds dropped unique constraints and indexes, and each INSERT … ON CONFLICT that needs them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING

from ..lazy import dataclass
from ..sql.nodes import Name, Node, dropped_names, qualified, relation_name, walk
from .added_columns import columns_of, target
from .nested_statements import statements_in

if TYPE_CHECKING:
    from .catalog import Index, Table
    from .rule_input import Case

_UNIQUE = {"CONSTR_UNIQUE", "CONSTR_PRIMARY"}


@dataclass(frozen=True)
class DroppedUnique:
    """A unique constraint or index that a statement drops without a replacement on the same columns."""

    table: Table
    name: str
    index: Index
    part: Node | None = field(default=None, repr=False)
    """The ALTER TABLE action. None for DROP INDEX."""

    @property
    def columns(self) -> str:
        """The key columns, as `ON CONFLICT (…)` lists them."""
        return ", ".join(self.index.keys)


def dropped_uniques(case: Case) -> Iterator[DroppedUnique]:
    """The unique constraints and indexes that the statement drops from tables in use without a replacement."""
    for table, name, part in _dropped(case):
        index = case.catalog.indexes.get((table.name[0], name))
        if index and index.unique and index.table == table.name and not _replaced(case, table, name, index):
            yield DroppedUnique(table, name, index, part)


def _dropped(case: Case) -> Iterator[tuple[Table, str, Node | None]]:
    table = case.altered
    for command in case.parts("AT_DropConstraint") if table else ():
        yield from [(table, command.get("name", ""), command)] if table else ()
    for parts in dropped_names(case.node) if case.node.get("removeType") == "OBJECT_INDEX" else ():
        key = case.catalog.full(qualified(parts))
        index = case.catalog.indexes.get(key)
        if index and (found := case.used(index.table)):
            yield found, key[1], None


def _replaced(case: Case, table: Table, name: str, index: Index) -> bool:
    """Whether the schema has, or the file creates, another unique index on the same columns."""
    others = (i for key, i in case.catalog.indexes.items() if i.table == table.name and key[1] != name)
    keys = [set(other.keys) for other in others if other.unique and not other.partial]
    return set(index.keys) in [*keys, *_made(case, table.name)]


def _made(case: Case, table: Name) -> Iterator[set[str]]:
    """The columns of each unique constraint and index that the file creates on a table."""
    for node in case.transaction.of_kind("IndexStmt", "AlterTableStmt"):
        if relation_name(node.get("relation", {}))[1] != table[1]:
            continue
        if node.get("unique"):
            yield {item.get("IndexElem", {}).get("name", "") for item in node.get("indexParams", ())}
        for item in node.get("cmds", ()):
            constraint = target(item.get("AlterTableCmd", {}))
            if constraint.get("contype") in _UNIQUE:
                known = case.catalog.indexes.get((table[0], constraint.get("indexname", "")))
                yield set(known.keys) if known else set(columns_of(constraint))


def users_of(case: Case, dropped: DroppedUnique) -> Iterator[str]:
    """The known functions with an INSERT … ON CONFLICT that fails without `dropped`."""
    for (_, name), function in case.catalog.functions.items():
        statements = statements_in(function, case.catalog)
        if any(_needs(case, insert, dropped) for kind, node in statements for insert in _inserts(kind, node)):
            yield name


def _inserts(kind: str, node: Node) -> Iterator[Node]:
    if kind == "InsertStmt":
        yield node
    yield from (inner for inner_kind, inner in walk(node) if inner_kind == "InsertStmt")


def _needs(case: Case, insert: Node, dropped: DroppedUnique) -> bool:
    infer = insert.get("onConflictClause", {}).get("infer", {})
    if case.catalog.full(relation_name(insert.get("relation", {}))) != dropped.table.name:
        return False
    elements = {item.get("IndexElem", {}).get("name", "") for item in infer.get("indexElems", ())}
    return infer.get("conname") == dropped.name or (bool(elements) and elements == set(dropped.index.keys))
