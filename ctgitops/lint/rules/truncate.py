"""Reports TRUNCATE."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called


def check(case: Case) -> Iterator[Hit]:
    """Reports tables in use."""
    for item in case.node.get("relations", ()):
        table = case.in_use(item.get("RangeVar", {}))
        if table and case.has_rows(table):
            more = ", and of every table that refers to it" if case.node.get("behavior") == "DROP_CASCADE" else ""
            yield Hit(f"all rows of {called(table)} are gone{more}, and nobody reads or writes until this is committed")


RULE = Rule(
    id="truncate",
    group=Group.DESTRUCTIVE,
    severity=Severity.ERROR,
    kinds=("TruncateStmt",),
    why="TRUNCATE removes all rows. It gives the table and its indexes new files under an ACCESS EXCLUSIVE lock, "
    "and no rollback brings the rows back.",
    instead="DELETE in batches, if the rows really have to go; a backup taken before it is the only way back",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    bad="truncate orders;",
    good="-- ctgitops: batch size=1000\nwith batch as (select id from orders where amount < 0 limit $1 for update "
    "skip locked)\ndelete from orders using batch where orders.id = batch.id;",
)
