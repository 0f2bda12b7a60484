"""Describes findings of allowance.py: an allowance that is not valid."""

from ..rule import Group, Rule, Severity

RULE = Rule(
    id="bad-allowance",
    group=Group.TRANSACTION,
    severity=Severity.WARNING,
    kinds=("Allowance",),
    why="An allowance without a reason, or with an unknown rule, is ignored.",
    instead="write `-- ctgitops: allow RULE (reason)`, optionally followed by `until 2027-01-31` and `by OWNER`",
    bad="-- ctgitops: allow drop-colum (the application no longer uses it)\n"
    "create view small as select id from orders;",
    good="-- ctgitops: allow drop-column (the application no longer uses it) until 2999-12-31 by ana\n"
    "alter table orders drop column note;",
)
