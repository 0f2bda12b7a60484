"""Finds the statements that a PL/pgSQL body runs, their conditions, and the values that its variables can have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..lazy import dataclass, regex
from .guard import guarded
from .libpg_query import parse_plpgsql_as_json
from .nodes import Node, options_of, walk
from .operator_runs import LongRunError, scannable
from .parse import SqlSyntaxError


@dataclass(frozen=True, eq=False)
class Condition:
    """A condition in a block. Compared by identity, because the same text may have two results at two places."""

    text: str


When = tuple[tuple[Condition, bool], ...]
"""The conditions for a statement to run, each with its required value."""


@dataclass(frozen=True)
class Inner:
    """A statement that a PL/pgSQL body runs. `sql` is its text or, if `dynamic`, an expression that builds its text."""

    sql: str
    line: int
    """The line in the body, from 1."""
    dynamic: bool
    """Whether the statement is an EXECUTE."""
    when: When = ()
    """The conditions under which the statement runs."""


@dataclass(frozen=True)
class Body:
    """A PL/pgSQL body: the statements that it runs, and a map from variables to the expressions assigned to them."""

    runs: tuple[Inner, ...]
    values: Mapping[str, tuple[str, ...]]


def body_of(do: Node) -> str | None:
    """The text of a DO block. None for a language other than PL/pgSQL."""
    options = options_of(do.get("args", ()))
    language = options.get("language", {}).get("String", {}).get("sval", "plpgsql")
    text: str | None = options.get("as", {}).get("String", {}).get("sval", "")
    return text if language == "plpgsql" else None


@guarded("a PL/pgSQL block")
def inside(body: str, command: str = "do") -> Body:
    """The statements that a PL/pgSQL body of a `command` runs, in textual order. Raises SqlSyntaxError."""
    functions = parse_body(body, command)
    nodes = tuple(walk(functions))
    return Body(tuple(run for each in functions for run in _inside(each, ())), _values_in(nodes))


def parse_body(body: str, command: str = "do") -> list[Node]:
    """The parse tree of a PL/pgSQL body. `command`, such as DO, is the command that the body belongs to.

    Raises SqlSyntaxError.
    """
    quote = b"$ctgitops$"
    try:
        text = command.encode() + b" " + quote + scannable(body) + quote
    except LongRunError as error:
        raise SqlSyntaxError(str(error), error.offset) from None
    # libpg_query 18 writes `{}},` for a trigger's OLD and NEW, which is not valid JSON
    functions: list[Node] = json.loads(parse_plpgsql_as_json(text).decode().replace("{}},", "{},"))
    return functions


def _inside(node: Any, when: When) -> Iterator[Inner]:
    """The statements in a part of the tree, each with its conditions. The statements of a list run in sequence."""
    if isinstance(node, list):
        asked = ""
        for item in node:
            test = _if_condition(item, asked)
            yield from _if(item["PLpgSQL_stmt_if"], test, when) if test else _inside(item, when)
            when += _unless_left(item, test)
            asked = _tells_found(item)
    elif isinstance(node, dict):
        for kind, inner in node.items():
            run = _run_by(kind, inner)
            yield from (replace(run, when=when),) if run else ()
            branch = _BRANCHES.get(kind)
            yield from branch(inner, when) if branch else _inside(inner, when)


def _if_condition(item: Node, asked: str) -> Condition | None:
    """The condition of an IF. None for other statements.

    If the condition is FOUND, the result is the condition that the previous query, `asked`, found a row.
    """
    if "PLpgSQL_stmt_if" not in item:
        return None
    text = _query_of(item["PLpgSQL_stmt_if"], "cond")
    found = _FOUND.fullmatch(text) if asked else None
    return Condition(f"{found[1] or ''} exists ({asked})" if found else text)


def _tells_found(item: Node) -> str:
    """The query of a statement, if the statement sets FOUND to whether this query returned a row. Otherwise empty."""
    asked = item.get("PLpgSQL_stmt_execsql", {})
    return _query_of(item.get("PLpgSQL_stmt_perform", {}), "expr") or (
        _query_of(asked, "sqlstmt") if "into" in asked else ""
    )


def _unless_left(item: Node, test: Condition | None) -> When:
    """The condition for the statements after an IF whose branch ends with RETURN or RAISE. Otherwise empty.

    The statements run only if the condition of the IF is false.
    """
    inner = item.get("PLpgSQL_stmt_if", {})
    last = (inner.get("then_body") or [{}])[-1]
    leaves = "PLpgSQL_stmt_return" in last or last.get("PLpgSQL_stmt_raise", {}).get("elog_level", 0) == _ERROR
    return ((test, False),) if test and leaves and "elsif_list" not in inner else ()


def _if(node: Node, test: Condition, when: When) -> Iterator[Inner]:
    asked = _evaluated("PLpgSQL_stmt_if", node)
    yield from (replace(asked, when=when),) if asked else ()
    others = [each.get("PLpgSQL_if_elsif", {}) for each in node.get("elsif_list", ())]
    arms = [(test, node.get("then_body", ()))]
    arms += [(Condition(_query_of(each, "cond")), each.get("stmts", ())) for each in others]
    yield from _arms(arms, node.get("else_body", []), when)


def _case(node: Node, when: When) -> Iterator[Inner]:
    each = [item.get("PLpgSQL_case_when", {}) for item in node.get("case_when_list", ())]
    arms = [(Condition(_query_of(arm, "expr")), arm.get("stmts", ())) for arm in each]
    yield from _arms(arms, node.get("else_stmts", []), when)


def _arms(arms: list[tuple[Condition, Any]], otherwise: Any, when: When) -> Iterator[Inner]:
    for condition, body in arms:
        yield from _inside(list(body), (*when, (condition, True)))
        when = (*when, (condition, False))
    yield from _inside(otherwise, when)


def _while(node: Node, when: When) -> Iterator[Inner]:
    yield from _inside(node.get("body", []), (*when, (Condition(_query_of(node, "cond")), True)))


def _for_rows(node: Node, when: When) -> Iterator[Inner]:
    """The statements in the body of a FOR loop over a query, which run only if the query returns a row."""
    yield from _inside(node.get("body", []), (*when, (Condition(f"exists ({_query_of(node, 'query')})"), True)))


_BRANCHES = {"PLpgSQL_stmt_case": _case, "PLpgSQL_stmt_while": _while, "PLpgSQL_stmt_fors": _for_rows}
_EXPRESSIONS = {
    "PLpgSQL_stmt_assign": "expr",
    "PLpgSQL_stmt_return": "expr",
    "PLpgSQL_stmt_while": "cond",
    "PLpgSQL_stmt_if": "cond",
}
"""Maps kinds of statements to the key of an expression that the statement evaluates."""
_ERROR = 21
"""PostgreSQL's number for the level of RAISE EXCEPTION."""
_FOUND = regex(r"\s*(not\s)?\s*found\s*", re.IGNORECASE)


def _run_by(key: str, node: Any) -> Inner | None:
    if key == "PLpgSQL_stmt_execsql":
        return Inner(_query_of(node, "sqlstmt"), node.get("lineno", 1), dynamic=False)
    if key in {"PLpgSQL_stmt_perform", "PLpgSQL_stmt_call"}:
        return Inner(_query_of(node, "expr"), node.get("lineno", 1), dynamic=False)
    if key in {"PLpgSQL_stmt_fors", "PLpgSQL_stmt_return_query"} and "query" in node:
        return Inner(_query_of(node, "query"), node.get("lineno", 1), dynamic=False)
    if key in {"PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors"}:
        return Inner(_query_of(node, "query"), node.get("lineno", 1), dynamic=True)
    if key == "PLpgSQL_stmt_return_query":
        return Inner(_query_of(node, "dynquery"), node.get("lineno", 1), dynamic=True)
    return _evaluated(key, node)


def _evaluated(key: str, node: Any) -> Inner | None:
    """A SELECT that evaluates an expression, if the expression has a subquery or a call. Otherwise None."""
    text = _query_of(node, _EXPRESSIONS[key]) if key in _EXPRESSIONS else ""
    if key == "PLpgSQL_stmt_assign":
        text = text.partition(":=")[2] or text.partition("=")[2]
    return Inner(f"select {text}", node.get("lineno", 1), dynamic=False) if "(" in text else None


def _query_of(node: Node, key: str) -> str:
    """The text of an expression, or of a statement. Empty if there is none."""
    text: str = node.get(key, {}).get("PLpgSQL_expr", {}).get("query", "")
    return text


def _values_in(nodes: Sequence[tuple[str, Node]]) -> dict[str, tuple[str, ...]]:
    """Maps variables to the expressions assigned to them. A query is in parentheses."""
    return _values(nodes) | _asked(nodes)


def _asked(nodes: Sequence[tuple[str, Node]]) -> dict[str, tuple[str, ...]]:
    """Maps a variable to the query that sets it, in parentheses. Leaves out variables that several statements set."""
    names = _names(nodes)
    found: dict[str, list[str]] = {}
    for kind, node in nodes:
        fields = _fields(node)
        query = f"({_query_of(node, 'sqlstmt')})" if kind == "PLpgSQL_stmt_execsql" and len(fields) == 1 else ""
        for field in fields if kind.startswith("PLpgSQL_stmt") else ():
            found.setdefault(field.get("name", ""), []).append(query)
        for name in (_assigned(kind, node, names), _diagnosed(kind, node, names)):
            if name is not None:
                found.setdefault(name, []).append("")
    return {name: (queries[0],) for name, queries in found.items() if len(queries) == 1 and queries[0]}


def _values(nodes: Sequence[tuple[str, Node]]) -> dict[str, tuple[str, ...]]:
    """Maps variables to their values in DECLARE, `:=` and FOREACH. Leaves out variables that a query sets."""
    names = _names(nodes)
    unknown = {each.get("name", "") for kind, node in nodes if kind == "PLpgSQL_row" for each in node.get("fields", ())}
    found: dict[str, list[str]] = {}
    for kind, node in nodes:
        if kind == "PLpgSQL_var" and "default_val" in node:
            found.setdefault(node.get("refname", ""), []).append(_query_of(node, "default_val"))
        elif (name := _assigned(kind, node, names)) is not None:
            text = _query_of(node, "expr")
            value = text.partition(":=")[2] if kind == "PLpgSQL_stmt_assign" else text
            found.setdefault(name, []).append(value)
        unknown |= {_diagnosed(kind, node, names) or ""}
    return {name: tuple(each) for name, each in found.items() if name and name not in unknown}


def _names(nodes: Sequence[tuple[str, Node]]) -> list[str]:
    """The names of the variables. The index of a name is the variable's number."""
    datums = [each for kind, node in nodes if kind == "PLpgSQL_function" for each in node.get("datums", ())]
    return [inner.get("refname", "") for each in datums for inner in each.values()]


def _fields(node: Node) -> Sequence[Node]:
    """The variables that an INTO, a FETCH or a loop sets. Empty for other statements."""
    target = node.get("target") or node.get("var")
    fields: Sequence[Node] = target.get("PLpgSQL_row", {}).get("fields", ()) if isinstance(target, dict) else ()
    return fields


def _assigned(kind: str, node: Node, names: list[str]) -> str | None:
    """The variable that `:=` or FOREACH sets. None for other nodes."""
    number = node.get("varno", 0) if kind in {"PLpgSQL_stmt_assign", "PLpgSQL_stmt_foreach_a"} else len(names)
    return names[number] if 0 <= number < len(names) else None


def _diagnosed(kind: str, node: Node, names: list[str]) -> str | None:
    """The variable that GET DIAGNOSTICS sets, whose value is known only at run time. None for other nodes."""
    number = node.get("target", 0) if kind == "PLpgSQL_diag_item" else len(names)
    return names[number] if 0 <= number < len(names) else None
