"""Reports REFRESH MATERIALIZED VIEW without CONCURRENTLY."""

from __future__ import annotations

from ..fixes import concurrently
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called


def check(case: Case) -> Hits:
    """Skips a view that the same plan created, because it is not in use yet."""
    view = case.in_use(case.node.get("relation", {}))
    if view and not case.node.get("concurrent"):
        yield Hit(f"blocks reads of `{called(view)}` while it is refreshed")


RULE = Rule(
    id="blocking-refresh",
    group=Group.LOCKS,
    severity=Severity.WARNING,
    kinds=("RefreshMatViewStmt",),
    why="REFRESH MATERIALIZED VIEW without CONCURRENTLY holds an ACCESS EXCLUSIVE lock on the view while its query "
    "runs, which blocks reads.",
    instead="use REFRESH MATERIALIZED VIEW CONCURRENTLY, which requires a unique index on the view",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    fix=concurrently("VIEW"),
    given="create materialized view totals as select customer_id, sum(amount) as total from orders group by 1;\n"
    "create unique index totals_customer on totals (customer_id);",
    bad="refresh materialized view totals;",
    good="refresh materialized view concurrently totals;",
)
