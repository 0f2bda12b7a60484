"""Reports a change of a column to an incompatible type."""

from __future__ import annotations

from ..added_columns import target
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called
from ..types import UNKNOWN, Type, type_of

_SAME = ({"text", "varchar", "bpchar", "citext"}, {"int2", "int4", "int8"}, {"float4", "float8"}, {"json", "jsonb"})


def check(case: Case) -> Hits:
    """Reports a new type if code for the old type may fail to read or write its values."""
    table = case.altered
    for command in case.parts("AT_AlterColumnType"):
        column = table.columns.get(command.get("name", "")) if table else None
        new = case.catalog.base(type_of(target(command).get("typeName", {})))
        old = case.catalog.base(column.type) if column else UNKNOWN
        if table and old != UNKNOWN and not _alike(old, new):
            name = f"{called(table)}.{command.get('name', '')}"
            yield Hit(f"changes `{name}` from {old} to {new}, which running code may not be able to read", part=command)


def _alike(old: Type, new: Type) -> bool:
    together = any({old.name, new.name} <= names for names in _SAME)
    return old.array == new.array and (old.name == new.name or together)


RULE = Rule(
    id="changed-type",
    group=Group.COMPATIBILITY,
    severity=Severity.WARNING,
    kinds=("AlterTableStmt",),
    why="Changing a column's type can break running code. During a deployment the old and the new release run at the "
    "same time, and both read and write the column.",
    instead="add a column of the new type, write to both columns, backfill the new column, then read from it",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    given="create table watched (relation regclass);",
    bad="alter table watched alter column relation type oid;",
    good="alter table watched add column relation_id oid;",
)
