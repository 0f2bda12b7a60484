"""Reports dropped tables and columns that no earlier migration deprecated for long enough."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...sql.nodes import dropped_names, qualified, relation_name
from ..rule import Case, Group, Hit, Hits, Rule, Severity, called

if TYPE_CHECKING:
    from ...sql.nodes import Name, Node
    from ..catalog import Table

_RELATIONS = {"OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE"}


def check(case: Case) -> Hits:
    """Reports the tables and columns that are in use."""
    for table, column, part in _dropped(case):
        what = f"{called(table)}.{column}" if column else called(table)
        if why := _refusal(case, table, column):
            yield Hit(f"drops `{what}`, which {why}", part=part)


def _dropped(case: Case) -> Iterator[tuple[Table, str, Node | None]]:
    if case.kind == "DropStmt":
        replaced = _replaced_views(case)
        for parts in dropped_names(case.node) if case.node.get("removeType") in _RELATIONS else ():
            table = case.used(qualified(parts), if_exists=bool(case.node.get("missing_ok")))
            if table and table.name not in replaced:
                yield table, "", None
        return
    for command in case.parts("AT_DropColumn"):
        if table := case.altered:
            yield table, command.get("name", ""), command


def _replaced_views(case: Case) -> frozenset[Name]:
    """The views that the file creates. If it also drops such a view, other sessions see only the new view."""
    if not case.transaction.whole:
        return frozenset()
    created = [node.get("view", {}) for node in case.transaction.of_kind("ViewStmt")]
    created += [node.get("into", {}).get("rel", {}) for node in case.transaction.of_kind("CreateTableAsStmt")]
    return frozenset(case.catalog.full(relation_name(each)) for each in created)


def _refusal(case: Case, table: Table, column: str) -> str:
    """Why the object must not be dropped yet. Empty if it may. The newest deprecation of the object counts."""
    schema, name = table.name
    tail = f".{column}" if column else ""
    names = {f"{name}{tail}".lower(), f"{schema}.{name}{tail}".lower()}
    known = [each for each in case.transaction.deprecations if each.object in names]
    if not known:
        return "no earlier migration deprecates"
    return known[-1].refusal(case.transaction.version, case.transaction.today)


RULE = Rule(
    id="dropped-without-deprecation",
    group=Group.COMPATIBILITY,
    severity=Severity.OFF,
    kinds=("AlterTableStmt", "DropStmt"),
    why="Users of a table or column need time to stop using it. A migration deprecates it, and names the version or "
    "the day after which a migration may drop it.",
    instead="first add a migration with `Deprecates: table.column (remove after …)`, and drop the object later",
    check=check,
    bad="alter table orders drop column note;",
    good="-- ctgitops: deprecates orders.note (remove after 2020-01-31)\n"
    "comment on column orders.note is 'deprecated';\n-- next file\nalter table orders drop column note;",
)
