"""Reports row-level security without a policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...sql.nodes import dropped_names, qualified, relation_name
from ..dynamic_sql import UNKNOWN
from ..rule import Case, Group, Hit, Hits, Rule, Severity, called

if TYPE_CHECKING:
    from ..catalog import Table


def check(case: Case) -> Hits:
    """Reports DROP POLICY for the last policy, and ENABLE ROW LEVEL SECURITY if there is no policy.

    Searches the schema and the file for policies.
    """
    created = {relation_name(node.get("table", {}))[1] for node in case.transaction.of_kind("CreatePolicyStmt")}
    for table in _secured(case) if UNKNOWN not in "".join(created) else ():
        if table.name[1] not in created:
            yield Hit(
                f"leaves `{called(table)}` without a policy: only its owner and roles with BYPASSRLS see or write rows"
            )


def _secured(case: Case) -> Iterator[Table]:
    """The tables that have row-level security and no policy after the statement."""
    if case.kind == "AlterTableStmt":
        table = case.catalog.table(relation_name(case.node.get("relation", {})))
        if table and not table.policies and any(case.parts("AT_EnableRowSecurity")):
            yield table
    for parts in dropped_names(case.node) if case.node.get("removeType") == "OBJECT_POLICY" else ():
        table = case.catalog.table(qualified(parts[:-1]))
        off = case.transaction.altering("AT_DisableRowSecurity")
        if table and table.row_security and set(table.policies) == {parts[-1]} and table.name[1] not in off:
            yield table


RULE = Rule(
    id="missing-policy",
    group=Group.SECURITY,
    severity=Severity.WARNING,
    kinds=("AlterTableStmt", "DropStmt"),
    why="Row-level security without a policy denies everything: for all roles but the owner, "
    "queries return no rows and no error, and INSERT fails.",
    instead="in the same file, add CREATE POLICY for each allowed access; if no access is intended, add an allowance",
    check=check,
    bad="alter table orders enable row level security;",
    good="alter table orders enable row level security;\n"
    "create policy of_customer on orders using (customer_id = current_setting('app.customer')::bigint);",
)
