"""What stands inside a DO block: the statements that its PL/pgSQL runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
    when: tuple[tuple[str, bool], ...] = ()
    """The conditions before it that must be true, or false, for it to run."""


@dataclass(frozen=True)
class Body:
    """A PL/pgSQL body: what it runs, and by each variable's name the expressions that give it a value."""

    runs: tuple[Inner, ...]
    values: Mapping[str, tuple[str, ...]]


def body_of(do: Node) -> str | None:
    """The text of a DO block; None where it is in another language than PL/pgSQL."""
    options = {item["DefElem"]["defname"]: item["DefElem"].get("arg", {}) for item in do.get("args", ())}
    language = options.get("language", {}).get("String", {}).get("sval", "plpgsql")
    text: str | None = options.get("as", {}).get("String", {}).get("sval", "")
    return text if language == "plpgsql" else None


def inside(body: str) -> Body:
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
    nodes = tuple(walk(functions))
    return Body(tuple(run for each in functions for run in _inside(each, ())), _values(nodes) | _asked(nodes))


When = tuple[tuple[str, bool], ...]


def _inside(node: Any, when: When) -> Iterator[Inner]:
    """What a part of the tree runs; a list is statements, one after the other."""
    if isinstance(node, list):
        for item in node:
            yield from _inside(item, when)
            when += _unless_left(item)
    elif isinstance(node, dict):
        for kind, inner in node.items():
            run = _run_by(kind, inner)
            yield from (replace(run, when=when),) if run else ()
            branch = _BRANCHES.get(kind)
            yield from branch(inner, when) if branch else _inside(inner, when)


def _unless_left(item: Node) -> When:
    """What must be false for the statements behind an IF that ends with RETURN or RAISE EXCEPTION."""
    test = item.get("PLpgSQL_stmt_if", {})
    last = (test.get("then_body") or [{}])[-1]
    leaves = "PLpgSQL_stmt_return" in last or last.get("PLpgSQL_stmt_raise", {}).get("elog_level", 0) == _ERROR
    return ((_query(test, "cond"), False),) if leaves and "elsif_list" not in test else ()


def _if(node: Node, when: When) -> Iterator[Inner]:
    others = [each.get("PLpgSQL_if_elsif", {}) for each in node.get("elsif_list", ())]
    arms = [(_query(node, "cond"), node.get("then_body", ()))]
    arms += [(_query(each, "cond"), each.get("stmts", ())) for each in others]
    yield from _arms(arms, node.get("else_body", []), when)


def _case(node: Node, when: When) -> Iterator[Inner]:
    each = [item.get("PLpgSQL_case_when", {}) for item in node.get("case_when_list", ())]
    yield from _arms([(_query(arm, "expr"), arm.get("stmts", ())) for arm in each], node.get("else_stmts", []), when)


def _arms(arms: list[tuple[str, Any]], otherwise: Any, when: When) -> Iterator[Inner]:
    for condition, body in arms:
        yield from _inside(list(body), (*when, (condition, True)))
        when = (*when, (condition, False))
    yield from _inside(otherwise, when)


def _while(node: Node, when: When) -> Iterator[Inner]:
    yield from _inside(node.get("body", []), (*when, (_query(node, "cond"), True)))


_BRANCHES = {"PLpgSQL_stmt_if": _if, "PLpgSQL_stmt_case": _case, "PLpgSQL_stmt_while": _while}
_ERROR = 21
"""The level of RAISE EXCEPTION, as PostgreSQL numbers it."""


def _run_by(key: str, node: Any) -> Inner | None:
    if key == "PLpgSQL_stmt_execsql":
        return Inner(_query(node, "sqlstmt"), node.get("lineno", 1), dynamic=False)
    if key in {"PLpgSQL_stmt_perform", "PLpgSQL_stmt_call"}:
        return Inner(_query(node, "expr"), node.get("lineno", 1), dynamic=False)
    if key in {"PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors"}:
        return Inner(_query(node, "query"), node.get("lineno", 1), dynamic=True)
    return None


def _query(node: Node, key: str) -> str:
    text: str = node.get(key, {}).get("PLpgSQL_expr", {}).get("query", "")
    return text


def _asked(nodes: Sequence[tuple[str, Node]]) -> dict[str, tuple[str, ...]]:
    """What is set once only, by SELECT … INTO: the query, in brackets."""
    datums = [each for kind, node in nodes if kind == "PLpgSQL_function" for each in node.get("datums", ())]
    names = [inner.get("refname", "") for each in datums for inner in each.values()]
    found: dict[str, list[str]] = {}
    for kind, node in nodes:
        fields = (node.get("target") or node.get("var") or {}).get("PLpgSQL_row", {}).get("fields", ())
        query = f"({_query(node, 'sqlstmt')})" if kind == "PLpgSQL_stmt_execsql" and len(fields) == 1 else ""
        for field in fields if kind.startswith("PLpgSQL_stmt") else ():
            found.setdefault(field.get("name", ""), []).append(query)
        if kind in {"PLpgSQL_stmt_assign", "PLpgSQL_stmt_foreach_a"} and node.get("varno", 0) < len(names):
            found.setdefault(names[node.get("varno", 0)], []).append("")
    return {name: (queries[0],) for name, queries in found.items() if len(queries) == 1 and queries[0]}


def _values(nodes: Sequence[tuple[str, Node]]) -> dict[str, tuple[str, ...]]:
    """What each variable is set to: by DECLARE, by `:=`, by FOREACH. What a query gives it is not in here."""
    datums = [each for kind, node in nodes if kind == "PLpgSQL_function" for each in node.get("datums", ())]
    names = [inner.get("refname", "") for each in datums for inner in each.values()]
    unknown = {each.get("name", "") for kind, node in nodes if kind == "PLpgSQL_row" for each in node.get("fields", ())}
    found: dict[str, list[str]] = {}
    for kind, node in nodes:
        if kind == "PLpgSQL_var" and "default_val" in node:
            found.setdefault(node["refname"], []).append(_query(node, "default_val"))
        elif kind in {"PLpgSQL_stmt_assign", "PLpgSQL_stmt_foreach_a"} and node.get("varno", 0) < len(names):
            text = _query(node, "expr")
            value = text.partition(":=")[2] if kind == "PLpgSQL_stmt_assign" else text
            found.setdefault(names[node.get("varno", 0)], []).append(value)
    return {name: tuple(each) for name, each in found.items() if name and name not in unknown}
