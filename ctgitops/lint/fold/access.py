"""Applies policies, roles and grants to lint's model of the schema."""

from __future__ import annotations

from dataclasses import replace

from ...sql.nodes import Node, relation_name, role_names
from ..catalog import Catalog, RowPolicy

API_ROLES = frozenset({"anon", "authenticated"})
"""The roles of the clients of a Supabase API, and of many PostgREST servers."""


def policy(catalog: Catalog, node: Node) -> None:
    """Applies CREATE POLICY."""
    if found := catalog.table(relation_name(node.get("table", {}))):
        found.policies[node.get("policy_name", "")] = policy_of(node)
    catalog.api_roles |= API_ROLES & role_names(node.get("roles", ()))


def altered_policy(catalog: Catalog, node: Node) -> None:
    """Applies the roles of ALTER POLICY. ALTER POLICY cannot change the command."""
    found = catalog.table(relation_name(node.get("table", {})))
    known = found.policies.get(node.get("policy_name", "")) if found else None
    if found and known and node.get("roles"):
        found.policies[node["policy_name"]] = replace(known, roles=role_names(node["roles"]))


def policy_of(node: Node) -> RowPolicy:
    """The policy that a CREATE POLICY defines."""
    roles = role_names(node.get("roles", ())) or RowPolicy().roles
    return RowPolicy(node.get("cmd_name", "all"), roles, bool(node.get("permissive")))


def role(catalog: Catalog, node: Node) -> None:
    """Applies CREATE ROLE."""
    catalog.api_roles |= API_ROLES & {node.get("role", "")}


def grant(catalog: Catalog, node: Node) -> None:
    """Applies GRANT and REVOKE: the roles that they name exist."""
    catalog.api_roles |= API_ROLES & role_names(node.get("grantees", ()))


def default_privileges(catalog: Catalog, node: Node) -> None:
    """Applies ALTER DEFAULT PRIVILEGES for functions."""
    action = node.get("action", {})
    grant(catalog, action)
    named = API_ROLES & role_names(action.get("grantees", ()))
    if action.get("objtype") in {"OBJECT_FUNCTION", "OBJECT_ROUTINE"}:
        catalog.executors = catalog.executors | named if action.get("is_grant") else catalog.executors - named
