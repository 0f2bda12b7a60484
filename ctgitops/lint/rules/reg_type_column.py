"""Reports a column of a type that pg_upgrade does not support."""

from __future__ import annotations

from ..rule import Group, Rule, Severity, columns

_UNSUPPORTED = {
    "regcollation", "regconfig", "regdictionary", "regnamespace", "regoper", "regoperator", "regproc", "regprocedure",
}  # fmt: skip
"""Types whose values are OIDs that pg_upgrade does not preserve."""

RULE = Rule(
    id="reg-type-column",
    group=Group.DATA,
    severity=Severity.WARNING,
    kinds=("CreateStmt", "AlterTableStmt"),
    why="pg_upgrade does not support columns of this type, so the database cannot be upgraded to the next major "
    "version. The stored OIDs have another meaning in a new cluster. Supabase's advisor reports this as "
    "0018_unsupported_reg_types.",
    instead="store the name as text, or use regclass, regrole or regtype, which pg_upgrade supports",
    check=columns(lambda column: column.type.name in _UNSUPPORTED, "has a type that pg_upgrade does not support"),
    bad="create table jobs (id bigint primary key, handler regprocedure);",
    good="create table jobs (id bigint primary key, handler text);",
)
