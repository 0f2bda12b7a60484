"""Reports REFRESH MATERIALIZED VIEW without CONCURRENTLY."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called


def check(case: Case) -> Iterator[Hit]:
    """Skips a view that the same plan created, which is not in use yet."""
    view = case.in_use(case.node.get("relation", {}))
    if view and not case.node.get("concurrent"):
        yield Hit(f"reads of {called(view)} wait until it is worked out anew")


RULE = Rule(
    id="blocking-refresh",
    group=Group.LOCKS,
    severity=Severity.WARNING,
    kinds=("RefreshMatViewStmt",),
    why="REFRESH MATERIALIZED VIEW holds an ACCESS EXCLUSIVE lock on the view while its query runs: reads wait.",
    instead="REFRESH MATERIALIZED VIEW CONCURRENTLY; it needs a unique index on the view",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    given="create materialized view totals as select customer_id, sum(amount) as total from orders group by 1;\n"
    "create unique index totals_customer on totals (customer_id);",
    bad="refresh materialized view totals;",
    good="refresh materialized view concurrently totals;",
)
