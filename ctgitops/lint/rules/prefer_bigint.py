"""Reports a primary key of type integer or smallint, and recommends bigint."""

from ..rule import Group, Rule, Severity, columns

RULE = Rule(
    id="prefer-bigint",
    group=Group.STYLE,
    severity=Severity.OFF,
    kinds=("CreateStmt", "AlterTableStmt"),
    why="Inserts fail when an integer primary key runs out of values, and widening the column rewrites the whole "
    "table.",
    instead="use bigint",
    check=columns(
        lambda column: column.type.name in {"int2", "int4"} and any(column.of("CONSTR_PRIMARY")),
        "runs out of values, at the latest after 2,147,483,647",
    ),
    bad="create table notes (id integer primary key);",
    good="create table notes (id bigint primary key);",
)
