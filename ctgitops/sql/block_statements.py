"""Finds the statements that a file runs, including the statements in a DO block, as far as its text contains them."""

from __future__ import annotations

from collections.abc import Iterator

from ..lazy import dataclass
from .nodes import Node, text_of
from .parse import SqlSyntaxError, Tree, parse_expression, trees
from .plpgsql import Inner, body_of, inside


@dataclass(frozen=True)
class Run:
    """A statement that a file runs."""

    kind: str
    node: Node
    conditional: bool = False
    """Whether a DO block runs the statement only under a condition."""


def runs_of(tree: Tree) -> Iterator[Run]:
    """The statement itself, or for a DO block, the statements inside. Leaves out SQL that is built at run time."""
    body = body_of(tree.node) if tree.kind == "DoStmt" else None
    if body is None:
        yield Run(tree.kind, tree.node)
        return
    try:
        found = inside(body).runs
    except SqlSyntaxError:
        return
    for inner in found:
        for each in _read(inner):
            yield Run(each.kind, each.node, conditional=bool(inner.when))


def _read(inner: Inner) -> tuple[Tree, ...]:
    try:
        sql = text_of(parse_expression(inner.sql)) if inner.dynamic else inner.sql
        return trees(sql)
    except SqlSyntaxError:
        return ()  # an assignment, or SQL with PL/pgSQL variables
