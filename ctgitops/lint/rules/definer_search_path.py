"""Reports a SECURITY DEFINER function that does not set search_path."""

from __future__ import annotations

from ...sql.nodes import parts_of
from ..api import is_definer, sets_search_path
from ..rule import Case, Group, Hit, Hits, Rule, Severity


def check(case: Case) -> Hits:
    """Also accepts SET search_path FROM CURRENT, and ALTER FUNCTION in the same file."""
    if is_definer(case.node) and not sets_search_path(case):
        name = ".".join(parts_of(case.node.get("funcname", [])))
        yield Hit(f"`{name}` runs as its owner with the caller's search_path, so a caller can substitute objects in it")


RULE = Rule(
    id="definer-search-path",
    group=Group.SECURITY,
    severity=Severity.WARNING,
    kinds=("CreateFunctionStmt",),
    why="A SECURITY DEFINER function without its own search_path is open to privilege escalation. It runs with its "
    "owner's privileges and the caller's search_path. So a name in its body can refer to a table, function or operator "
    "that the caller has created.",
    instead="add SET search_path = '' and qualify all names, or SET search_path = pg_catalog, your_schema, pg_temp",
    check=check,
    bad="create function total() returns numeric language sql security definer as 'select sum(amount) from orders';",
    good="create function total() returns numeric language sql security definer set search_path = ''\n"
    "as 'select sum(amount) from public.orders';",
)
