"""What the clients of an API can reach: the relations and functions of exposed schemas. Examples for rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..sql.nodes import Name, Node, name_of, options_of, parts_of, relation_name, role_names
from .fold.access import API_ROLES

if TYPE_CHECKING:
    from .rule_input import Case

ROLES = """do $$ begin create role anon; exception when duplicate_object or unique_violation then null; end $$;
"""
"""SQL for examples: creates the role of an API's clients."""
AUTH = """create schema auth;
create table auth.users (id uuid primary key, email text unique);
create function auth.uid() returns uuid language sql stable set search_path = '' as 'select null::uuid';
create function auth.jwt() returns jsonb language sql stable set search_path = '' as 'select null::jsonb';
"""
"""SQL for examples: the part of Supabase's schema `auth` that policies use."""
_IDENTITY = {"uid", "jwt", "role", "email"}


def reaches(case: Case, name: Name) -> bool:
    """Whether clients can query the relation `name`, unless the file revokes the access of both roles."""
    return name[0] in case.api_schemas and not revoked_from(case, name[1], "RangeVar") >= API_ROLES


def revoked_from(case: Case, bare: str, node: str) -> frozenset[str]:
    """The roles from which the file revokes privileges on an object. `node` is the kind of node that names it."""
    found: frozenset[str] = frozenset()
    for each in case.transaction.of_kind("GrantStmt"):
        if not each.get("is_grant") and bare in _objects(each, node):
            found |= role_names(each.get("grantees", ()))
    return found


def _objects(grant: Node, node: str) -> Iterator[str]:
    for item in grant.get("objects", ()):
        if node == "RangeVar":
            yield relation_name(item.get(node, {}))[1]
        else:
            yield name_of(item.get(node, {}).get("objname", []))[1]


def identity_call(kind: str, node: Node) -> str:
    """The name of a called function that returns a property of the API's client. Empty for other calls."""
    parts = parts_of(node.get("funcname", [])) if kind == "FuncCall" else ()
    if len(parts) > 1 and parts[-2] == "auth" and parts[-1] in _IDENTITY:
        return f"auth.{parts[-1]}()"
    return "current_setting()" if parts[-1:] == ("current_setting",) else ""


def sets_search_path(case: Case) -> bool:
    """Whether CREATE FUNCTION sets search_path, or an ALTER FUNCTION of the file does."""
    name = name_of(case.node.get("funcname", []))[1]
    altered = (
        each.get("actions", [])
        for each in case.transaction.of_kind("AlterFunctionStmt")
        if name_of(each.get("func", {}).get("objname", []))[1] == name
    )
    return any(_sets(options) for options in (case.node.get("options", []), *altered))


def _sets(options: list[Any]) -> bool:
    settings = (item["DefElem"].get("arg", {}) for item in options if item.get("DefElem", {}).get("defname") == "set")
    return any(each.get("VariableSetStmt", {}).get("name") == "search_path" for each in settings)


def is_definer(node: Node) -> bool:
    """Whether a CREATE FUNCTION is SECURITY DEFINER."""
    return bool(options_of(node.get("options", [])).get("security", {}).get("Boolean", {}).get("boolval"))
