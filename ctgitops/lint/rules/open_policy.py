"""Reports a policy whose condition is true for every row."""

from __future__ import annotations

from ...sql.nodes import Node, relation_name, role_names
from ...sql.tautology import always_true
from ..rule import Case, Group, Hit, Hits, Rule, Severity, called

_BYPASS = {"service_role", "postgres", "supabase_admin"}
"""Roles to which policies do not apply: superusers, and roles with BYPASSRLS."""
_ANYONE = {"PUBLIC", "anon", "anonymous", "web_anon"}


def check(case: Case) -> Hits:
    """Reports writes for all roles, but reads only for PUBLIC and anonymous users. Skips restrictive policies."""
    node = case.node
    restrictive = case.kind == "CreatePolicyStmt" and not node.get("permissive")
    roles = role_names(node.get("roles", ()))
    if restrictive or (roles and roles <= _BYPASS):
        return
    table = case.catalog.table(relation_name(node.get("table", {})))
    name = f"`{called(table)}`" if table else f"`{relation_name(node.get('table', {}))[1]}`"
    if always_true(node.get("qual"), table) and (node.get("cmd_name") != "select" or roles & _ANYONE):
        yield Hit(f"lets {_who(roles)} {_what(node)} every row of {name}")
    elif always_true(node.get("with_check"), table):
        yield Hit(f"lets {_who(roles)} write any row to {name}")


def _who(roles: frozenset[str]) -> str:
    return "every role with a privilege on the table" if "PUBLIC" in roles or not roles else ", ".join(sorted(roles))


def _what(node: Node) -> str:
    return {"select": "read", "update": "update", "delete": "delete"}.get(node.get("cmd_name", ""), "read and write")


RULE = Rule(
    id="open-policy",
    group=Group.SECURITY,
    severity=Severity.WARNING,
    kinds=("CreatePolicyStmt", "AlterPolicyStmt"),
    why="A policy with USING (true) or WITH CHECK (true) makes row-level security ineffective for its command: "
    "PostgreSQL combines permissive policies with OR, so no other permissive policy can restrict these rows.",
    instead="write the condition that a row must meet, such as `owner_id = auth.uid()`; for a table that all users "
    "may read, limit the policy to FOR SELECT and name the roles",
    check=check,
    given="alter table orders enable row level security;",
    bad="create policy everything on orders using (true);",
    good="create policy own on orders using (customer_id = current_setting('app.customer')::bigint);",
)
