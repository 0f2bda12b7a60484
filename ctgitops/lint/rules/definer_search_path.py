"""Reports a SECURITY DEFINER function that does not set search_path."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.nodes import parts_of
from ..nodes import option
from ..rule import Group, Hit, Rule
from ..rule_input import Case


def check(case: Case) -> Iterator[Hit]:
    """Accepts SET search_path FROM CURRENT."""
    options = case.node.get("options", [])
    definer = option(options, "security")
    if definer is None or not definer.get("arg", {}).get("Boolean", {}).get("boolval"):
        return
    settings = [item["DefElem"].get("arg", {}) for item in options if item.get("DefElem", {}).get("defname") == "set"]
    if not any(each.get("VariableSetStmt", {}).get("name") == "search_path" for each in settings):
        name = ".".join(parts_of(case.node.get("funcname", [])))
        yield Hit(f"whoever calls {name} chooses what the names in it mean, with the rights of its owner")


RULE = Rule(
    id="definer-search-path",
    group=Group.SECURITY,
    severity=Severity.WARNING,
    kinds=("CreateFunctionStmt",),
    why="A SECURITY DEFINER function runs with its owner's rights and the caller's search_path: a table or operator of "
    "the caller's own can take the place of the one that was meant.",
    instead="add SET search_path = '' and qualify the names in it, or SET search_path = pg_catalog, your_schema, "
    "pg_temp",
    check=check,
    bad="create function total() returns numeric language sql security definer as 'select sum(amount) from orders';",
    good="create function total() returns numeric language sql security definer set search_path = ''\n"
    "as 'select sum(amount) from public.orders';",
)
