"""Reports a new table without row-level security in an exposed schema."""

from __future__ import annotations

from ...sql.nodes import relation_name
from ..catalog import Table
from ..rule import Case, Group, Hit, Hits, Rule, Severity, called


def check(case: Case) -> Hits:
    """Applies only if the database uses row-level security, or if the policy has `exposed_schemas`."""
    relation = case.node.get("relation", {})
    name = case.catalog.full(relation_name(relation))
    if relation.get("relpersistence") == "t" or name in case.catalog.tables or "partbound" in case.node:
        return
    exposed = case.exposed_schemas or _schemas_with(case)
    if name[0] in exposed and name[1] not in case.transaction.altering("AT_EnableRowSecurity"):
        yield Hit(f"exposes all rows of `{called(Table(name))}` to every client with access to the schema `{name[0]}`")


def _schemas_with(case: Case) -> set[str]:
    used = {table.name[0] for table in case.catalog.tables.values() if table.row_security}
    return used & {"public"}


RULE = Rule(
    id="missing-row-security",
    group=Group.SECURITY,
    severity=Severity.WARNING,
    kinds=("CreateStmt",),
    why="A table in an exposed schema needs row-level security. If clients query a schema directly, as with Supabase "
    "or PostgREST, only row-level security restricts the rows that a user can read and write.",
    instead="add ALTER TABLE … ENABLE ROW LEVEL SECURITY to the same file, and policies for the allowed access",
    check=check,
    given="alter table orders enable row level security;",
    bad="create table letters (id bigint primary key, body text);",
    good="create table letters (id bigint primary key, body text);\nalter table letters enable row level security;\n"
    "create policy own on letters using (id = current_setting('app.letter')::bigint);",
)
