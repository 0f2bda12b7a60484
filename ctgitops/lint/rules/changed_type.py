"""Reports a change of a column to an incompatible type."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ..added_columns import target
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called
from ..types import UNKNOWN, Type, type_of

_SAME = ({"text", "varchar", "bpchar", "citext"}, {"int2", "int4", "int8"}, {"float4", "float8"}, {"json", "jsonb"})


def check(case: Case) -> Iterator[Hit]:
    """Reports a new type that code for the old type may not be able to read or write."""
    table = case.altered
    for command in case.parts("AT_AlterColumnType"):
        column = table.columns.get(command.get("name", "")) if table else None
        new = case.catalog.base(type_of(target(command).get("typeName", {})))
        old = case.catalog.base(column.type) if column else UNKNOWN
        if table and old != UNKNOWN and not _alike(old, new):
            name = f"{called(table)}.{command.get('name', '')}"
            yield Hit(f"{name} was {old} and becomes {new}, which old code may not read", part=command)


def _alike(old: Type, new: Type) -> bool:
    together = any({old.name, new.name} <= names for names in _SAME)
    return old.array == new.array and (old.name == new.name or together)


RULE = Rule(
    id="changed-type",
    group=Group.COMPATIBILITY,
    severity=Severity.WARNING,
    kinds=("AlterTableStmt",),
    why="Code of the old release and of the new one run at the same time for a while, and both read and write the "
    "column.",
    instead="add a column of the new type, write to both, and read the new one once it is filled",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    given="create table watched (relation regclass);",
    bad="alter table watched alter column relation type oid;",
    good="alter table watched add column relation_id oid;",
)
