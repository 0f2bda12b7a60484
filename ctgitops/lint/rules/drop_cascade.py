"""Reports DROP … CASCADE."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.nodes import dropped_names
from ..rule import Group, Hit, Rule
from ..rule_input import Case

_QUIET = {"OBJECT_SCHEMA", "OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE"}
_RELATIONS = {"OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW"}


def check(case: Case) -> Iterator[Hit]:
    """CASCADE drops dependent objects that the file does not name."""
    for name in _dropped(case) if case.kind == "DropStmt" else _parts(case):
        yield Hit(f"everything that needs {name} is dropped too, whatever that is by then")


def _dropped(case: Case) -> Iterator[str]:
    if case.node.get("behavior") == "DROP_CASCADE" and case.node.get("removeType") not in _QUIET:
        yield from (".".join(parts) for parts in dropped_names(case.node) if parts and not _new(case, parts))


def _parts(case: Case) -> Iterator[str]:
    if case.altered:
        for command in case.parts("AT_DropColumn", "AT_DropConstraint"):
            if command.get("behavior") == "DROP_CASCADE":
                yield command.get("name", "")


def _new(case: Case, parts: tuple[str, ...]) -> bool:
    """Whether the same plan created the object, or it is known not to exist."""
    found = case.catalog.table((parts[-2] if len(parts) > 1 else "", parts[-1]))
    if found is None and case.node.get("removeType") in _RELATIONS:
        return case.catalog.complete and bool(case.node.get("missing_ok"))
    return found is not None and found.new


RULE = Rule(
    id="drop-cascade",
    group=Group.DESTRUCTIVE,
    severity=Severity.WARNING,
    kinds=("DropStmt", "AlterTableStmt"),
    why="CASCADE drops views, foreign keys and functions that the file does not name, and that a reviewer does not "
    "see.",
    instead="name each thing that has to go, and leave CASCADE out",
    check=check,
    given="create view big_orders as select id from orders where amount > 1000;",
    bad="drop view big_orders cascade;",
    good="drop view big_orders;",
)
