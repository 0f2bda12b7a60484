"""Finds the tables that SQL can write, and the functions that it calls. Reads DO blocks and function bodies too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..lazy import dataclass
from ..sql.guard import guarded
from ..sql.locks import locks
from ..sql.nodes import Name, Node, name_of, relation_name, walk
from ..sql.parse import SqlSyntaxError, Tree, trees
from ..sql.plpgsql import body_of, parse_body
from .fold.create import function_of

if TYPE_CHECKING:
    from .catalog import Function

_WRITES = {"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"}
_DYNAMIC = {"PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors"}
_LARGE_OBJECTS = ("lo_", "lowrite")


@dataclass(frozen=True)
class Writes:
    """What a piece of SQL can write, as far as its text shows."""

    tables: frozenset[Name] = frozenset()
    """The tables that the SQL can write, as the text names them."""
    calls: frozenset[Name] = frozenset()
    """The functions that the SQL calls."""
    unknown: str = ""
    """Why the SQL may write tables that are not in `tables`. Empty if its text shows all tables."""

    def __or__(self, other: Writes) -> Writes:
        return Writes(self.tables | other.tables, self.calls | other.calls, self.unknown or other.unknown)


@guarded("what it writes")
def writes_of(sql: str) -> Writes:
    """What the statements of `sql` can write. Raises SqlSyntaxError."""
    return _together(_of_tree(tree) for tree in trees(sql))


def writes_of_routine(function: Function, name: str) -> Writes:
    """What a function can write when it is called."""
    try:
        return _of_routine(function, name)
    except SqlSyntaxError as error:
        return Writes(unknown=f"the function {name} was not analysed: {error.message}")


@guarded("what it defines")
def routines_made(sql: str) -> tuple[tuple[Name, Function], ...]:
    """The functions that `sql` creates. Raises SqlSyntaxError."""
    made = (tree.node for tree in trees(sql) if tree.kind == "CreateFunctionStmt")
    return tuple((name_of(node.get("funcname", [])), function_of(node)) for node in made)


@guarded("what a function writes")
def _of_routine(function: Function, name: str) -> Writes:
    if function.language == "plpgsql":
        return _of_block(function.body, function.header, f"the function {name}")
    if function.language != "sql":
        return Writes(unknown=f"the function {name} is in the language {function.language}, which is not analysed")
    found = _together(_of_tree(tree) for tree in trees(function.body)) if not function.atomic else Writes()
    return found | _together(_of_node(kind, inner) for node in function.atomic for kind, inner in node.items())


def _of_tree(tree: Tree) -> Writes:
    if tree.kind == "DoStmt":
        body = body_of(tree.node)
        if body is None:
            return Writes(unknown="a DO block is not in PL/pgSQL, so it is not analysed")
        return _of_block(body, "do", "a DO block")
    if tree.kind == "CreateFunctionStmt":
        return Writes()
    return _of_node(tree.kind, tree.node)


def _of_node(kind: str, node: Node) -> Writes:
    nodes = [(kind, node), *walk(node)]
    tables = [relation_name(each.get("relation", {})) for inner, each in nodes if inner in _WRITES]
    tables += [_unquoted(lock.name) for lock in locks(kind, node)]
    if kind == "CopyStmt" and node.get("is_from"):
        tables.append(relation_name(node.get("relation", {})))
    calls = {name_of(each.get("funcname", [])) for inner, each in nodes if inner == "FuncCall"}
    if kind == "CreateTrigStmt":
        calls.add(name_of(node.get("funcname", [])))
    unknown = "it writes large objects" if any(name.startswith(_LARGE_OBJECTS) for _, name in calls) else ""
    return Writes(frozenset(table for table in tables if table[1]), frozenset(calls), unknown)


def _of_block(body: str, header: str, what: str) -> Writes:
    found = Writes()
    try:
        parsed = parse_body(body, header)
    except SqlSyntaxError as error:
        return Writes(unknown=f"{what} was not analysed: {error.message}")
    for kind, node in walk(parsed):
        if kind in _DYNAMIC or "dynquery" in node:
            return Writes(unknown=f"{what} runs dynamic SQL")
        if kind == "PLpgSQL_expr" and (text := node.get("query", "")):
            found |= _of_expression(text, what)
    return found


def _of_expression(text: str, what: str) -> Writes:
    """What a statement or an expression of a block can write. The text of an assignment includes its target."""
    _, _, assigned = text.partition(":=")
    candidates = (text, f"select {text}", f"select {assigned}", f"select {text.partition('=')[2]}")
    for sql in candidates:
        try:
            return _together(_of_node(tree.kind, tree.node) for tree in trees(sql))
        except SqlSyntaxError:
            continue
    return Writes(unknown=f"{what} has an expression that is not analysed")


def _together(found: Iterable[Writes]) -> Writes:
    all_of = Writes()
    for each in found:
        all_of |= each
    return all_of


def _unquoted(name: str) -> Name:
    """The parts of a quoted name, without quotes."""
    parts = [part.replace('""', '"') for part in _split(name)]
    return (parts[-2] if len(parts) > 1 else "", parts[-1] if parts else "")


def _split(name: str) -> Iterator[str]:
    yield from (part.strip('"') for part in name.split('"."'))
