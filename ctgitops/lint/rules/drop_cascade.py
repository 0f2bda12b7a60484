"""Reports DROP … CASCADE."""

from __future__ import annotations

from collections.abc import Iterator

from ...sql.nodes import dropped_names, qualified
from ..rule import Case, Group, Hit, Hits, Rule, Severity

_QUIET = {"OBJECT_SCHEMA", "OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE"}
_RELATIONS = {"OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW"}


def check(case: Case) -> Hits:
    """Reports CASCADE, because it drops dependent objects that the file does not name."""
    for name in _dropped(case) if case.kind == "DropStmt" else _parts(case):
        yield Hit(f"drops every object that depends on `{name}` when the migration runs")


def _dropped(case: Case) -> Iterator[str]:
    if case.node.get("behavior") == "DROP_CASCADE" and case.node.get("removeType") not in _QUIET:
        yield from (".".join(parts) for parts in dropped_names(case.node) if parts and not _new(case, parts))


def _parts(case: Case) -> Iterator[str]:
    if case.altered:
        for command in case.parts("AT_DropColumn", "AT_DropConstraint"):
            if command.get("behavior") == "DROP_CASCADE":
                yield command.get("name", "")


def _new(case: Case, parts: tuple[str, ...]) -> bool:
    """Whether the same plan created the object, or the object certainly does not exist."""
    found = case.catalog.table(qualified(parts))
    if found is None and case.node.get("removeType") in _RELATIONS:
        return case.catalog.complete and bool(case.node.get("missing_ok"))
    return found is not None and found.new


RULE = Rule(
    id="drop-cascade",
    group=Group.DESTRUCTIVE,
    severity=Severity.WARNING,
    kinds=("DropStmt", "AlterTableStmt"),
    why="CASCADE also drops views, foreign keys and functions that the file does not name, so a reviewer does not see "
    "them.",
    instead="drop each dependent object explicitly, without CASCADE",
    check=check,
    given="create view big_orders as select id from orders where amount > 1000;",
    bad="drop view big_orders cascade;",
    good="drop view big_orders;",
)
