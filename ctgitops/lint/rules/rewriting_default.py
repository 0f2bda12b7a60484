"""Reports a new column whose default rewrites the table."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ...sql.nodes import Node, name_of, walk
from ...sql.parse import SqlSyntaxError, trees
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called

if TYPE_CHECKING:
    from ..added_columns import AddedColumn
    from ..catalog import Catalog

_EXTENSIONS = {
    "uuid_generate_v3", "uuid_generate_v5", "uuid_nil", "uuid_ns_dns", "uuid_ns_url", "uuid_ns_oid", "uuid_ns_x500",
    "digest", "hmac", "crypt", "unaccent", "similarity", "hstore", "st_geomfromtext", "st_makepoint", "st_setsrid",
    "st_point", "st_geomfromewkt",
}  # fmt: skip
"""Functions of common extensions that are not volatile."""


def check(case: Case) -> Hits:
    """Skips a default that PostgreSQL evaluates only once, because the catalog stores the value, not each row."""
    for table, added in case.added_columns:
        if why := _why(case, added):
            what = f"blocks reads and writes on `{called(table)}` while it is rewritten, because {why}"
            yield Hit(what, part=added.definition)


def _why(case: Case, added: AddedColumn) -> str:
    if added.serial or added.identity:
        return f"`{added.name}` gets a sequence value in each row"
    if added.generated == "stored":
        return f"`{added.name}` is a stored generated column"
    if added.generated:
        return ""
    domain = case.catalog.domain(added.type)
    if case.catalog.checked(added.type):
        return f"`{added.type.name}` is a domain with a constraint"
    default = added.default if added.default is not None else domain.default if domain else None
    volatile = _volatile_call(default, case.catalog)
    return f"`{volatile}()` is volatile" if volatile else ""


@cache
def _builtin() -> tuple[frozenset[str], frozenset[str]]:
    text = (files("ctgitops") / "lint" / "facts" / "functions.json").read_text(encoding="utf-8")
    facts = json.loads(text)
    return frozenset(facts["volatile"]), frozenset(facts["other"])


def _volatile_call(expression: Any, catalog: Catalog, depth: int = 0) -> str:
    """The name of the first volatile function in an expression. Empty if there is none.

    An unknown function counts as volatile, which is PostgreSQL's default for CREATE FUNCTION.
    """
    for kind, node in walk(expression):
        if kind == "FuncCall":
            name = name_of(node.get("funcname", []))
            if _volatile(name, catalog, depth):
                return name[1]
        elif kind == "NextValueExpr":
            return "nextval"
    return ""


def _volatile(name: tuple[str, str], catalog: Catalog, depth: int) -> bool:
    own = catalog.function(name) if name[0] != "pg_catalog" else None
    volatile, other = _builtin()
    if own is None:
        return name[1] in volatile or (name[1] not in other and name[1] not in _EXTENSIONS)
    if own.volatility != "volatile":
        return False
    inlined = _inlined(own.body) if own.language == "sql" and depth < 5 else None
    return inlined is None or bool(_volatile_call(inlined, catalog, depth + 1))


def _inlined(body: str) -> Node | None:
    """The expression in a function body `SELECT expression`, if PostgreSQL inlines the function."""
    try:
        found = trees(body)
    except SqlSyntaxError:
        return None
    if len(found) != 1 or found[0].kind not in {"SelectStmt", "ReturnStmt"}:
        return None
    node = found[0].node
    plain = {"targetList", "limitOption", "op"}
    if found[0].kind == "SelectStmt" and (set(node) - plain or len(node.get("targetList", ())) != 1):
        return None
    return node


RULE = Rule(
    id="rewriting-default",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="Adding a column with a volatile default, serial, identity or GENERATED … STORED rewrites the whole table and "
    "its indexes under an ACCESS EXCLUSIVE lock. A constant default, or a default that is evaluated only once, such "
    "as now(), does not.",
    instead="add the column nullable, SET DEFAULT for new rows in the same file, and backfill existing rows in batches",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    bad="alter table orders add column token uuid default gen_random_uuid();",
    good="alter table orders add column token uuid;\nalter table orders alter column token set default "
    "gen_random_uuid();",
)
