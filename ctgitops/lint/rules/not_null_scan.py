"""Reports SET NOT NULL that scans the whole table."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ...sql.nodes import Node
from ..added_columns import columns_of
from ..constraint_proof import proved_not_null
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called


def check(case: Case) -> Iterator[Hit]:
    """Skips a column that is already NOT NULL, or that a validated CHECK proves to be not null."""
    table = case.altered
    if table is None or not case.has_rows(table):
        return
    for name, part in _columns(case):
        if not proved_not_null(table, name):
            yield Hit(f"reads and writes of {called(table)} wait until every row is seen to have {name}", part=part)


def _columns(case: Case) -> Iterator[tuple[str, Node]]:
    new = [column for _, column in case.added_columns() if column.not_null]
    yield from ((each.name, each.definition) for each in new if each.generated == "virtual")
    added = {each.name for each in new}
    for command in case.parts("AT_SetNotNull"):
        yield from ((name, command) for name in {command.get("name", "")} - added)
    for _, node, column in case.added_constraints("CONSTR_NOTNULL"):
        if column is None and not node.get("skip_validation"):
            yield from ((name, node) for name in sorted(columns_of(node) - added))


RULE = Rule(
    id="not-null-scan",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="SET NOT NULL reads the whole table under an ACCESS EXCLUSIVE lock, unless a validated CHECK (… IS NOT NULL) "
    "already proves that no value is null. From PostgreSQL 18 on, ADD CONSTRAINT … NOT NULL … NOT VALID does it too.",
    instead="ADD CONSTRAINT … CHECK (… IS NOT NULL) NOT VALID; VALIDATE in a migration of its own; then SET NOT NULL",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    bad="alter table orders alter column customer_id set not null;",
    good="alter table orders add constraint customer_there check (customer_id is not null) not valid;\n-- next file\n"
    "alter table orders validate constraint customer_there;\n-- next file\n"
    "alter table orders alter column customer_id set not null;\n"
    "alter table orders drop constraint customer_there;",
)
