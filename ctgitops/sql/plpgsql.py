"""What stands inside a DO block: the statements that its PL/pgSQL runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .library import library
from .nodes import Node, walk
from .parse import SqlSyntaxError


@dataclass(frozen=True)
class Inner:
    """What a PL/pgSQL body runs: SQL as it stands there, or an expression that gives the SQL."""

    sql: str
    line: int
    """Of the body, from 1."""
    dynamic: bool
    """Whether `sql` is the expression of an EXECUTE."""


def body_of(do: Node) -> str | None:
    """The text of a DO block; None where it is in another language than PL/pgSQL."""
    options = {item["DefElem"]["defname"]: item["DefElem"].get("arg", {}) for item in do.get("args", ())}
    language = options.get("language", {}).get("String", {}).get("sval", "plpgsql")
    text: str | None = options.get("as", {}).get("String", {}).get("sval", "")
    return text if language == "plpgsql" else None


def inside(body: str) -> tuple[Inner, ...]:
    """What a PL/pgSQL body runs, in the order in which it stands there. Raises SqlSyntaxError."""
    lib = library()
    quote = "$ctgitops$"
    result = lib.pg_query_parse_plpgsql(f"do {quote}{body}{quote}".encode())
    try:
        if result.error:
            raise SqlSyntaxError(result.error.contents.message.decode(errors="replace"), 0)
        # libpg_query 18 writes `{}},` where a trigger's OLD and NEW stand, which is no JSON
        functions = json.loads(result.plpgsql_funcs.decode().replace("{}},", "{},"))
    finally:
        lib.pg_query_free_plpgsql_parse_result(result)
    return tuple(_inner(functions))


def _inner(functions: Any) -> Iterator[Inner]:
    return (found for kind, node in walk(functions) if (found := _run_by(kind, node)))


def _run_by(key: str, node: Any) -> Inner | None:
    if key == "PLpgSQL_stmt_execsql":
        return Inner(_query(node, "sqlstmt"), node.get("lineno", 1), dynamic=False)
    if key == "PLpgSQL_stmt_perform":
        return Inner(_query(node, "expr"), node.get("lineno", 1), dynamic=False)
    if key in {"PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors"}:
        return Inner(_query(node, "query"), node.get("lineno", 1), dynamic=True)
    return None


def _query(node: Node, key: str) -> str:
    text: str = node.get(key, {}).get("PLpgSQL_expr", {}).get("query", "")
    return text
