"""Describes findings of allowance.py: an allowance that suppresses no finding."""

from ..rule import Group, Rule, Severity

RULE = Rule(
    id="unused-allowance",
    group=Group.TRANSACTION,
    severity=Severity.WARNING,
    kinds=("Allowance",),
    why="An unused allowance can hide a later finding.",
    instead="remove the allowance",
    bad="-- ctgitops: allow drop-table (the application no longer uses it)\n"
    "create view small as select id from orders;",
    good="-- ctgitops: allow drop-column (the application no longer uses it) until 2999-12-31 by ana\n"
    "alter table orders drop column note;",
)
