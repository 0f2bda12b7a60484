"""Describes findings of allowance.py: an allowance that has expired."""

from ..rule import Group, Rule, Severity

RULE = Rule(
    id="expired-allowance",
    group=Group.TRANSACTION,
    severity=Severity.WARNING,
    kinds=("Allowance",),
    why="An allowance no longer suppresses its finding after its `until` date.",
    instead="resolve the finding, or set a later date",
    bad="-- ctgitops: allow drop-column (the application no longer uses it) until 2020-01-31\n"
    "alter table orders drop column note;",
    good="-- ctgitops: allow drop-column (the application no longer uses it) until 2999-12-31 by ana\n"
    "alter table orders drop column note;",
)
