"""Reports a new table without row-level security in an exposed schema."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ..catalog import Table
from ..nodes import relation_name
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called


def check(case: Case) -> Iterator[Hit]:
    """Applies only if the database uses row-level security, or the policy names `exposed_schemas`."""
    relation = case.node.get("relation", {})
    name = case.catalog.full(relation_name(relation))
    if relation.get("relpersistence") == "t" or name in case.catalog.tables or "partbound" in case.node:
        return
    exposed = case.settings.exposed_schemas or _schemas_with(case)
    if name[0] in exposed and name[1] not in case.transaction.row_security:
        yield Hit(f"whoever can reach the schema {name[0]} can read and write all of {called(Table(name))}")


def _schemas_with(case: Case) -> set[str]:
    used = {table.name[0] for table in case.catalog.tables.values() if table.row_security}
    return used & {"public"}


RULE = Rule(
    id="missing-row-security",
    group=Group.SECURITY,
    severity=Severity.WARNING,
    kinds=("CreateStmt",),
    why="Where clients reach a schema directly, as through Supabase or PostgREST, only row-level security keeps one "
    "person's rows from another.",
    instead="ALTER TABLE … ENABLE ROW LEVEL SECURITY in the same file, and a policy that lets in who may",
    check=check,
    given="alter table orders enable row level security;",
    bad="create table letters (id bigint primary key, body text);",
    good="create table letters (id bigint primary key, body text);\nalter table letters enable row level security;",
)
