"""Reports a view that bypasses the row-level security of the tables that it reads."""

from __future__ import annotations

from collections.abc import Iterator

from ...sql.nodes import Name, commands, relation_name, switched_on
from ..api import reaches
from ..catalog import Table
from ..fold.alter import security_invoker
from ..queries import relations_in
from ..rule import Case, Group, Hit, Hits, Rule, Severity, called

_BEFORE_15 = "PostgreSQL before 15 has no security_invoker: use a SECURITY INVOKER function that returns the rows"

_STORED = "grant no role access to the view; use a SECURITY DEFINER function that filters the rows"


def check(case: Case) -> Hits:
    """Reports new views, views that lose `security_invoker`, and new row-level security on tables that views read."""
    if case.kind == "CreateTableAsStmt":
        yield from _stored(case)
        return
    for view, tables in _views(case):
        names = ", ".join(f"`{called(table)}`" for table in tables)
        if view.kind == "materialized view":
            yield Hit(f"the materialized view `{called(view)}` keeps showing every row of {names}", _STORED)
            continue
        what = f"the view `{called(view)}` shows every row of {names}, because it runs with the policies of its owner"
        yield Hit(what, _BEFORE_15 if 0 < case.catalog.major < 15 else "")


def _stored(case: Case) -> Hits:
    """Reports a new materialized view of secured tables, which stores all rows that its owner may see."""
    tables = _secured(case, relations_in(case.node.get("query", {}), case.catalog))
    if case.node.get("objtype") == "OBJECT_MATVIEW" and tables:
        names = ", ".join(f"`{called(table)}`" for table in tables)
        view = Table(case.catalog.created(relation_name(case.node.get("into", {}).get("rel", {}))))
        what = f"the materialized view `{called(view)}` shows every row of {names}, because it cannot have policies"
        yield Hit(what, _STORED)


def _views(case: Case) -> Iterator[tuple[Table, list[Table]]]:
    node = case.node
    if case.kind == "ViewStmt":
        view = Table(case.catalog.created(relation_name(node.get("view", {}))), "view")
        invoker = switched_on(node.get("options", ()), "security_invoker") or view.name[1] in _given_invoker(case)
        reads = relations_in(node.get("query", {}), case.catalog)
        tables = [] if invoker else _secured(case, reads) or _hidden(case, view, reads)
        yield from [(view, tables)] if tables else ()
        return
    altered = case.catalog.table(relation_name(node.get("relation", {})))
    options = case.parts("AT_SetRelOptions", "AT_ResetRelOptions")
    if altered and altered.kind == "view" and any(security_invoker(each) is False for each in options):
        tables = _secured(case, altered.reads)
        yield from [(altered, tables)] if tables else ()
    if altered and any(case.parts("AT_EnableRowSecurity")) and _secured(case, frozenset({altered.name})):
        yield from ((view, [altered]) for view in _readers(case, altered))


def _hidden(case: Case, view: Table, reads: frozenset[Name]) -> list[Table]:
    """The tables of other schemas that a view in an exposed schema reads. API clients cannot query such a table."""
    if not reaches(case, view.name):
        return []
    outside = sorted(name for name in reads if name[0] not in {*case.api_schemas, "pg_catalog", "information_schema"})
    return [case.catalog.tables.get(name, Table(name)) for name in outside if name != ("auth", "users")]


def _readers(case: Case, table: Table) -> Iterator[Table]:
    """The views that read a table as their owner. Skips views that the file creates or gives `security_invoker`."""
    made = {relation_name(node.get("view", {}))[1] for node in case.transaction.of_kind("ViewStmt")}
    for view in case.catalog.tables.values():
        if view.kind in {"view", "materialized view"} and not view.security_invoker and table.name in view.reads:
            yield from [view] if view.name[1] not in made | _given_invoker(case) else ()


def _given_invoker(case: Case) -> set[str]:
    """The names of views to which the file gives `security_invoker` by ALTER VIEW … SET."""
    altered = case.transaction.of_kind("AlterTableStmt")
    given = (node for node in altered if any(map(security_invoker, commands("AlterTableStmt", node))))
    return {relation_name(node.get("relation", {}))[1] for node in given}


def _secured(case: Case, reads: frozenset[Name]) -> list[Table]:
    """The tables with row-level security but without FORCE, in `reads` or behind a security_invoker view in `reads`."""
    found: dict[Name, Table] = {}
    left, seen = list(reads), set[Name]()
    while left:
        table = case.catalog.tables.get(left.pop())
        if table and table.name not in seen:
            seen.add(table.name)
            left += table.reads if table.kind == "view" and table.security_invoker else ()
            forced = table.row_security_forced or table.name[1] in case.transaction.altering("AT_ForceRowSecurity")
            on = table.row_security or table.name[1] in case.transaction.altering("AT_EnableRowSecurity")
            found |= {table.name: table} if on and not forced else {}
    return [found[name] for name in sorted(found)]


RULE = Rule(
    id="bypassing-view",
    group=Group.SECURITY,
    severity=Severity.WARNING,
    kinds=("ViewStmt", "AlterTableStmt", "CreateTableAsStmt"),
    why="A view reads its tables as its owner. The owner of a table is not subject to the policies of the table, so "
    "every role that may read the view sees all rows.",
    instead="create the view WITH (security_invoker = true), from PostgreSQL 15 on",
    check=check,
    given="alter table orders enable row level security;",
    bad="create view big_orders as select * from orders where amount > 1000;",
    good="create function big_orders() returns setof orders language sql stable\n"
    "as 'select * from orders where amount > 1000';",
)
