"""Reports a SECURITY DEFINER function that the clients of an API can call."""

from __future__ import annotations

from ...sql.nodes import name_of, parts_of
from ..api import ROLES, is_definer, revoked_from
from ..fold.access import API_ROLES
from ..rule import Case, Group, Hit, Hits, Rule, Severity


def check(case: Case) -> Hits:
    """Skips trigger functions, and CREATE OR REPLACE of such a function, which keeps the function's privileges."""
    name = case.catalog.created(name_of(case.node.get("funcname", [])))
    old = case.catalog.functions.get(name)
    returned = "".join(parts_of(case.node.get("returnType", {}).get("names", []))[-1:])
    if name[0] not in case.api_schemas or not is_definer(case.node) or returned in {"trigger", "event_trigger"}:
        return
    if callers := sorted(_callers(case, name[1])) if not (old and old.definer) else ():
        yield Hit(f"{' and '.join(callers)} can call `{name[1]}`, which runs as its owner and bypasses policies")


def _callers(case: Case, name: str) -> frozenset[str]:
    """The roles that may call a new function. PostgreSQL grants EXECUTE to PUBLIC, default privileges to others."""
    revoked = revoked_from(case, name, "ObjectWithArgs")
    return (frozenset(case.catalog.executors) if "PUBLIC" in revoked else API_ROLES) - (
        revoked if "PUBLIC" in revoked else frozenset()
    )


RULE = Rule(
    id="exposed-definer-function",
    group=Group.SECURITY,
    severity=Severity.WARNING,
    kinds=("CreateFunctionStmt",),
    why="Every function in an exposed schema is an endpoint of the API. A SECURITY DEFINER function runs as its owner, "
    "to whom row-level security does not apply. Supabase's advisor reports this as "
    "0028_anon_security_definer_function_executable and 0029_authenticated_security_definer_function_executable.",
    instead="in the same file, REVOKE EXECUTE from PUBLIC, anon and authenticated, and grant it to the roles that need "
    "it; or create the function in a schema that the API does not expose; or use SECURITY INVOKER",
    check=check,
    given=ROLES,
    bad="create function totals() returns numeric language sql security definer set search_path = ''\n"
    "as 'select sum(amount) from public.orders';",
    good="create function totals() returns numeric language sql security definer set search_path = ''\n"
    "as 'select sum(amount) from public.orders';\nrevoke execute on function totals() from public, anon;",
)
