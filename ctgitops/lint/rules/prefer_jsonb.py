"""Reports json, and recommends jsonb."""

from ..rule import Group, Rule, Severity, columns

RULE = Rule(
    id="prefer-jsonb",
    group=Group.STYLE,
    severity=Severity.OFF,
    kinds=("CreateStmt", "AlterTableStmt"),
    why="jsonb values can be compared and indexed; json values cannot.",
    instead="use jsonb",
    check=columns(
        lambda column: column.type.name == "json",
        "is json, which has no equality operator: DISTINCT, GROUP BY and UNION fail",
    ),
    bad="create table notes (body json);",
    good="create table notes (body jsonb);",
)
