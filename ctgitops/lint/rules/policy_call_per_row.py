"""Reports a policy that calls auth.uid() or a similar function for every row."""

from __future__ import annotations

from collections.abc import Iterator

from ...sql.nodes import Node, relation_name
from ..api import AUTH, identity_call
from ..rule import Case, Group, Hit, Hits, Rule, Severity


def check(case: Case) -> Hits:
    """Accepts a call that is the result of a subquery without FROM. Reports `current_setting` only behind an API."""
    calls = (call for part in ("qual", "with_check") for call in _per_row(case.node.get(part, {})))
    found = [call for call in dict.fromkeys(calls) if case.api_schemas or call != "current_setting()"]
    if found:
        table = relation_name(case.node.get("table", {}))[1]
        name = case.node.get("policy_name", "")
        yield Hit(f"the policy `{name}` of `{table}` evaluates {', '.join(found)} for every row")


def _per_row(node: Node) -> Iterator[str]:
    """The calls outside of subqueries without FROM. Not recursive, because an expression may be very deep."""
    left: list[tuple[str, object]] = [("", node)]
    while left:
        kind, each = left.pop()
        if isinstance(each, list):
            left += [("", item) for item in each]
        elif isinstance(each, dict) and not (kind == "SubLink" and _constant(each)):
            if call := identity_call(kind, each):
                yield call
            left += each.items()


def _constant(link: Node) -> bool:
    return not link.get("subselect", {}).get("SelectStmt", {}).get("fromClause")


RULE = Rule(
    id="policy-call-per-row",
    group=Group.DATA,
    severity=Severity.WARNING,
    kinds=("CreatePolicyStmt", "AlterPolicyStmt"),
    why="A policy's condition is part of every query on the table. PostgreSQL calls a STABLE function in it once for "
    "each row, but evaluates a subquery that refers to no column only once for the query. Supabase's advisor reports "
    "this as 0003_auth_rls_initplan.",
    instead="write the call as a subquery: `(select auth.uid())`",
    check=check,
    given=AUTH + "alter table orders enable row level security;\nalter table orders add owner_id uuid;",
    bad="create policy own on orders using (auth.uid() = owner_id);",
    good="create policy own on orders using ((select auth.uid()) = owner_id);",
)
