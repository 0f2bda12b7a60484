"""Reports a policy that a file drops without creating another one for the same command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...sql.nodes import dropped_names, qualified, relation_name
from ..api import ROLES
from ..fold.access import policy_of
from ..rule import Case, Group, Hit, Hits, Rule, Severity, called

if TYPE_CHECKING:
    from ..catalog import RowPolicy, Table


def check(case: Case) -> Hits:
    """Applies only to databases with an API. `missing-policy` reports the last policy of a table."""
    for parts in dropped_names(case.node) if case.node.get("removeType") == "OBJECT_POLICY" else ():
        table = case.catalog.table(qualified(parts[:-1])) if parts[:-1] else None
        policy = table.policies.get(parts[-1]) if table else None
        if not (table and policy and table.row_security and case.api_schemas) or len(table.policies) == 1:
            continue
        if any(each.overlaps(policy) and each.permissive == policy.permissive for each in _created(case, table)):
            continue
        who = ", ".join(sorted(policy.roles))
        if policy.permissive:
            yield Hit(f"{who} can no longer access the rows of `{called(table)}` that only `{parts[-1]}` allowed")
        else:
            what = f"{who} can access the rows of `{called(table)}` that the restrictive policy `{parts[-1]}` hid"
            yield Hit(what, severity=Severity.WARNING)


def _created(case: Case, table: Table) -> Iterator[RowPolicy]:
    for node in case.transaction.of_kind("CreatePolicyStmt"):
        if relation_name(node.get("table", {}))[1] == table.name[1]:
            yield policy_of(node)


RULE = Rule(
    id="dropped-policy",
    group=Group.SECURITY,
    severity=Severity.NOTICE,
    kinds=("DropStmt",),
    why="Without the policy, other rows are visible: fewer rows and no error if the policy was permissive, and more "
    "rows if it was restrictive.",
    instead="create the policy's replacement in the same file",
    check=check,
    given=ROLES + "alter table orders enable row level security;\n"
    "create policy mine on orders for select using (customer_id = 1);\n"
    "create policy mine_too on orders for delete using (customer_id = 1);",
    bad="drop policy mine_too on orders;",
    good="drop policy mine_too on orders;\ncreate policy ours on orders for delete using (customer_id in (1, 2));",
)
