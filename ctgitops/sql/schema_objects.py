"""The objects that a statement creates. A key identifies an object across statements."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

from ..lazy import dataclass
from .column_type import type_in
from .nodes import Node, commands, parts_of
from .parse import trees

Key = tuple[str, ...]
"""The sort of an object, and its name without the schema `public`. For a column, also the column's name."""

SORTS = {
    "TABLE": "relation", "FOREIGN_TABLE": "relation", "VIEW": "relation", "MATVIEW": "relation",
    "SEQUENCE": "relation", "TYPE": "type", "DOMAIN": "type", "FUNCTION": "routine", "PROCEDURE": "routine",
    "ROUTINE": "routine", "AGGREGATE": "routine", "SCHEMA": "schema",
}  # fmt: skip
"""Maps the parser's object types to sorts. Objects of one sort share a namespace."""
_VALUES = {"CONSTR_DEFAULT", "CONSTR_IDENTITY", "CONSTR_GENERATED"}
_REQUIRED = {"CONSTR_NOTNULL", "CONSTR_PRIMARY"}
_INPUT = {"FUNC_PARAM_DEFAULT", "FUNC_PARAM_IN", "FUNC_PARAM_INOUT", "FUNC_PARAM_VARIADIC"}


@dataclass(frozen=True)
class Routine:
    """The signature of a function or procedure."""

    inputs: tuple[str, ...]
    """The types of the input parameters."""
    optional: int = 0
    """The number of input parameters that have a default."""
    returns: str = ""

    def __str__(self) -> str:
        returns = f" returning {self.returns}" if self.returns else ""
        return f"({', '.join(self.inputs)}){returns}"


def accepts_calls_of(new: Routine, old: Routine) -> bool:
    """Whether every call of the old routine also works with the new routine, and returns the same type."""
    more = len(new.inputs) - len(old.inputs)
    same = new.inputs[: len(old.inputs)] == old.inputs
    return same and more >= 0 and new.optional >= more + old.optional and old.returns in {"", new.returns}


def key(sort: str, names: tuple[str, ...]) -> Key:
    """The key of an object from the parts of its name."""
    names = names[-2:]
    return sort, ".".join(names[1:] if names[:1] == ("public",) and len(names) > 1 else names)


def relation_key(node: Node, column: str = "") -> Key:
    """The key of a RangeVar, or of one of its columns."""
    names = tuple(filter(None, (node.get("schemaname"), node.get("relname"))))
    return (*key("relation", names), column) if column else key("relation", names)


def names_made(sql: str) -> frozenset[str]:
    """The names of the created objects in lower case, without schemas. Raises SqlSyntaxError."""
    keys = (each for tree in trees(sql) for each in objects_made(tree.kind, tree.node))
    return frozenset(name.rpartition(".")[2].lower() for _, name, *column in keys if not column)


def objects_made(kind: str, node: Node) -> Iterator[Key]:
    """The objects and columns that a statement creates or renames, under their new names."""
    if kind in _RELATIONS:
        path, sort = _RELATIONS[kind]
        at = relation_key(reduce(lambda each, part: each.get(part, {}), path, node))
        yield (sort, at[1])
    for place, sort in _NAMES.get(kind, ()):
        yield key(sort, parts_of(node.get(place, ())))
    if kind == "CreateSchemaStmt":
        yield key("schema", (node.get("schemaname", ""),))
    elif kind == "RenameStmt":
        yield from _renamed(node)
    for command in commands(kind, node):
        if command.get("subtype") == "AT_AddColumn":
            yield relation_key(node.get("relation", {}), command["def"]["ColumnDef"].get("colname", ""))


def columns_made(kind: str, node: Node) -> Iterator[tuple[Key, Node]]:
    """The columns that a statement creates, with their definitions."""
    found = [item.get("ColumnDef", {}) for item in node.get("tableElts", ())] if kind == "CreateStmt" else []
    found += [c["def"]["ColumnDef"] for c in commands(kind, node) if c.get("subtype") == "AT_AddColumn"]
    for column in found:
        yield relation_key(node.get("relation", {}), column.get("colname", "")), column


def given_by_itself(column: Node, *, nullable: bool = True) -> bool:
    """Whether an INSERT may omit the new column. Without `nullable`, the column must also get a value by itself."""
    kinds = {item.get("Constraint", {}).get("contype") for item in column.get("constraints", ())}
    names = parts_of(column.get("typeName", {}).get("names", ()))
    serial = bool(names) and names[-1].rstrip("248").endswith("serial")
    return serial or bool(kinds & _VALUES) or (nullable and not kinds & _REQUIRED)


def routine_of(node: Node) -> Routine:
    """The signature of a CREATE FUNCTION."""
    parameters = [item.get("FunctionParameter", {}) for item in node.get("parameters", ())]
    inputs = [each for each in parameters if each.get("mode", "FUNC_PARAM_DEFAULT") in _INPUT]
    returns = node.get("returnType", {})
    setof = "setof " if returns.get("setof") else ""
    rest = [str(type_in(each.get("argType", {}))) for each in parameters if each.get("mode") == "FUNC_PARAM_TABLE"]
    columns = f"({', '.join(rest)})" if rest else ""
    return Routine(
        tuple(str(type_in(each.get("argType", {}))) for each in inputs),
        sum("defexpr" in each for each in inputs),
        f"{setof}{type_in(returns)}{columns}" if returns else "",
    )


def inputs_of(call: Node) -> tuple[str, ...] | None:
    """The argument types of a function in DROP FUNCTION. None if the statement has no argument list."""
    if call.get("args_unspecified"):
        return None
    return tuple(str(type_in(item.get("TypeName", {}))) for item in call.get("objargs", ()))


def _renamed(node: Node) -> Iterator[Key]:
    kind, new = node.get("renameType", "").removeprefix("OBJECT_"), node.get("newname", "")
    table = node.get("relation", {})
    if kind in {"COLUMN", "ATTRIBUTE"}:
        yield relation_key(table, new)
    elif kind in SORTS:
        schema = (table["schemaname"],) if table.get("schemaname") else ()
        yield key(SORTS[kind], (*schema, new))


_RELATIONS = {
    "CreateStmt": (("relation",), "relation"),
    "CreateForeignTableStmt": (("base", "relation"), "relation"),
    "ViewStmt": (("view",), "relation"),
    "CreateTableAsStmt": (("into", "rel"), "relation"),
    "CreateSeqStmt": (("sequence",), "relation"),
    "CompositeTypeStmt": (("typevar",), "type"),
}
_NAMES = {
    "CreateEnumStmt": (("typeName", "type"),),
    "CreateRangeStmt": (("typeName", "type"),),
    "CreateDomainStmt": (("domainname", "type"),),
    "CreateFunctionStmt": (("funcname", "routine"),),
    "DefineStmt": (("defnames", "routine"), ("defnames", "type")),
}
