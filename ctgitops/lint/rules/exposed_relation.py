"""Reports a materialized view or foreign table in an exposed schema."""

from __future__ import annotations

from ...sql.nodes import relation_name
from ..api import ROLES, reaches
from ..catalog import Table
from ..rule import Case, Group, Hit, Hits, Rule, Severity, called


def check(case: Case) -> Hits:
    """Skips relations on which the file revokes the privileges of API clients."""
    if case.kind == "CreateTableAsStmt":
        matview = case.node.get("objtype") == "OBJECT_MATVIEW"
        kind, relation = ("materialized view", case.node.get("into", {}).get("rel", {})) if matview else ("", {})
    else:
        kind, relation = "foreign table", case.node.get("base", {}).get("relation", {})
    name = case.catalog.created(relation_name(relation))
    if kind and reaches(case, name):
        yield Hit(f"shows all rows of the {kind} `{called(Table(name))}` to the clients of the API")


RULE = Rule(
    id="exposed-relation",
    group=Group.SECURITY,
    severity=Severity.WARNING,
    kinds=("CreateTableAsStmt", "CreateForeignTableStmt"),
    why="A materialized view or a foreign table cannot have row-level security, so every client that may read it reads "
    "all rows. Supabase's advisor reports these as 0016_materialized_view_in_api and 0017_foreign_table_in_api.",
    instead="create it in a schema that the API does not expose, or REVOKE ALL from anon and authenticated in the same "
    "file",
    check=check,
    given=ROLES + "create schema private;",
    bad="create materialized view totals as select sum(amount) from orders;",
    good="create materialized view private.totals as select sum(amount) from orders;",
)
