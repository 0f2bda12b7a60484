"""Reports timestamp without time zone, and recommends timestamptz."""

from ..rule import Group, Rule, Severity, columns

RULE = Rule(
    id="prefer-timestamptz",
    group=Group.STYLE,
    severity=Severity.OFF,
    kinds=("CreateStmt", "AlterTableStmt"),
    why="The meaning of a timestamp without time zone depends on the session's TimeZone.",
    instead="use timestamptz",
    check=columns(lambda column: column.type.name == "timestamp", "has no time zone"),
    bad="create table notes (at timestamp);",
    good="create table notes (at timestamptz);",
)
