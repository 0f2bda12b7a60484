"""Reports a new table without row-level security in an exposed schema."""

from __future__ import annotations

from ...sql.nodes import Name, Node, relation_name
from ..catalog import Table
from ..rule import Case, Group, Hit, Hits, Rule, Severity, called


def check(case: Case) -> Hits:
    """Applies only if the database has an API or uses row-level security, or the policy has `exposed_schemas`."""
    name = _moved(case) if case.kind == "AlterObjectSchemaStmt" else _created(case)
    exposed = case.api_schemas or _schemas_with(case)
    if name and name[0] in exposed and name[1] not in case.transaction.altering("AT_EnableRowSecurity"):
        yield Hit(f"exposes all rows of `{called(Table(name))}` to every client with access to the schema `{name[0]}`")


def _created(case: Case) -> Name | None:
    """The new table of CREATE TABLE, CREATE TABLE … AS or SELECT … INTO. None for a temporary one or a partition."""
    into: Node = case.node.get("intoClause") or case.node.get("into", {})
    relation = case.node.get("relation") if case.kind == "CreateStmt" else into.get("rel")
    if not relation or case.node.get("objtype") == "OBJECT_MATVIEW" or "partbound" in case.node:
        return None
    name = case.catalog.full(relation_name(relation))
    return None if relation.get("relpersistence") == "t" or name in case.catalog.tables else name


def _moved(case: Case) -> Name | None:
    """The new name of a table that SET SCHEMA moves. None if it has row-level security, or is not a table."""
    table = case.catalog.table(relation_name(case.node.get("relation", {})))
    plain = table and table.kind in {"table", "partitioned"} and not table.row_security
    return (case.node.get("newschema", ""), table.name[1]) if table and plain else None


def _schemas_with(case: Case) -> set[str]:
    used = {table.name[0] for table in case.catalog.tables.values() if table.row_security}
    return used & {"public"}


RULE = Rule(
    id="missing-row-security",
    group=Group.SECURITY,
    severity=Severity.WARNING,
    kinds=("CreateStmt", "CreateTableAsStmt", "SelectStmt", "AlterObjectSchemaStmt"),
    why="A table in an exposed schema needs row-level security. If clients query a schema directly, as with Supabase "
    "or PostgREST, only row-level security restricts the rows that a user can read and write.",
    instead="add ALTER TABLE … ENABLE ROW LEVEL SECURITY to the same file, and policies for the allowed access",
    check=check,
    given="alter table orders enable row level security;",
    bad="create table letters (id bigint primary key, body text);",
    good="create table letters (id bigint primary key, body text);\nalter table letters enable row level security;\n"
    "create policy own on letters using (id = current_setting('app.letter')::bigint);",
)
