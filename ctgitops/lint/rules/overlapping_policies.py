"""Reports a second permissive policy for the same table, command and role."""

from __future__ import annotations

from ...sql.nodes import dropped_names, qualified, relation_name
from ..api import ROLES
from ..fold.access import policy_of
from ..rule import Case, Group, Hit, Hits, Rule, Severity, called


def check(case: Case) -> Hits:
    """Applies only to databases with an API. Skips policies that the file drops."""
    table = case.catalog.table(relation_name(case.node.get("table", {})))
    new = policy_of(case.node)
    if table is None or not new.permissive or not case.api_schemas:
        return
    dropped = set(_dropped(case, table.name[1]))
    others = [
        f"`{name}`"
        for name, each in sorted(table.policies.items())
        if each.permissive and each.overlaps(new) and name not in dropped
    ]
    if others:
        what = "policy" if len(others) == 1 else "policies"
        yield Hit(
            f"`{called(table)}` gets another permissive policy `{case.node.get('policy_name', '')}` beside the {what} "
            f"{', '.join(others)}: each of them is enough to access a row"
        )


def _dropped(case: Case, table: str) -> list[str]:
    drops = (each for each in case.transaction.of_kind("DropStmt") if each.get("removeType") == "OBJECT_POLICY")
    names = (parts for each in drops for parts in dropped_names(each))
    return [parts[-1] for parts in names if qualified(parts[:-1])[1] == table]


RULE = Rule(
    id="overlapping-policies",
    group=Group.SECURITY,
    severity=Severity.NOTICE,
    kinds=("CreatePolicyStmt",),
    why="PostgreSQL combines permissive policies with OR. So a further policy widens the access, and a query evaluates "
    "every policy. Supabase's advisor reports this as 0006_multiple_permissive_policies.",
    instead="write one policy with both conditions, or make one of them AS RESTRICTIVE if rows must satisfy both",
    check=check,
    given=ROLES
    + "alter table orders enable row level security;\ncreate policy large on orders for select using (amount > 10);",
    bad="create policy mine on orders for select using (customer_id = 1);",
    good="drop policy large on orders;\n"
    "create policy mine on orders for select using (customer_id = 1 or amount > 10);",
)
