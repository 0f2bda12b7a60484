"""Reports varchar(n) and char(n), and recommends text with a CHECK constraint."""

from ..rule import Group, Rule, Severity, columns

RULE = Rule(
    id="prefer-text",
    group=Group.STYLE,
    severity=Severity.OFF,
    kinds=("CreateStmt", "AlterTableStmt"),
    why="Reducing the length of a varchar(n) column rewrites the whole table; a CHECK constraint can change without a "
    "rewrite.",
    instead="use text, with a CHECK constraint if the length matters",
    check=columns(
        lambda column: column.type.name in {"varchar", "bpchar"} and bool(column.type.mods),
        "has a length limit in its type",
    ),
    bad="create table notes (body varchar(200));",
    good="create table notes (body text);",
)
