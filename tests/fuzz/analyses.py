"""Runs every analysis of SQL on a tree that no text has, and reports what failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from unittest import mock

from ctgitops.core.plan.single_transaction import single_transaction_problems
from ctgitops.core.problem import NOT_ANALYSED
from ctgitops.core.workspace.workspace import script_problems
from ctgitops.lint.catalog import Catalog
from ctgitops.lint.registry import all_rules
from ctgitops.lint.routine_writes import routines_made, writes_of
from ctgitops.lint.run import Linter
from ctgitops.sql import deparse, parse
from ctgitops.sql.guard import Guard, SqlSyntaxError
from ctgitops.sql.nodes import Node
from ctgitops.sql.row_requirements import demands, writes_rows_of
from ctgitops.sql.script import Script
from ctgitops.sql.setting_scope import settings_by_scope
from tests.lint.examples import TABLES, TODAY

TEXT = "fuzzed"
"""The text whose tree is the generated one."""
READS: tuple[Callable[[str], object], ...] = (
    parse.statements,
    parse.batch_shape,
    parse.enum_values_used,
    parse.what_it_destroys,
    parse.what_it_makes,
    parse.extension_made,
    settings_by_scope,
    writes_of,
    routines_made,
)
"""The analyses of a text, each with a tree of its own."""
_ALL = {rule.id: "error" for rule in all_rules()}


def linter() -> Linter:
    """With every rule on, and tables in use."""
    made = Linter(Catalog(complete=True, major=15), ("public",), _ALL, TODAY)
    made.fold(Script(TABLES, "000_tables.sql"))
    made.catalog.settle()
    return made


@contextmanager
def parsed_as(kind: str, node: Node) -> Iterator[None]:
    """The parser gives this tree for TEXT, and its own for any other."""
    real = parse.parse_tree

    def parse_tree(sql: str) -> Node:
        return {"stmts": [{"stmt": {kind: node}}]} if sql == TEXT else real(sql)

    # libpg_query writes SQL only of trees that a parser gave: any other can end the process
    with mock.patch.object(parse, "parse_tree", parse_tree), mock.patch.object(deparse, "_as_target", _unwritten):
        yield


def _unwritten(_target: Node) -> str:
    return "SELECT x"


def failures(kind: str, node: Node, by: Linter) -> list[str]:
    """What the analyses of one statement could not do."""
    guard = Guard()
    with parsed_as(kind, node):
        guard.value("demands", lambda: list(demands(kind, node)), None)
        guard.value("writes", lambda: list(writes_rows_of(kind, node)), None)
        for read in READS:
            guard.value("", partial(read, TEXT), None)
        script = Script(TEXT, "001_fuzzed.sql")
        found = [problem.what for problem in script_problems(script) if problem.code == NOT_ANALYSED]
        guard.value("", lambda: list(single_transaction_problems((("a", script), ("b", script)), "m.yaml")), None)
    return [*found, *map(str, guard.failures), *lint_failures(script, by, kind, node)]


def lint_failures(script: Script, by: Linter, kind: str = "", node: Node | None = None) -> list[str]:
    """What the rules could not do, and the fold of the file into the catalogue."""
    if node is None:
        return [each.what for each in by.file(script) if each.rule == NOT_ANALYSED]
    with parsed_as(kind, node):
        return [each.what for each in by.file(script) if each.rule == NOT_ANALYSED]


def text_failures(sql: str, by: Linter) -> list[str]:
    """The same of a statement as text; none where PostgreSQL's grammar refuses it."""
    guard = Guard()
    try:
        found = parse.trees(sql)
    except SqlSyntaxError:
        return []
    kind = found[0].kind if len(found) == 1 else ""
    if kind in {"DeleteStmt", "UpdateStmt"}:
        guard.value("", partial(deparse.count_where, sql), None)
    if kind == "IndexStmt":
        guard.value("", partial(deparse.index_on_probe, sql, "probe"), None)
    trees = [each for tree in found for each in failures(tree.kind, tree.node, by)]
    return [*map(str, guard.failures), *trees]
