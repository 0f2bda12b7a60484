"""Reports a view in an exposed schema that reads auth.users."""

from __future__ import annotations

from ...sql.nodes import relation_name, switched_on
from ..api import AUTH, ROLES, reaches
from ..catalog import Table
from ..queries import relations_in
from ..rule import Case, Group, Hit, Hits, Rule, Severity, called


def check(case: Case) -> Hits:
    """Skips views with `security_invoker`, because API clients have no privileges on auth.users."""
    if case.node.get("objtype") not in {None, "OBJECT_MATVIEW"} or switched_on(
        case.node.get("options", ()), "security_invoker"
    ):
        return
    relation = case.node.get("view") or case.node.get("into", {}).get("rel", {})
    name = case.catalog.created(relation_name(relation))
    if reaches(case, name) and ("auth", "users") in relations_in(case.node.get("query", {}), case.catalog):
        yield Hit(f"`{called(Table(name))}` shows rows of auth.users to the clients of the API")


RULE = Rule(
    id="exposed-auth-users",
    group=Group.SECURITY,
    severity=Severity.ERROR,
    kinds=("ViewStmt", "CreateTableAsStmt"),
    why="A view in an exposed schema shows the e-mail addresses and metadata of all users to every client. The view "
    "reads auth.users as its owner, so the clients need no privileges on auth.users. Supabase's advisor reports this "
    "as 0002_auth_users_exposed.",
    instead="copy the columns that others may see into a table with row-level security, by a trigger on auth.users",
    check=check,
    given=ROLES + AUTH,
    bad="create view people as select id, email from auth.users;",
    good="create table people (id uuid primary key references auth.users, name text);\n"
    "alter table people enable row level security;\n"
    "create policy own on people to anon using ((select auth.uid()) = id);",
)
