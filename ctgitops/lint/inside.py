"""What a DO block runs, as far as it can be read without running it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..sql.nodes import Node
from ..sql.parse import SqlSyntaxError, trees
from ..sql.plpgsql import Inner, body_of, inside


@dataclass(frozen=True)
class Unread:
    """What of a statement nobody can know before it runs."""

    what: str


def statements_inside(do: Node) -> Iterator[tuple[str, Node, Unread | None]]:
    """Every statement of the block, as if each were run; SQL that it puts together itself is told as unread."""
    body = body_of(do)
    if body is None:
        yield "", {}, Unread("a block in another language than PL/pgSQL is not understood")
        return
    try:
        runs = inside(body)
    except SqlSyntaxError as error:
        yield "", {}, Unread(f"the block is not understood: {error.message}")
        return
    for inner in runs:
        yield from _read(inner)


def _read(inner: Inner) -> Iterator[tuple[str, Node, Unread | None]]:
    sql = constant(inner.sql) if inner.dynamic else inner.sql
    if sql is None:
        yield "", {}, Unread(f"the block puts SQL together on its line {inner.line}, which is known when it runs")
        return
    try:
        for tree in trees(sql):
            if tree.kind == "DoStmt":
                yield from statements_inside(tree.node)
            else:
                yield tree.kind, tree.node, None
    except SqlSyntaxError:
        return  # an assignment, or SQL with the block's variables in it: PL/pgSQL reads more than SQL is


def constant(expression: str) -> str | None:
    """The SQL of EXECUTE 'SQL'; None where it is not a constant."""
    try:
        node = trees(f"select {expression}")[0].node
    except SqlSyntaxError:
        return None
    value = node["targetList"][0]["ResTarget"]["val"] if len(node.get("targetList", ())) == 1 else {}
    while "TypeCast" in value:
        value = value["TypeCast"].get("arg", {})
    text: str | None = value.get("A_Const", {}).get("sval", {}).get("sval")
    if text is not None:
        return text
    return _formatted(value.get("FuncCall", {}))


def _formatted(call: Node) -> str | None:
    """format('…') with nothing in it to fill in."""
    names = [item.get("String", {}).get("sval") for item in call.get("funcname", ())]
    arguments = call.get("args", ())
    if names[-1:] != ["format"] or len(arguments) != 1:
        return None
    text: str | None = arguments[0].get("A_Const", {}).get("sval", {}).get("sval")
    return text.replace("%%", "%") if text is not None else None
