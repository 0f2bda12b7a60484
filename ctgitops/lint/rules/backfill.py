"""Reports an UPDATE, DELETE or MERGE that can change many rows in one statement."""

from __future__ import annotations

from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called
from ..writes import KINDS, writes


def check(case: Case) -> Hits:
    """Reports a condition that does not compare a column with constants by `=` or IN, and may match many rows."""
    for write in writes(case) if not case.transaction.batched else ():
        if not write.whole and not write.few:
            rows = f"all matching rows of `{called(write.table)}`"
            what = f"{write.verb} {rows} in one transaction and keeps them locked until COMMIT"
            yield Hit(what, write.in_batches)


RULE = Rule(
    id="backfill",
    group=Group.DATA,
    severity=Severity.WARNING,
    kinds=KINDS,
    why="A change of many rows in one statement keeps every changed row locked until COMMIT. Meanwhile VACUUM cannot "
    "remove dead rows from any table of the database, and an interruption rolls back all of the work.",
    instead="change the rows in batches: `-- ctgitops: batch size=5000`",
    check=check,
    lock=LockMode.ROW_EXCLUSIVE,
    bad="update orders set note = '' where note is null;",
    good="-- ctgitops: batch size=5000\nwith batch as (select id from orders where note is null limit $1 for update "
    "skip locked)\nupdate orders set note = '' from batch where orders.id = batch.id;",
)
