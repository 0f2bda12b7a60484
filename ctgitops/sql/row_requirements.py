"""Finds what a DDL statement requires of existing rows, such as NOT NULL, and how to count the rows that violate it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..lazy import dataclass
from .deparse import expression, reaches_out, type_name
from .nodes import Node, commands, parts_of, quoted_name, relation


@dataclass(frozen=True)
class References:
    """The requirement that each row references a row of `parent`.

    `keys` are the referenced columns. If `keys` is empty, the row references the primary key.
    """

    parent: str
    columns: tuple[str, ...]
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Demand:
    """A requirement on the rows of a table. Names are quoted. One of the fields after `says` contains the check."""

    table: str
    says: str
    """The requirement as text, without the table's name, such as `"a" must not be NULL`."""
    columns: tuple[str, ...] = ()
    violating: str = ""
    """An SQL condition that is true for violating rows."""
    references: References | None = None
    converts: tuple[str, str] = ("", "")
    """A column and its new type. Every value must be convertible to the new type."""
    deferred: str = ""
    """The name of a NOT VALID constraint. Its later validation checks the requirement."""
    constraint: str = ""
    """The name of a constraint that VALIDATE CONSTRAINT checks, and whose condition only the database knows."""
    unseen: str = ""
    """Why the requirement cannot or must not be checked."""


def demands(kind: str, node: Node) -> Iterator[Demand]:
    """What a DDL statement requires of existing rows, such as NOT NULL."""
    if kind == "AlterTableStmt" and node.get("objtype") == "OBJECT_TABLE":
        table = relation(node.get("relation", {}))
        for command in commands(kind, node):
            yield from _JUDGES.get(command.get("subtype", ""), _nothing)(table, command)
    elif kind == "IndexStmt" and node.get("unique"):
        yield from _unique_index(node)
    elif kind == "AlterDomainStmt" and node.get("subtype") in {"C", "O"}:
        yield from _domain(node)


def writes_rows_of(kind: str, node: Node) -> Iterator[str]:
    """The tables whose rows a statement writes. `*` if the tables are unknown."""
    if kind in {"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "CopyStmt"}:
        yield relation(node.get("relation", {}))
    elif kind == "TruncateStmt":
        yield from (relation(item.get("RangeVar", {})) for item in node.get("relations", ()))
    elif kind in {"DoStmt", "CallStmt", "SelectStmt", "ExecuteStmt"}:
        yield "*"


def _nothing(_table: str, _command: Node) -> Iterator[Demand]:
    yield from ()


def _domain(node: Node) -> Iterator[Demand]:
    if not node.get("def", {}).get("Constraint", {}).get("skip_validation"):
        name = quoted_name(*parts_of(node.get("typeName", ())))
        what = f"every column of the domain {name} must satisfy its constraints"
        yield Demand("", what, unseen="any number of tables may use the domain")


def _definition(command: Node, kind: str) -> Node:
    definition: Node = command.get("def", {}).get(kind, {})
    return definition


def _not_null(table: str, command: Node) -> Iterator[Demand]:
    yield _null(table, command.get("name", ""))


def _null(table: str, column: str) -> Demand:
    name = quoted_name(column)
    return Demand(table, f"{name} must not be NULL", (name,), f"{name} is null")


def _add_column(table: str, command: Node) -> Iterator[Demand]:
    column = _definition(command, "ColumnDef")
    kinds = {item.get("Constraint", {}).get("contype") for item in column.get("constraints", ())}
    given = {"CONSTR_DEFAULT", "CONSTR_IDENTITY", "CONSTR_GENERATED"} & kinds
    serial = "".join(parts_of(column.get("typeName", {}).get("names", []))[-1:]).startswith(("serial", "bigserial"))
    if {"CONSTR_NOTNULL", "CONSTR_PRIMARY"} & kinds and not given and not serial:
        name = quoted_name(column.get("colname"))
        says = f"the table must be empty, because the new column {name} is NOT NULL and has no default"
        yield Demand(table, says, (), "true")


def _add_constraint(table: str, command: Node) -> Iterator[Demand]:
    constraint = _definition(command, "Constraint")
    if constraint.get("indexname"):
        return
    for demand in _CONSTRAINTS.get(constraint.get("contype", ""), _nothing)(table, constraint):
        if not constraint.get("skip_validation"):
            yield demand
        elif name := constraint.get("conname"):
            yield replace(demand, deferred=name)


def _check(table: str, constraint: Node) -> Iterator[Demand]:
    text = expression(constraint.get("raw_expr", {}))
    says = f"CHECK ({text or '…'}) must hold"
    if why := _unseen(constraint.get("raw_expr", {})):
        yield Demand(table, says, unseen=why)
    else:
        yield Demand(table, says, violating=f"({text}) is false")


def _unseen(node: Node) -> str:
    """Why an expression must not be evaluated in a real database. Empty if the evaluation is safe."""
    if why := reaches_out(node) or ("" if expression(node) else "the expression is nested too deeply"):
        return f"{why}, and unreviewed code never runs on a real database"
    return ""


def _foreign_key(table: str, constraint: Node) -> Iterator[Demand]:
    parent, columns = relation(constraint.get("pktable", {})), _listed(constraint, "fk_attrs")
    says = f"{', '.join(columns)} must reference an existing row of {parent}"
    yield Demand(table, says, columns, references=References(parent, columns, _listed(constraint, "pk_attrs")))


def _unique(table: str, constraint: Node) -> Iterator[Demand]:
    yield _duplicates(table, _listed(constraint, "keys"), distinct_nulls=not constraint.get("nulls_not_distinct"))


def _not_null_columns(table: str, constraint: Node) -> Iterator[Demand]:
    yield from (_null(table, name) for name in parts_of(constraint.get("keys", ())))


def _primary_key(table: str, constraint: Node) -> Iterator[Demand]:
    yield from _not_null_columns(table, constraint)
    yield from _unique(table, constraint)


def _exclusion(table: str, _: Node) -> Iterator[Demand]:
    yield Demand(table, "no two rows may conflict", unseen="only the exclusion constraint itself checks that")


def _unique_index(node: Node) -> Iterator[Demand]:
    table = relation(node.get("relation", {}))
    elements = [item.get("IndexElem", {}) for item in node.get("indexParams", ())]
    condition = node.get("whereClause")
    parts = [element["expr"] for element in elements if "expr" in element] + ([condition] if condition else [])
    if why := next(filter(None, map(_unseen, parts)), ""):
        yield Demand(table, "no two rows may have the same key", unseen=why)
        return
    columns = tuple(quoted_name(e["name"]) if "name" in e else f"({expression(e.get('expr', {}))})" for e in elements)
    only = expression(condition) if condition else ""
    yield _duplicates(table, columns, only, distinct_nulls=not node.get("nulls_not_distinct"))


def _duplicates(table: str, columns: tuple[str, ...], only: str = "", *, distinct_nulls: bool) -> Demand:
    listed = ", ".join(columns)
    key = f"({listed})" if distinct_nulls else f"row({listed})::text"
    chosen = listed if distinct_nulls else key
    where = f" where {only}" if only else ""
    inner = f"select {chosen} from {table}{where} group by {chosen} having count(*) > 1"  # noqa: S608 - see quoted_name
    condition = f"{f'({only}) and ' if only else ''}{key} in ({inner})"
    named = tuple(column for column in columns if column.startswith('"'))
    return Demand(table, f"no two rows may have the same {', '.join(columns)}", named, condition)


def _type(table: str, command: Node) -> Iterator[Demand]:
    change, column = _definition(command, "ColumnDef"), quoted_name(command.get("name"))
    new = type_name(change.get("typeName", {}))
    says = f"{column} must be a valid {new}"
    using = change.get("raw_default")
    if using and not _casts(using, command.get("name", "")):
        yield Demand(table, says, (column,), unseen="the results of its USING expression are not checked")
    elif longest := _longest(change.get("typeName", {})):
        # Not a cast: an explicit cast truncates the value, but ALTER TABLE truncates only spaces
        tail = f"rtrim(substr({column}::text, {longest + 1}), ' ') <> ''"
        yield Demand(table, says, (column,), tail)
    else:
        yield Demand(table, says, (column,), converts=(column, new))


def _casts(using: Node, column: str) -> bool:
    """Whether the USING expression is the column itself, with or without a cast. Only the type then matters."""
    inner = using.get("TypeCast", {}).get("arg", using)
    fields = inner.get("ColumnRef", {}).get("fields", [])
    return [field.get("String", {}).get("sval") for field in fields] == [column]


def _longest(node: Node) -> int:
    """The maximum number of characters of a type. 0 if the type has no such limit."""
    name = node.get("names", [{}])[-1].get("String", {}).get("sval")
    sizes = node.get("typmods", [])
    if name not in {"varchar", "bpchar"} or len(sizes) != 1 or node.get("arrayBounds"):
        return 0
    return int(sizes[0].get("A_Const", {}).get("ival", {}).get("ival", 0))


def _validate(table: str, command: Node) -> Iterator[Demand]:
    name = quoted_name(command.get("name"))
    yield Demand(table, f"constraint {name} must hold", constraint=command.get("name", ""))


def _attach(table: str, command: Node) -> Iterator[Demand]:
    name = relation(_definition(command, "PartitionCmd").get("name", {}))
    says = f"every row must belong to that partition of {table}"
    yield Demand(name, says, unseen="only ATTACH PARTITION checks that")


def _listed(node: Node, key: str) -> tuple[str, ...]:
    return tuple(map(quoted_name, parts_of(node.get(key, ()))))


_JUDGES = {
    "AT_SetNotNull": _not_null,
    "AT_AddColumn": _add_column,
    "AT_AddConstraint": _add_constraint,
    "AT_AlterColumnType": _type,
    "AT_ValidateConstraint": _validate,
    "AT_AttachPartition": _attach,
}
_CONSTRAINTS = {
    "CONSTR_CHECK": _check,
    "CONSTR_FOREIGN": _foreign_key,
    "CONSTR_UNIQUE": _unique,
    "CONSTR_PRIMARY": _primary_key,
    "CONSTR_NOTNULL": _not_null_columns,
    "CONSTR_EXCLUSION": _exclusion,
}
