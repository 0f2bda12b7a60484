"""Reports a function of an API's database that does not set search_path."""

from __future__ import annotations

from ...sql.nodes import options_of, parts_of
from ..api import ROLES, is_definer, sets_search_path
from ..rule import Case, Group, Hit, Hits, Rule, Severity


def check(case: Case) -> Hits:
    """Skips SECURITY DEFINER, which `definer-search-path` reports, and bodies that PostgreSQL parses on creation."""
    language = options_of(case.node.get("options", [])).get("language", {}).get("String", {}).get("sval", "sql")
    if not case.api_schemas or "sql_body" in case.node or language.lower() not in {"sql", "plpgsql"}:
        return
    if not is_definer(case.node) and not sets_search_path(case):
        name = ".".join(parts_of(case.node.get("funcname", [])))
        yield Hit(f"`{name}` looks up names in the caller's search_path")


RULE = Rule(
    id="mutable-search-path",
    group=Group.SECURITY,
    severity=Severity.NOTICE,
    kinds=("CreateFunctionStmt",),
    why="A function without its own search_path works differently, or fails, for a caller with another search_path. "
    "Supabase's advisor reports this as 0011_function_search_path_mutable.",
    instead="add SET search_path = '' and qualify all names; PostgreSQL then no longer inlines a function in SQL",
    check=check,
    given=ROLES,
    bad="create function totals() returns numeric language sql stable as 'select sum(amount) from orders';",
    good="create function totals() returns numeric language sql stable set search_path = ''\n"
    "as 'select sum(amount) from public.orders';",
)
