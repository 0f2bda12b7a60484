"""Reports SET NOT NULL that scans the whole table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..added_columns import columns_of
from ..fixes import proved_not_null
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called

if TYPE_CHECKING:
    from ...sql.nodes import Node


def check(case: Case) -> Hits:
    """Skips a column that is already NOT NULL, or whose validated CHECK excludes NULL."""
    table = case.altered_with_rows
    for name, part in _columns(case) if table else ():
        if table and (part.get("subtype") == "AT_SetExpression" or not table.proved_not_null(name)):
            what = f"blocks reads and writes on `{called(table)}` while every row is checked for NULL in `{name}`"
            yield Hit(what, part=part)


def _columns(case: Case) -> Iterator[tuple[str, Node]]:
    new = [column for _, column in case.added_columns if column.not_null]
    yield from ((each.name, each.definition) for each in new if each.generated == "virtual")
    added = {each.name for each in new}
    for command in case.parts("AT_SetNotNull"):
        yield from ((name, command) for name in {command.get("name", "")} - added)
    for command in case.parts("AT_SetExpression"):
        yield from ((name, command) for name in _virtual(case, command.get("name", "")))
    for _, node, column in case.added_constraints("CONSTR_NOTNULL"):
        if column is None and not node.get("skip_validation"):
            yield from ((name, node) for name in sorted(columns_of(node) - added))


def _virtual(case: Case, name: str) -> set[str]:
    """The virtual columns that are NOT NULL. PostgreSQL 18 checks their rows again after SET EXPRESSION."""
    column = case.altered.columns.get(name) if case.altered else None
    return {name} if column and column.generated == "virtual" and column.not_null else set()


RULE = Rule(
    id="not-null-scan",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="SET NOT NULL scans the whole table under an ACCESS EXCLUSIVE lock. PostgreSQL skips the scan if a validated "
    "CHECK (… IS NOT NULL) constraint exists. From PostgreSQL 18 on, ADD CONSTRAINT … NOT NULL … NOT VALID avoids it "
    "too.",
    instead="use ADD CONSTRAINT … CHECK (… IS NOT NULL) NOT VALID; in a separate migration, VALIDATE it, then SET NOT "
    "NULL",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    fix=proved_not_null,
    bad="alter table orders alter column customer_id set not null;",
    good="alter table orders add constraint customer_id_not_null check (customer_id is not null) not valid;\n"
    "-- next file\nalter table orders validate constraint customer_id_not_null;\n-- next file\n"
    "alter table orders alter column customer_id set not null;\n"
    "alter table orders drop constraint customer_id_not_null;",
)
