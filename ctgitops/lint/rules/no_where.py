"""Reports UPDATE, DELETE or MERGE of every row. The WHERE is missing, or is `WHERE true` or `1 = 1`."""

from __future__ import annotations

from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called
from ..writes import KINDS, writes


def check(case: Case) -> Hits:
    """Reports tables in use. Includes statements in a WITH clause."""
    for write in writes(case):
        if write.whole:
            yield Hit(f"{write.verb} every row of `{called(write.table)}` in one transaction", write.in_batches)


RULE = Rule(
    id="no-where",
    group=Group.DATA,
    severity=Severity.WARNING,
    kinds=KINDS,
    why="UPDATE or DELETE without WHERE, or with a condition that is true for every row, affects the whole table in "
    "one transaction. All rows stay locked until COMMIT, and an UPDATE can double the size of the table.",
    instead="add a WHERE clause; for many rows, use batches: `-- ctgitops: batch size=5000`",
    check=check,
    lock=LockMode.ROW_EXCLUSIVE,
    bad="update orders set note = '';",
    good="update orders set note = '' where id = 1;",
)
