"""Reports a foreign key to a column of the schema auth other than the primary key."""

from __future__ import annotations

from ...sql.nodes import parts_of, walk
from ..api import AUTH
from ..rule import Case, Group, Hit, Hits, Rule, Severity


def check(case: Case) -> Hits:
    """Every table in Supabase's schema `auth` that others may reference has the primary key `id`."""
    for kind, node in walk({case.kind: case.node}):
        referenced = node.get("pktable", {}) if kind == "Constraint" else {}
        columns = parts_of(node.get("pk_attrs", ())) if referenced.get("schemaname") == "auth" else ()
        if columns and columns != ("id",):
            yield Hit(f"references auth.{referenced.get('relname', '')} ({', '.join(columns)})")


RULE = Rule(
    id="foreign-key-to-auth",
    group=Group.SECURITY,
    severity=Severity.WARNING,
    kinds=("CreateStmt", "AlterTableStmt"),
    why="Supabase Auth upgrades its own tables, and removes unique constraints of the schema auth. A foreign key to "
    "such a constraint makes the upgrade fail. Supabase's advisor reports this as 0021_fkey_to_auth_unique.",
    instead="reference the primary key: auth.users (id)",
    check=check,
    given=AUTH,
    bad="create table people (email text primary key references auth.users (email));",
    good="create table people (id uuid primary key references auth.users (id));",
)
