"""Reports a foreign key whose columns have no index."""

from __future__ import annotations

from collections.abc import Iterator

from ...sql.nodes import Name, Node, parts_of, relation_name, written
from ..rule import Case, Group, Hit, Hits, Rule, Severity

_KEYS = {"CONSTR_UNIQUE", "CONSTR_PRIMARY"}


def check(case: Case) -> Hits:
    """Accepts an index that begins with the key's columns in any order. The file itself may create the index."""
    name = case.catalog.full(relation_name(case.node.get("relation", {})))
    for part, node, column in _constraints(case.node):
        columns = parts_of(node.get("fk_attrs", [])) or (column,)
        if node.get("contype") == "CONSTR_FOREIGN" and not any(
            set(keys[: len(columns)]) == set(columns) for keys in _indexed(case, name)
        ):
            other = written(relation_name(node.get("pktable", {})))
            names = ", ".join(columns)
            what = f"reads the whole table `{name[1]}` for each DELETE and key UPDATE of a row of `{other}`"
            yield Hit(f"{what}, because `{names}` has no index", part=part)


def _constraints(node: Node) -> Iterator[tuple[Node | None, Node, str]]:
    """The constraints in CREATE TABLE or ALTER TABLE: for each, the ALTER TABLE command and the column, or None."""
    elements = [(None, item) for item in node.get("tableElts", ())]
    commands = [item.get("AlterTableCmd", {}) for item in node.get("cmds", ())]
    added = [
        (each, each.get("def", {})) for each in commands if each.get("subtype") in {"AT_AddColumn", "AT_AddConstraint"}
    ]
    for part, element in (*elements, *added):
        column = element.get("ColumnDef", {})
        for item in (element, *column.get("constraints", ())):
            yield part, item.get("Constraint", {}), column.get("colname", "")


def _indexed(case: Case, table: Name) -> Iterator[tuple[str, ...]]:
    """The key columns of each index that the table has or that the file creates."""
    yield from (index.keys for index in case.catalog.indexes_on(table))
    for node in (case.node, *case.transaction.of_kind("IndexStmt", "AlterTableStmt", "CreateStmt")):
        if relation_name(node.get("relation", {}))[1] == table[1]:
            yield tuple(item.get("IndexElem", {}).get("name", "") for item in node.get("indexParams", ()))
            for _, constraint, column in _constraints(node):
                if constraint.get("contype") in _KEYS:
                    yield parts_of(constraint.get("keys", [])) or (column,)


RULE = Rule(
    id="foreign-key-index",
    group=Group.DATA,
    severity=Severity.OFF,
    kinds=("CreateStmt", "AlterTableStmt"),
    why="PostgreSQL creates no index for the columns of a foreign key. Each DELETE, and each UPDATE of the referenced "
    "key, then reads the whole referencing table while the row is locked.",
    instead="create an index on the columns of the foreign key, CONCURRENTLY if the table has rows",
    check=check,
    bad="create table lines (id bigint primary key, order_id bigint references orders);",
    good="create table lines (id bigint primary key, order_id bigint references orders);\n"
    "create index lines_order on lines (order_id);",
)
