"""Reports policies without effect, and tables that lose row-level security."""

from __future__ import annotations

from ...sql.nodes import relation_name
from ..rule import Case, Group, Hit, Hits, Rule, Severity, called


def check(case: Case) -> Hits:
    """Reports CREATE POLICY on a table without row-level security, and DISABLE ROW LEVEL SECURITY."""
    if case.kind == "CreatePolicyStmt":
        table = case.catalog.table(relation_name(case.node.get("table", {})))
        if table and not table.row_security and table.name[1] not in case.transaction.altering("AT_EnableRowSecurity"):
            yield Hit(f"the policy has no effect, because row-level security of `{called(table)}` is not enabled")
        return
    table = case.catalog.table(relation_name(case.node.get("relation", {})))
    for part in case.parts("AT_DisableRowSecurity"):
        if table and (table.row_security or table.name[0] in case.api_schemas):
            yield Hit(f"exposes all rows of `{called(table)}` to every role with a privilege on the table", part=part)


RULE = Rule(
    id="disabled-row-security",
    group=Group.SECURITY,
    severity=Severity.WARNING,
    kinds=("CreatePolicyStmt", "AlterTableStmt"),
    why="PostgreSQL ignores the policies of a table while row-level security is not enabled for the table, and reports "
    "no error. Supabase's advisor reports this as 0007_policy_exists_rls_disabled.",
    instead="add ALTER TABLE … ENABLE ROW LEVEL SECURITY to the same file",
    check=check,
    bad="create policy own on orders using (customer_id = 1);",
    good="alter table orders enable row level security;\ncreate policy own on orders using (customer_id = 1);",
)
