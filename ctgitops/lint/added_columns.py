"""Parses the columns and constraints that CREATE TABLE and ALTER TABLE add, with all options."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import Any

from ..lazy import dataclass
from ..sql.nodes import Name, Node, columns_in, parts_of, relation_name
from .catalog import Constraint
from .types import SERIAL, Type, type_of

_ENFORCEABLE = {"CONSTR_CHECK", "CONSTR_FOREIGN"}
"""Kinds of constraints that PostgreSQL accepts as NOT ENFORCED."""


@dataclass(frozen=True)
class AddedColumn:
    """A column definition in CREATE TABLE or ALTER TABLE."""

    name: str
    type: Type
    collation: str = ""
    serial: bool = False
    identity: bool = False
    generated: str = ""
    """`stored` or `virtual`. Empty if the column is not generated."""
    not_null: bool = False
    default: Any = None
    """The DEFAULT expression. None without a DEFAULT, and for DEFAULT NULL."""
    constraints: tuple[Node, ...] = field(default=(), repr=False)
    """All constraints in the column's definition."""
    definition: Node = field(default_factory=dict, repr=False)
    """The column's definition in the parse tree (ColumnDef)."""

    def of(self, kind: str) -> Iterator[Node]:
        """Returns the column's constraints of one kind."""
        return (node for node in self.constraints if node.get("contype") == kind)


def added_column(definition: Node) -> AddedColumn:
    """Builds an AddedColumn from a ColumnDef."""
    type_ = type_of(definition.get("typeName", {}))
    constraints = _enforced([item.get("Constraint", {}) for item in definition.get("constraints", ())])
    kinds = {node.get("contype"): node for node in constraints}
    serial = type_.name in SERIAL and not type_.schema
    generated = kinds.get("CONSTR_GENERATED", {})
    identity = "CONSTR_IDENTITY" in kinds
    default = kinds.get("CONSTR_DEFAULT", {}).get("raw_expr")
    return AddedColumn(
        name=definition.get("colname", ""),
        type=Type(SERIAL[type_.name]) if serial else type_,
        collation=collation_of(definition),
        serial=serial,
        identity=identity,
        generated={"s": "stored", "v": "virtual"}.get(generated.get("generated_kind", "s"), "") if generated else "",
        not_null=serial or identity or "CONSTR_NOTNULL" in kinds or "CONSTR_PRIMARY" in kinds,
        default=None if is_null(default) else default,
        constraints=constraints,
        definition=definition,
    )


def collation_of(definition: Node) -> str:
    """The unqualified collation name in a ColumnDef. Empty if the column uses its type's collation."""
    name = parts_of(definition.get("collClause", {}).get("collname", []))[-1:]
    return "".join(name).replace("default", "")


def _enforced(constraints: list[Node]) -> tuple[Node, ...]:
    """Returns the constraints that are not marked NOT ENFORCED."""
    after = [*(node.get("contype") for node in constraints[1:]), ""]
    return tuple(n for n, following in zip(constraints, after, strict=False) if following != "CONSTR_ATTR_NOT_ENFORCED")


def is_null(default: Any) -> bool:
    """Whether a DEFAULT expression is missing or the constant NULL."""
    while isinstance(default, dict) and "TypeCast" in default:
        default = default["TypeCast"].get("arg")
    return default is None or bool(default.get("A_Const", {}).get("isnull"))


def constraint_of(node: Node, column: str = "") -> Constraint:
    """Builds a Constraint from its parse node. `column` is set for a column constraint."""
    kind = node.get("contype", "")
    columns = columns_of(node) or frozenset(filter(None, [column]))
    expression = node.get("raw_expr") if kind == "CONSTR_CHECK" else None
    refers_to = relation_name(node["pktable"]) if "pktable" in node else None
    return Constraint(
        kind=kind,
        expression=expression,
        columns=columns_in(expression) if expression else columns,
        valid=not node.get("skip_validation"),  # also set by NOT ENFORCED
        enforced=kind not in _ENFORCEABLE or bool(node.get("is_enforced")),
        refers_to=refers_to,
    )


def columns_of(node: Node) -> frozenset[str]:
    """The columns of a table constraint."""
    named = parts_of(node.get("fk_attrs", [])) or parts_of(node.get("keys", []))
    excluded = [item.get("List", {}).get("items", [])[:1] for item in node.get("exclusions", ())]
    return frozenset(named).union(*(index_columns(element) for first in excluded for element in first))


def index_columns(element: Node) -> frozenset[str]:
    """The columns that one element of an index uses."""
    inner = element.get("IndexElem", {})
    return frozenset([inner["name"]]) if "name" in inner else columns_in(inner.get("expr"))


def target(cmd: Node) -> Node:
    """The definition node of an ALTER TABLE action."""
    definition: Node = cmd.get("def", {})
    kinds = ("ColumnDef", "Constraint", "ATAlterConstraint", "PartitionCmd")
    return next((definition[kind] for kind in kinds if kind in definition), definition)


def referenced(node: Node) -> Name:
    """The table that a foreign key refers to."""
    return relation_name(node.get("pktable", {}))
