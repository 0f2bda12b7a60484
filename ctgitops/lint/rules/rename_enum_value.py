"""Reports a renamed value of an enum type."""

from __future__ import annotations

from ...sql.nodes import name_of, written
from ..rule import Case, Group, Hit, Hits, Rule, Severity


def check(case: Case) -> Hits:
    """Skips a type that the same file creates. On PostgreSQL 14 to 18, the statement locks no table."""
    name = name_of(case.node.get("typeName", []))
    made = {name_of(node.get("typeName", []))[1] for node in case.transaction.of_kind("CreateEnumStmt")}
    if "oldVal" in case.node and name[1] not in made:
        yield Hit(
            f"breaks running code that writes, compares or reads the value `{case.node['oldVal']}` of `{written(name)}`"
        )


RULE = Rule(
    id="rename-enum-value",
    group=Group.COMPATIBILITY,
    severity=Severity.WARNING,
    kinds=("AlterEnumStmt",),
    why="Renaming an enum value changes it in every row at once. Running code that sends the old value gets an error, "
    "and code that reads a row gets an unknown value. Bodies of functions still contain the old value.",
    instead="add the new value with ALTER TYPE … ADD VALUE, change code to accept both values, update the rows in "
    "batches, and stop using the old value",
    check=check,
    given="create type mood as enum ('sad', 'fine');",
    bad="alter type mood rename value 'fine' to 'happy';",
    good="alter type mood add value 'happy';",
)
