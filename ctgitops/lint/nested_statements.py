"""Finds the statements that a DO block or a user-defined function runs, if its text contains them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..lazy import dataclass
from ..sql.guard import NotAnalysedError
from ..sql.nodes import Node, name_of
from ..sql.parse import SqlSyntaxError, trees
from ..sql.plpgsql import Inner, body_of, inside
from ..sql.tautology import always_true
from .catalog_query import aggregates
from .conditions import Answers, Reader, holds
from .dynamic_sql import UNKNOWN, Values, texts

if TYPE_CHECKING:
    from .catalog import Catalog, Function

_QUERIES = {"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"}
_CALLS = {*_QUERIES, "CallStmt", "CreateTableAsStmt"}
CALLED = "CalledQuery"
"""The kind of node that wraps a query in a called function. Its only key is the kind of the query itself."""
_DEEPEST = 4
"""Maximum depth of nested function calls that are followed."""


@dataclass(frozen=True)
class Unread:
    """A part of a statement that is known only at run time."""

    what: str


Read = tuple[str, Node, Unread | None]
"""The kind and parse tree of a statement. The last item is set for a part that is known only at run time."""


def with_inner(kind: str, node: Node, catalog: Catalog, depth: int = 0) -> Iterator[Read]:
    """Returns a statement and the statements that it runs: those of a DO block, and the DDL of called functions."""
    if kind == "DoStmt":
        yield from _inside_block(node, catalog, depth)
        return
    if kind in _CALLS and catalog.functions and depth < _DEEPEST:
        calls = _calls({"FuncCall": node["funccall"]} if "funccall" in node else {kind: node}, catalog)
        for name in dict.fromkeys(name_of(call.get("funcname", [])) for call in calls):
            if function := catalog.function(name):
                yield from _inside_function(function, catalog, depth + 1)
    yield kind, node, None


def _inside_block(do: Node, catalog: Catalog, depth: int) -> Iterator[Read]:
    """Returns the statements of a DO block. Leaves out branches that are certainly not executed."""
    body = body_of(do)
    if body is None:
        yield "", {}, Unread("the DO block is not in PL/pgSQL, so it was not analysed")
        yield "DoStmt", do, None
        return
    try:
        read = inside(body)
    except NotAnalysedError:
        raise  # the guard of the outer statement reports the failure
    except SqlSyntaxError as error:
        yield "", {}, Unread(f"the DO block was not analysed: {error.message}")
        return
    answers: Answers = {}
    for inner in read.runs:
        if not _skipped(inner, read.values, catalog, answers):
            yield from _read(inner, read.values, catalog, depth)


def _inside_function(function: Function, catalog: Catalog, depth: int) -> Iterator[Read]:
    """Returns the DDL of a function, and each UPDATE or DELETE of a whole table. Other queries are of kind `CALLED`."""
    for kind, node in statements_in(function, catalog, depth):
        yield (CALLED, {kind: node}, None) if _routine(kind, node) else (kind, node, None)


def statements_in(function: Function, catalog: Catalog, depth: int = 0) -> Iterator[tuple[str, Node]]:
    """Returns the statements of a function in SQL or PL/pgSQL. Leaves out statements that do not parse."""
    try:
        if function.language == "sql":
            made = [(tree.kind, tree.node) for tree in trees(function.body)]
            made += [each for node in function.atomic for each in node.items()]
            found = [each for kind, node in made for each in with_inner(kind, node, catalog, depth)]
        elif function.language == "plpgsql":
            read = inside(function.body, function.header)
            runs = [inner for inner in read.runs if not _skipped(inner, read.values, catalog, {})]
            found = [each for inner in runs for each in _read(inner, read.values, catalog, depth)]
        else:
            return
    except NotAnalysedError:
        raise
    except SqlSyntaxError:
        return
    for kind, node, unread in found:
        if unread is None:
            yield next(iter(node.items())) if kind == CALLED else (kind, node)


def _routine(kind: str, node: Node) -> bool:
    """Whether a statement of a called function is a query. An UPDATE or DELETE of a whole table does not count."""
    return kind in _QUERIES and not (
        kind in {"UpdateStmt", "DeleteStmt"}
        and ("whereClause" not in node or always_true(node["whereClause"]))
        and not {"fromClause", "usingClause"} & set(node)
    )


def _skipped(inner: Inner, values: Values, catalog: Catalog, answers: Answers) -> bool:
    """Whether the statement is in a branch that is certainly not executed."""
    return any(holds(condition, values, catalog, answers) is (not wanted) for condition, wanted in inner.when)


def _read(inner: Inner, values: Values, catalog: Catalog, depth: int) -> Iterator[Read]:
    made = texts(inner.sql, values) if inner.dynamic else (inner.sql,)
    unread = Unread(f"line {inner.line} of the block runs dynamic SQL that is known only at run time")
    for sql in made:
        try:
            found = trees(sql)
        except SqlSyntaxError:
            if inner.dynamic:
                yield "", {}, unread
            continue  # an assignment, or SQL that does not parse because of PL/pgSQL variables
        for tree in found:
            yield from with_inner(tree.kind, tree.node, catalog, depth)
        if inner.dynamic and UNKNOWN in sql:
            yield "", {}, unread


def _calls(node: Any, catalog: Catalog) -> Iterator[Node]:
    """The function calls in a statement. Leaves out calls that certainly do not run."""
    reader, left = Reader(catalog, {}, {}), [node]
    while left:
        each = left.pop()
        if isinstance(each, list):
            left += reversed(each)
        elif isinstance(each, dict):
            if "FuncCall" in each:
                yield each["FuncCall"]
            left += reversed(_run(each, reader))


def _run(node: Node, reader: Reader) -> list[Any]:
    """The child nodes that PostgreSQL may evaluate."""
    select, case = node.get("SelectStmt", {}), node.get("CaseExpr", {})
    if select and not aggregates(select) and reader.finds(select) is False:
        return [select.get(clause) for clause in ("withClause", "fromClause", "whereClause")]
    return _arms(case, reader) if case and "arg" not in case else list(node.values())


def _arms(case: Node, reader: Reader) -> list[Any]:
    """The CASE branches that PostgreSQL may evaluate, and the conditions before them."""
    run: list[Any] = []
    for arm in (each.get("CaseWhen", {}) for each in case.get("args", ())):
        said = reader.truth(arm.get("expr", {}))
        run += [arm.get("expr"), arm.get("result") if said is not False else None]
        if said:
            return run
    return [*run, case.get("defresult")]
