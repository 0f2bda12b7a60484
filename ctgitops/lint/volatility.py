"""Checks whether an expression is volatile: ADD COLUMN with a volatile default rewrites the table."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from ..sql.nodes import Node, walk
from ..sql.parse import SqlSyntaxError, trees
from .catalog import Catalog
from .nodes import name_of

_EXTENSIONS = {
    "uuid_generate_v3", "uuid_generate_v5", "uuid_nil", "uuid_ns_dns", "uuid_ns_url", "uuid_ns_oid", "uuid_ns_x500",
    "digest", "hmac", "crypt", "unaccent", "similarity", "hstore", "st_geomfromtext", "st_makepoint", "st_setsrid",
    "st_point", "st_geomfromewkt",
}  # fmt: skip
"""Functions of common extensions that are not volatile."""


@cache
def _builtin() -> tuple[frozenset[str], frozenset[str]]:
    text = (files("ctgitops") / "lint" / "facts" / "functions.json").read_text(encoding="utf-8")
    facts = json.loads(text)
    return frozenset(facts["volatile"]), frozenset(facts["other"])


def volatile_call(expression: Any, catalog: Catalog, depth: int = 0) -> str:
    """The name of the first volatile function in an expression; empty if there is none.

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
    inlined = inlined_expression(own.body) if own.language == "sql" and depth < 5 else None
    return inlined is None or bool(volatile_call(inlined, catalog, depth + 1))


def inlined_expression(body: str) -> Node | None:
    """The expression of a body `SELECT expression`, which PostgreSQL inlines."""
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
